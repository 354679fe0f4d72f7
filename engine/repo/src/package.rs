//! One package file: copied with a signature put in front, or looked at.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use wiz_apk::key::PrivateKey;
use wiz_apk::package::PackageError;
use wiz_apk::package::reader::Control;
use wiz_apk::signature::Signature;
use wiz_apk::{Checksum, Entry, PackageReader, PkgInfo, Record};

use crate::error::{RepositoryError, reading};

/// How many bytes are copied at a time.
const CHUNK: usize = 256 * 1024;

/// What a package says of itself in front of its data.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) info: PkgInfo,
    pub(crate) identity: Checksum,
    pub(crate) signatures: Vec<Signature>,
    /// The bytes that signatures are over.
    pub(crate) control: Vec<u8>,
    /// Of the file, signatures included.
    pub(crate) size: u64,
}

impl Head {
    fn of<R: BufRead>(reader: &PackageReader<R>, size: u64) -> Self {
        let Control { bytes, info, .. } = reader.control();
        Self {
            info: info.clone(),
            identity: reader.control().identity(),
            signatures: reader.signatures().to_vec(),
            control: bytes.clone(),
            size,
        }
    }

    /// The package's record in an index.
    pub(crate) fn record(&self) -> Record {
        Record::from_info(&self.info, self.identity, self.size)
    }
}

/// Reads what is in front of a package's data.
pub(crate) fn head(path: &Path) -> Result<Head, RepositoryError> {
    let (reader, size) = open(path)?;
    Ok(Head::of(&reader, size))
}

/// Reads a whole package and checks it against what it says of itself.
pub(crate) fn head_and_entries(path: &Path) -> Result<(Head, Vec<Entry>), RepositoryError> {
    let (reader, size) = open(path)?;
    let head = Head::of(&reader, size);
    let entries = reader.list().map_err(unreadable(path))?;
    Ok((head, entries))
}

/// Writes the package at `from` to `output` with the signature of `key` in front,
/// instead of what signatures it has, and returns its size. Only the very package that
/// `record` means is signed.
pub(crate) fn sign(
    from: &Path,
    record: &Record,
    key: &PrivateKey,
    output: &mut dyn Write,
) -> Result<u64, RepositoryError> {
    let (reader, _) = open(from)?;
    let found = reader.control().identity();
    if record.identity != Some(found) {
        return Err(RepositoryError::OtherPackage {
            path: from.to_owned(),
            found: found.to_string(),
            expected: record.identity.map_or_else(|| "nothing".to_owned(), |identity| identity.to_string()),
        });
    }
    let (control, mut data) = reader.into_parts();
    let expected = control.info.data_hash.ok_or(PackageError::NoDataHash).map_err(unreadable(from))?;
    let failed = |source| RepositoryError::Sign { path: from.to_owned(), source };
    let signature = Signature::sign(&control.bytes, key).map_err(failed)?.to_member().map_err(failed)?;
    let writing = |source| RepositoryError::Write { path: from.to_owned(), source };
    output.write_all(&signature).and_then(|()| output.write_all(&control.bytes)).map_err(writing)?;
    let (length, actual) = copy(&mut data, output, from)?;
    if actual != expected {
        let (expected, actual) = (hex::encode(expected), hex::encode(actual));
        return Err(unreadable(from)(PackageError::DataHash { expected, actual }));
    }
    Ok(signature.len() as u64 + control.bytes.len() as u64 + length)
}

/// Copies the rest of `input`; its length and SHA-256.
fn copy(
    input: &mut dyn Read,
    output: &mut dyn Write,
    path: &Path,
) -> Result<(u64, [u8; 32]), RepositoryError> {
    let (mut state, mut length) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => return Ok((length, state.finalize().into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(reading(path)(error)),
        };
        state.update(&chunk[..read]);
        let written = output.write_all(&chunk[..read]);
        written.map_err(|source| RepositoryError::Write { path: path.to_owned(), source })?;
        length += read as u64;
    }
}

fn open(path: &Path) -> Result<(PackageReader<BufReader<File>>, u64), RepositoryError> {
    let file = fs::File::open(path).map_err(reading(path))?;
    let size = file.metadata().map_err(reading(path))?.len();
    let reader = PackageReader::open(BufReader::with_capacity(CHUNK, file)).map_err(unreadable(path))?;
    Ok((reader, size))
}

fn unreadable(path: &Path) -> impl Fn(PackageError) -> RepositoryError + '_ {
    move |source| RepositoryError::Package { path: path.to_owned(), source }
}
