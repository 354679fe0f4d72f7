//! Which blob has which SHA-256, for sources that were fetched before. Unaware of where
//! they came from.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wiz_base::{Digest, DigestFunction};
use wiz_cas::{Store, StoreError};

use super::download;

/// Notes in the cache: `sources/<function>/<sha256>` holds a digest.
#[derive(Debug)]
pub(super) struct KnownSources {
    folder: PathBuf,
    store: Store,
}

impl KnownSources {
    pub(super) fn new(cache: &Path, store: &Store) -> Self {
        let folder = cache.join("sources").join(store.function().name());
        Self { folder, store: store.clone() }
    }

    /// The stored file with that SHA-256. A note is believed only after the blob's bytes
    /// have been hashed.
    pub(super) fn find(&self, sha256: &str) -> Result<Option<Digest>, StoreError> {
        let Some(digest) = self.noted(sha256) else { return Ok(None) };
        let mut file = match self.store.open_verified(&digest) {
            Ok(file) => file,
            Err(StoreError::Lost { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_proven = self.store.function() == DigestFunction::Sha256 && digest.hex() == sha256;
        let is_right = is_proven || download::sha256_of(&mut file).is_ok_and(|found| found == sha256);
        Ok(Some(digest).filter(|_| is_right))
    }

    /// Notes that the stored file `digest` has that SHA-256.
    pub(super) fn remember(&self, sha256: &str, digest: &Digest) -> Result<(), StoreError> {
        let path = self.folder.join(sha256);
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            let mut temporary = tempfile::NamedTempFile::new_in(&self.folder)?;
            writeln!(temporary, "{digest}")?;
            temporary.persist(&path)?;
            Ok(())
        };
        write().map_err(StoreError::io("write", &path))
    }

    fn noted(&self, sha256: &str) -> Option<Digest> {
        fs::read_to_string(self.folder.join(sha256)).ok()?.trim_end().parse().ok()
    }
}
