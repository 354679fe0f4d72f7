//! `APKINDEX.tar.gz`: signatures in one gzip member, the records in the next.
//!
//! What is signed are the compressed bytes of the records' member, so a signature
//! is put in front of bytes that stay as they are.

use std::io::BufRead;

use super::{Record, RecordError};
use crate::archive::reader::read_archive;
use crate::archive::writer::ArchiveWriter;
use crate::archive::{ArchiveError, Entry};
use crate::gzip;
use crate::key::PublicKeys;
use crate::signature::{self, SIGNATURE_PREFIX, Signature, SignatureError};

/// Longest member accepted, decompressed, in bytes: some ten million packages.
const MAX_MEMBER: u64 = 4 << 30;

/// An index file taken apart.
#[derive(Debug)]
pub struct IndexArchive {
    /// The signatures in front.
    pub signatures: Vec<Signature>,
    /// Compressed bytes of the records' member: what is signed.
    pub member: Vec<u8>,
    /// `DESCRIPTION`: a line about the repository, often its revision.
    pub description: String,
    /// `APKINDEX`: the records as text.
    pub text: String,
}

impl IndexArchive {
    /// Takes an index file apart without trusting it.
    ///
    /// # Errors
    /// [`IndexError`] if it is malformed.
    pub fn read(mut input: impl BufRead) -> Result<Self, IndexError> {
        let mut signatures = Vec::new();
        while let Some(member) = gzip::read_member(&mut input, MAX_MEMBER)? {
            let (mut text, mut description) = (None, Vec::new());
            read_archive::<IndexError>(member.content.as_slice(), &mut |entry, content| {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes)?;
                match entry.path.as_str() {
                    "APKINDEX" => text = Some(bytes),
                    "DESCRIPTION" => description = bytes,
                    path if path.starts_with(SIGNATURE_PREFIX) => {
                        signatures.extend(Signature::from_entry(path, bytes));
                    }
                    _ => {}
                }
                Ok(())
            })?;
            let Some(text) = text else { continue };
            return Ok(Self {
                signatures,
                member: member.compressed,
                description: String::from_utf8(description).map_err(|_| IndexError::Encoding)?,
                text: String::from_utf8(text).map_err(|_| IndexError::Encoding)?,
            });
        }
        Err(IndexError::NoIndex)
    }

    /// Checks that a trusted key signed the records, and returns its name.
    ///
    /// # Errors
    /// [`SignatureError`] if none did.
    pub fn verify(&self, keys: &PublicKeys) -> Result<&str, SignatureError> {
        signature::verify_any(&self.signatures, &self.member, keys)
    }

    /// The records.
    ///
    /// # Errors
    /// [`IndexError::Record`] if one is malformed.
    pub fn records(&self) -> Result<Vec<Record>, IndexError> {
        Ok(super::parse(&self.text)?)
    }
}

/// The unsigned index of `records`, one gzip member. A signature's member put in
/// front of it makes the signed `APKINDEX.tar.gz`.
///
/// # Errors
/// [`IndexError::Archive`] if the archive cannot be written.
pub fn write(records: &[Record], description: &str, epoch: u64) -> Result<Vec<u8>, IndexError> {
    let text = super::format(records);
    let mut archive = ArchiveWriter::new(Vec::new());
    for (name, content) in [("DESCRIPTION", description), ("APKINDEX", &text)] {
        let entry = Entry { checksum: None, ..Entry::file(name, content.as_bytes()) };
        archive.append(&entry, epoch, &mut content.as_bytes())?;
    }
    Ok(gzip::compress(&archive.finish()?))
}

/// An index that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A member is no gzip, is too long, or ends early.
    #[error("cannot read the index")]
    Io(#[from] std::io::Error),
    /// A member's archive is malformed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No member has a file `APKINDEX`.
    #[error("there is no `APKINDEX` in the archive")]
    NoIndex,
    /// Bytes that are not UTF-8.
    #[error("the index is not UTF-8")]
    Encoding,
    /// A record is malformed.
    #[error(transparent)]
    Record(#[from] RecordError),
}
