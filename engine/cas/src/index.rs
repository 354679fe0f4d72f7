//! The index over results: when each was last used, how large it is, whose it is.
//!
//! It can always be made again from the files it is about, and no build needs it.
//! One process at a time holds it; the others leave their uses in a journal. Unaware
//! of blobs and trees.

use std::fmt;

use wiz_base::Digest;

use crate::frame::{Frame, FrameReader};

mod held;
mod journal;
mod memory;
mod sled_index;

pub use held::HeldIndex;
pub(crate) use held::sharded_files;
pub(crate) use journal::read_journal;
pub use memory::MemoryIndex;
pub use sled_index::SledIndex;

/// What the index knows of one result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexRecord {
    /// When it was last used, in seconds since 1970.
    pub used: u64,
    /// Bytes of its output.
    pub bytes: u64,
    /// Whose result it is, in the caller's words and on one line: results with the
    /// same note are near one another.
    pub note: String,
}

/// A key with its record, as a process reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The result's key.
    pub key: Digest,
    /// What is to be known of it.
    pub record: IndexRecord,
}

impl IndexRecord {
    /// The record after both were seen: the later one's facts.
    #[must_use]
    pub fn or_later(self, other: Self) -> Self {
        let (mut later, earlier) = if other.used >= self.used { (other, self) } else { (self, other) };
        if later.note.is_empty() {
            later.note = earlier.note;
        }
        later.bytes = if later.bytes == 0 { earlier.bytes } else { later.bytes };
        later
    }

    /// Bytes that prove to belong to `key` and to be whole.
    fn encode(&self, key: &Digest) -> Vec<u8> {
        let mut frame = Frame::new(MAGIC);
        frame.digest(key);
        frame.word(self.used);
        frame.word(self.bytes);
        frame.bytes(self.note.as_bytes());
        frame.finish()
    }

    fn decode(key: &Digest, bytes: &[u8]) -> Option<Self> {
        let mut frame = FrameReader::open(MAGIC, bytes)?;
        if frame.digest()? != *key {
            return None;
        }
        let (used, bytes) = (frame.word()?, frame.word()?);
        let note = frame.text()?.to_owned();
        frame.is_at_end().then_some(Self { used, bytes, note })
    }
}

const MAGIC: &str = "use-1";

/// A map from keys to records. Records that do not prove to be whole are absent.
pub trait Index: fmt::Debug + Send {
    /// The record of `key`.
    ///
    /// # Errors
    /// [`IndexError`] if the index is broken; it can be made again.
    fn get(&self, key: &Digest) -> Result<Option<IndexRecord>, IndexError>;

    /// Sets the record of `key`.
    ///
    /// # Errors
    /// As [`Index::get`].
    fn put(&mut self, key: &Digest, record: &IndexRecord) -> Result<(), IndexError>;

    /// Removes the record of `key`, if there is one.
    ///
    /// # Errors
    /// As [`Index::get`].
    fn remove(&mut self, key: &Digest) -> Result<(), IndexError>;

    /// Shows all records in the order of their keys.
    ///
    /// # Errors
    /// As [`Index::get`].
    fn visit(&self, visitor: &mut dyn FnMut(Digest, IndexRecord)) -> Result<(), IndexError>;

    /// Makes what was put survive the process.
    ///
    /// # Errors
    /// As [`Index::get`].
    fn flush(&mut self) -> Result<(), IndexError>;
}

/// A broken or unusable index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database reports an error.
    #[error("the index over the cache is broken: {0}")]
    Database(#[from] sled::Error),
    /// The database panicked.
    #[error("the index over the cache is broken: the database panicked")]
    Panicked,
    /// The database did not open in time.
    #[error("the index over the cache did not open in time")]
    TooSlow,
    /// The database does not give back what was put into it.
    #[error("the index over the cache is broken: it does not give back what was put into it")]
    Canary,
}

impl IndexError {
    /// Whether the disk is full or read-only, so that the index may be sound.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        let Self::Database(sled::Error::Io(error)) = self else { return false };
        matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
                | std::io::ErrorKind::ReadOnlyFilesystem
                | std::io::ErrorKind::PermissionDenied
                | std::io::ErrorKind::WouldBlock
        )
    }
}

#[cfg(test)]
mod tests;
