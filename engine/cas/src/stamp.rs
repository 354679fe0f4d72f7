//! What `stat` says of a file that changes whenever its content does. Unaware of
//! content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Inode, size in bytes, and times in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
}

/// Length of [`Stamp::to_bytes`].
pub(crate) const STAMP_LEN: usize = 32;

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(crate) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            ctime: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
        }
    }

    /// Four little-endian words.
    pub(crate) fn to_bytes(self) -> [u8; STAMP_LEN] {
        let words = [
            self.inode.to_le_bytes(),
            self.size.to_le_bytes(),
            self.mtime.to_le_bytes(),
            self.ctime.to_le_bytes(),
        ];
        let mut bytes = [0; STAMP_LEN];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; STAMP_LEN]) -> Self {
        let word = |index: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[index * 8..index * 8 + 8]);
            word
        };
        Self {
            inode: u64::from_le_bytes(word(0)),
            size: u64::from_le_bytes(word(1)),
            mtime: i64::from_le_bytes(word(2)),
            ctime: i64::from_le_bytes(word(3)),
        }
    }
}

fn nanoseconds(seconds: i64, fraction: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(fraction)
}
