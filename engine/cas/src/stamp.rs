//! What `stat` says of a file that changes whenever its content does. Unaware of
//! content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Inode, size in bytes, and times in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// The inode's number.
    pub inode: u64,
    /// Size in bytes.
    pub size: u64,
    /// When the content last changed, or what somebody set it to.
    pub mtime: i64,
    /// When anything about the inode last changed; nobody can set it.
    pub ctime: i64,
}

/// Length of [`Stamp::to_bytes`].
pub(crate) const STAMP_LEN: usize = 32;

impl Stamp {
    /// What `stat` says in these metadata.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The same from what the system call returns.
    #[must_use]
    pub fn of_stat(stat: &rustix::fs::Stat) -> Self {
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
