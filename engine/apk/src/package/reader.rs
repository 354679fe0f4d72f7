//! Takes a package apart without holding its files in memory.
//!
//! Opening reads signatures and control; the data follows as a stream. Checks what
//! the package says about itself. Whether to trust who says it is for
//! [`crate::signature`].

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{PackageError, Script};
use crate::archive::reader::read_archive;
use crate::archive::{ArchiveError, Entry, Kind};
use crate::checksum::Checksum;
use crate::gzip::{self, Member};
use crate::pkginfo::PkgInfo;
use crate::pkginfo::document::Document;
use crate::signature::{SIGNATURE_PREFIX, Signature};

/// Longest signature or control member accepted, decompressed, in bytes.
const MAX_CONTROL: u64 = 32 << 20;

/// A package whose control member has been read and whose data has not.
#[derive(Debug)]
pub struct PackageReader<R> {
    signatures: Vec<Signature>,
    control: Control,
    data: R,
}

/// What the control member holds.
#[derive(Debug, Clone)]
pub struct Control {
    /// The member's compressed bytes: what signatures and identities are over.
    pub bytes: Vec<u8>,
    /// `.PKGINFO` as it was written.
    pub document: Document,
    /// `.PKGINFO` as typed fields.
    pub info: PkgInfo,
    /// Maintainer scripts.
    pub scripts: BTreeMap<Script, Vec<u8>>,
    /// Other files, such as `.melange.yaml`, by name.
    pub others: BTreeMap<String, Vec<u8>>,
}

/// What is known about the data once it has been read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSummary {
    /// SHA-256 of the data's compressed bytes.
    pub hash: [u8; 32],
    /// Length of the data's compressed bytes.
    pub compressed_size: u64,
}

impl<R: BufRead> PackageReader<R> {
    /// Reads the members before the data. `input` begins at the package's first byte.
    ///
    /// # Errors
    /// [`PackageError`] if a member is malformed or missing.
    pub fn open(mut input: R) -> Result<Self, PackageError> {
        let mut signatures = Vec::new();
        loop {
            let member = gzip::read_member(&mut input, MAX_CONTROL)
                .map_err(|source| PackageError::Member { member: "control", source })?
                .ok_or(PackageError::NoControl)?;
            let files = read_files(&member)?;
            if !files.iter().any(|(name, _)| name.starts_with(SIGNATURE_PREFIX)) {
                return Ok(Self { signatures, control: Control::new(member, files)?, data: input });
            }
            signatures
                .extend(files.into_iter().filter_map(|(name, bytes)| Signature::from_entry(&name, bytes)));
        }
    }

    /// The signatures in front, in order. Those of unknown algorithms are left out.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The control member.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The control member, and the input at the first byte of the data, which nothing
    /// has vouched for.
    #[must_use]
    pub fn into_parts(self) -> (Control, R) {
        (self.control, self.data)
    }

    /// Calls `visit` with each entry of the data and its content, in order, and then
    /// checks the whole against `datahash`. Each file's bytes are checked against its
    /// checksum as soon as `visit` returns. What `visit` saw before this function
    /// returned `Ok` is not vouched for by anything.
    ///
    /// # Errors
    /// The error of `visit`, or a [`PackageError`] if the data is malformed or not
    /// what `.PKGINFO` means.
    pub fn read_data<E: From<PackageError>>(
        self,
        visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), E>,
    ) -> Result<DataSummary, E> {
        let expected = self.control.info.data_hash.ok_or(PackageError::NoDataHash)?;
        let mut data = MultiGzDecoder::new(HashingReader::new(self.data));
        read_archive::<DataError<E>>(&mut data, &mut |entry, content| visit_checked(&entry, content, visit))
            .map_err(DataError::flatten)?;
        let unreadable = |source| PackageError::Member { member: "data", source };
        io::copy(&mut data, &mut io::sink()).map_err(unreadable)?;
        let summary = data.into_inner().finish().map_err(unreadable)?;
        if summary.hash != expected {
            let (expected, actual) = (hex::encode(expected), hex::encode(summary.hash));
            return Err(PackageError::DataHash { expected, actual }.into());
        }
        Ok(summary)
    }

    /// The entries of the data without their content, checked as
    /// [`PackageReader::read_data`] does.
    ///
    /// # Errors
    /// [`PackageError`] as there.
    pub fn list(self) -> Result<Vec<Entry>, PackageError> {
        let mut entries = Vec::new();
        self.read_data::<PackageError>(&mut |entry, _| {
            entries.push(entry.clone());
            Ok(())
        })?;
        Ok(entries)
    }
}

