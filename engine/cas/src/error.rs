//! What can go wrong in the store. Unaware of what the caller was building.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use wiz_base::Digest;
use wiz_base::reapi::EncodingError;

/// A failed operation on the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The cache folder cannot be made or written.
    #[error(
        "the cache folder `{path}` cannot be written: {source}\nhint: make it writable, or name another with `WIZ_CACHE_DIR` or `--cache-dir`"
    )]
    Unwritable {
        /// The folder, or what stands in its way.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk or the quota under the cache is full; nothing half-written is left.
    #[error(
        "no space left while writing `{path}`: {source}\nhint: free some space, or empty the cache with `wiz clean --cache`, then build again"
    )]
    Full {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Any other failure of the file system.
    #[error("cannot {doing} `{path}`: {source}")]
    Io {
        /// A verb: `read`, `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A blob that the store does not hold, or no longer holds intact. Whoever made
    /// it has to make it again.
    #[error("the blob `{digest}` is {loss} in the cache")]
    Lost {
        /// Its digest.
        digest: Digest,
        /// How it was lost.
        loss: Loss,
    },
    /// A blob that was taken for a directory and is none.
    #[error("the blob `{digest}` is not a directory: {source}")]
    NotDirectory {
        /// Its digest.
        digest: Digest,
        /// What the decoder said.
        source: EncodingError,
    },
    /// A file that was to be stored and is not a regular file.
    #[error("`{path}` is not a regular file")]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
}

/// How a blob was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// There is no such file.
    Missing,
    /// Its bytes are not those of its digest; they have been moved aside.
    Damaged,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        })
    }
}

impl StoreError {
    /// The blob that has to be made again, if that is what is wrong.
    #[must_use]
    pub fn lost(&self) -> Option<Digest> {
        match self {
            Self::Lost { digest, .. } => Some(*digest),
            _ => None,
        }
    }

    /// Turns a failure of the system on the cache's disk into the right variant; for
    /// `map_err`. `doing` is a verb that `path` follows.
    pub fn io<E: Into<io::Error>>(doing: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| {
            let (source, path) = (source.into(), path.to_owned());
            match Errno::from_io_error(&source) {
                Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Self::Full { path, source },
                Some(Errno::ROFS) => Self::Unwritable { path, source },
                _ => Self::Io { doing, path, source },
            }
        }
    }
}
