//! Makes unsigned packages, bit for bit the same from the same input.
//!
//! The control member names the hash of the data, so the data is written first, to
//! wherever the caller wants it, and the control member is made from its summary.
//! Knows no scripts: what a package needs done is declared, not scripted.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::PackageError;
use crate::archive::writer::ArchiveWriter;
use crate::archive::{ArchiveError, Entry, Kind};
use crate::checksum::Checksum;
use crate::gzip::{self, MemberWriter};
use crate::pkginfo::PkgInfo;

/// Writes a data member.
pub struct DataWriter<W: Write> {
    archive: ArchiveWriter<MemberWriter<HashingWriter<W>>>,
    epoch: u64,
    last: Option<String>,
    files: BTreeSet<String>,
    installed_size: u64,
}

/// A data member that has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataMember {
    /// SHA-256 of its compressed bytes: the package's `datahash`.
    pub hash: [u8; 32],
    /// Length of its compressed bytes.
    pub compressed_size: u64,
    /// Bytes of all regular files together: the package's `size`.
    pub installed_size: u64,
}

/// A control member that has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlMember {
    /// The compressed bytes.
    pub bytes: Vec<u8>,
    /// `.PKGINFO` as it is in there, `size` and `datahash` filled in.
    pub info: PkgInfo,
}

/// An unsigned package that has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPackage {
    /// Its control member.
    pub control: ControlMember,
    /// Its data member.
    pub data: DataMember,
}

impl<W: Write> DataWriter<W> {
    /// Begins a data member. Every entry gets the modification time `epoch`, in
    /// seconds since 1970.
    pub fn new(output: W, epoch: u64) -> Self {
        let output = HashingWriter { inner: output, state: Sha256::new(), length: 0 };
        Self {
            archive: ArchiveWriter::new(MemberWriter::new(output)),
            epoch,
            last: None,
            files: BTreeSet::new(),
            installed_size: 0,
        }
    }

    /// Adds one entry, whose path must be above the previous one's in byte order. A
    /// file comes with its SHA-1, against which `content` is checked; others ignore
    /// `content`.
    ///
    /// # Errors
    /// [`PackageError`] if the entry breaks that contract or the output fails.
    pub fn append(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), PackageError> {
        let path = || entry.path.clone();
        if self.last.as_ref().is_some_and(|last| *last >= entry.path) {
            return Err(PackageError::Order { path: path() });
        }
        match &entry.kind {
            Kind::File { .. } => self.append_file(entry, content)?,
            Kind::HardLink { target } if !self.files.contains(target) => {
                return Err(PackageError::HardLink { path: path(), target: target.clone() });
            }
            Kind::Symlink { target } => {
                let checksum = Some(Checksum::sha1(target.as_bytes()));
                let entry = Entry { checksum, ..entry.clone() };
                self.archive.append(&entry, self.epoch, &mut io::empty())?;
            }
            Kind::Directory | Kind::HardLink { .. } => {
                self.archive.append(entry, self.epoch, &mut io::empty())?;
            }
        }
        self.last = Some(path());
        Ok(())
    }

    fn append_file(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), PackageError> {
        let Some(Checksum::Sha1(expected)) = entry.checksum else {
            return Err(PackageError::NoChecksum { path: entry.path.clone() });
        };
        let mut hashing = Sha1Reader { inner: content, state: Sha1::new() };
        self.archive.append(entry, self.epoch, &mut hashing)?;
        let actual: [u8; 20] = hashing.state.finalize().into();
        if actual != expected {
            return Err(PackageError::FileChecksum { path: entry.path.clone() });
        }
        self.files.insert(entry.path.clone());
        self.installed_size += entry.size();
        Ok(())
    }

    /// Ends the member and gives the output back.
    ///
    /// # Errors
    /// [`PackageError`] if the output fails.
    pub fn finish(self) -> Result<(W, DataMember), PackageError> {
        let output = self.archive.finish()?.finish().map_err(PackageError::Write)?;
        let member = DataMember {
            hash: output.state.finalize().into(),
            compressed_size: output.length,
            installed_size: self.installed_size,
        };
        Ok((output.inner, member))
    }
}

impl<W: Write> std::fmt::Debug for DataWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataWriter").field("last", &self.last).finish_non_exhaustive()
    }
}

impl ControlMember {
    /// Makes the control member for `info`, of which `size` and `data_hash` are taken
    /// from `data` and `build_date` from `epoch`.
    ///
    /// # Errors
    /// [`PackageError::PkgInfo`] if a field cannot be written.
    pub fn new(info: &PkgInfo, data: &DataMember, epoch: u64) -> Result<Self, PackageError> {
        let info = PkgInfo {
            size: data.installed_size,
            data_hash: Some(data.hash),
            build_date: Some(epoch),
            ..info.clone()
        };
        let text = info.to_text()?;
        let entry = Entry { checksum: None, ..Entry::file(".PKGINFO", text.as_bytes()) };
        let mut archive = ArchiveWriter::new(Vec::new());
        archive.append(&entry, epoch, &mut text.as_bytes())?;
        Ok(Self { bytes: gzip::compress(&archive.into_open_end()), info })
    }

    /// The package's identity in v2 indexes and databases: SHA-1 of the member.
    #[must_use]
    pub fn identity(&self) -> Checksum {
        Checksum::sha1(&self.bytes)
    }
}

impl WrittenPackage {
    /// Length of the unsigned package in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.control.bytes.len() as u64 + self.data.compressed_size
    }
}

/// Writes an unsigned package to `output`. `fill` adds the entries; the data passes
/// through `scratch`, an empty file, so memory use does not depend on its length.
///
/// # Errors
/// [`PackageError`] if an entry or field cannot be written, or a file fails.
pub fn write_package<S: Read + Write + Seek>(
    info: &PkgInfo,
    epoch: u64,
    scratch: S,
    output: &mut impl Write,
    fill: impl FnOnce(&mut DataWriter<S>) -> Result<(), PackageError>,
) -> Result<WrittenPackage, PackageError> {
    let mut writer = DataWriter::new(scratch, epoch);
    fill(&mut writer)?;
    let (mut scratch, data) = writer.finish()?;
    let control = ControlMember::new(info, &data, epoch)?;
    scratch.seek(SeekFrom::Start(0)).map_err(PackageError::Write)?;
    output.write_all(&control.bytes).map_err(PackageError::Write)?;
    let copied = io::copy(&mut scratch, output).map_err(PackageError::Write)?;
    if copied != data.compressed_size {
        let path = "scratch file".to_owned();
        let (expected, actual) = (data.compressed_size, copied);
        return Err(ArchiveError::Size { path, expected, actual }.into());
    }
    Ok(WrittenPackage { control, data })
}

struct HashingWriter<W> {
    inner: W,
    state: Sha256,
    length: u64,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.state.update(&bytes[..length]);
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Sha1Reader<'a> {
    inner: &'a mut dyn Read,
    state: Sha1,
}

impl Read for Sha1Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.state.update(&buffer[..length]);
        Ok(length)
    }
}