impl Control {
    fn new(member: Member, files: Vec<(String, Vec<u8>)>) -> Result<Self, PackageError> {
        let mut others: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        let document = Document::parse(&others.remove(".PKGINFO").ok_or(PackageError::NoPkgInfo)?)?;
        let mut scripts = BTreeMap::new();
        for script in Script::ALL {
            if let Some(bytes) = others.remove(&format!(".{script}")) {
                scripts.insert(script, bytes);
            }
        }
        Ok(Self { info: document.info()?, document, bytes: member.compressed, scripts, others })
    }

    /// The package's identity in v2 indexes and databases: SHA-1 of the member.
    #[must_use]
    pub fn identity(&self) -> Checksum {
        Checksum::sha1(&self.bytes)
    }

    /// The package's identity by SHA-256.
    #[must_use]
    pub fn identity_sha256(&self) -> Checksum {
        Checksum::sha256(&self.bytes)
    }
}

/// The files of a signature or control member, in order.
fn read_files(member: &Member) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let mut files = Vec::new();
    read_archive::<ArchiveError>(member.content.as_slice(), &mut |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        files.push((entry.path, bytes));
        Ok(())
    })?;
    Ok(files)
}

/// Either the visitor's error or our own, on its way out of the archive reader.
enum DataError<E> {
    Visitor(E),
    Package(PackageError),
}

impl<E> From<ArchiveError> for DataError<E> {
    fn from(error: ArchiveError) -> Self {
        Self::Package(error.into())
    }
}

impl<E: From<PackageError>> DataError<E> {
    fn flatten(self) -> E {
        match self {
            Self::Visitor(error) => error,
            Self::Package(error) => error.into(),
        }
    }
}

fn visit_checked<E>(
    entry: &Entry,
    content: &mut dyn Read,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<(), E>,
) -> Result<(), DataError<E>> {
    let mut content = ChecksumReader { inner: content, state: State::new(entry.checksum), length: 0 };
    visit(entry, &mut content).map_err(DataError::Visitor)?;
    io::copy(&mut content, &mut io::sink()).map_err(ArchiveError::Io)?;
    if content.length != entry.size() {
        let (path, expected, actual) = (entry.path.clone(), entry.size(), content.length);
        return Err(ArchiveError::Size { path, expected, actual }.into());
    }
    if let Kind::Symlink { target } = &entry.kind {
        content.state.update(target.as_bytes());
    }
    // A hard link repeats the checksum of the file it names, whose bytes it lacks.
    let is_link = matches!(entry.kind, Kind::HardLink { .. });
    if !is_link && entry.checksum != content.state.finish() {
        return Err(DataError::Package(PackageError::FileChecksum { path: entry.path.clone() }));
    }
    Ok(())
}

/// Hashes an entry's content with the function of its checksum.
struct ChecksumReader<'a> {
    inner: &'a mut dyn Read,
    state: State,
    length: u64,
}

enum State {
    None,
    Sha1(Sha1),
    Sha256(Sha256),
}

impl State {
    fn new(checksum: Option<Checksum>) -> Self {
        match checksum {
            None => Self::None,
            Some(Checksum::Sha1(_)) => Self::Sha1(Sha1::new()),
            Some(Checksum::Sha256(_)) => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
        }
    }

    fn finish(self) -> Option<Checksum> {
        match self {
            Self::None => None,
            Self::Sha1(state) => Some(Checksum::Sha1(state.finalize().into())),
            Self::Sha256(state) => Some(Checksum::Sha256(state.finalize().into())),
        }
    }
}

impl Read for ChecksumReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.state.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}

/// Hashes the compressed bytes on their way into the decompressor.
struct HashingReader<R> {
    inner: R,
    state: Sha256,
    length: u64,
}

impl<R: BufRead> HashingReader<R> {
    fn new(inner: R) -> Self {
        Self { inner, state: Sha256::new(), length: 0 }
    }

    /// Hashes what is left and returns the whole.
    fn finish(mut self) -> io::Result<DataSummary> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(DataSummary { hash: self.state.finalize().into(), compressed_size: self.length })
    }
}

impl<R: BufRead> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.state.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}

impl<R: BufRead> BufRead for HashingReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(buffer) = self.inner.fill_buf() {
            self.state.update(&buffer[..amount]);
        }
        self.length += amount as u64;
        self.inner.consume(amount);
    }
}
