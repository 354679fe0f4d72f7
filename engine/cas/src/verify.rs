//! Hashing everything again, at somebody's request. Unaware of budgets.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rayon::prelude::*;
use wiz_base::Digest;

use crate::blobs::open_regular;
use crate::error::StoreError;
use crate::expand::manifest::TreeManifest;
use crate::hashing::digest_file;
use crate::index::sharded_files;
use crate::results::StoredResult;
use crate::store::Store;
use crate::usage::Share;

/// What a verification found. Whatever was bad has been set aside or removed, and
/// will be made again when it is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blobs that were hashed.
    pub blobs: Share,
    /// Blobs that were bad, in order of their names.
    pub bad_blobs: Vec<String>,
    /// Results that were read.
    pub results: Share,
    /// Results that were bad, in order of their names.
    pub bad_results: Vec<String>,
    /// Expanded trees that were not as they were made.
    pub bad_trees: Vec<String>,
}

impl Store {
    /// Hashes every blob, reads every result, looks at every expanded tree. Bad files
    /// are set aside.
    ///
    /// # Errors
    /// [`StoreError`] if an expanded tree cannot be locked.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let blobs: Vec<_> = sharded_files(&self.layout().blobs).collect();
        blobs.iter().for_each(|(_, metadata)| verified.blobs.add(metadata.size()));
        let bad = blobs.par_iter().filter(|(path, _)| !self.is_sound_blob(path));
        verified.bad_blobs = bad.map(|(path, _)| self.refuse(path)).collect();
        for (path, _) in self.result_files() {
            let bytes = fs::read(&path).unwrap_or_default();
            verified.results.add(bytes.len() as u64);
            let key = StoredResult::decode(&bytes).map(|(key, _)| key);
            if key.is_none_or(|key| self.layout().result(&key) != path) {
                verified.bad_results.push(self.refuse(&path));
            }
        }
        for entry in fs::read_dir(&self.layout().trees).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "manifest") {
                self.verify_tree(&path, &mut verified)?;
            }
        }
        verified.bad_blobs.sort_unstable();
        verified.bad_trees.sort_unstable();
        self.forget_memory();
        Ok(verified)
    }

    fn is_sound_blob(&self, path: &Path) -> bool {
        let digest = open_regular(path).and_then(|mut file| {
            let size = file.metadata().map_or(0, |metadata| metadata.size());
            digest_file(self.function(), &mut file, size).map_err(StoreError::io("read", path))
        });
        digest.is_ok_and(|digest: Digest| self.layout().blob(&digest) == path)
    }

    fn verify_tree(&self, manifest: &Path, verified: &mut Verified) -> Result<(), StoreError> {
        let whole = match TreeManifest::read(manifest) {
            None => false,
            Some(read) => self.is_whole_tree(&read.root)?,
        };
        if !whole {
            verified.bad_trees.push(file_name(&manifest.with_extension("")));
            let _ = fs::remove_file(manifest);
        }
        Ok(())
    }

    fn refuse(&self, path: &Path) -> String {
        self.set_aside(path);
        file_name(path)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
