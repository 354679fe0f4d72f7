//! Results of actions, found by key. Each file says whose result it is and proves
//! that it is whole. Unaware of how a key comes about.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use rayon::prelude::*;
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node};

use crate::blobs::rename_sharded;
use crate::error::StoreError;
use crate::frame::{Frame, FrameReader};
use crate::generations::Generations;
use crate::index::sharded_files;
use crate::store::Store;
use crate::temp_area::TempPath;

const MAGIC: &str = "wiz-result-1";

/// Directories known to be there with everything below them.
pub(crate) type CompleteCache = Generations<Digest, ()>;

pub(crate) fn complete_cache() -> CompleteCache {
    Generations::new(500_000)
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    /// The result.
    pub result: ActionResult,
    /// What the key was made of, in the caller's encoding; it explains the key later.
    pub manifest: Vec<u8>,
}

impl StoredResult {
    fn encode(&self, key: &Digest) -> Vec<u8> {
        let mut frame = Frame::new(MAGIC);
        frame.digest(key);
        frame.bytes(&self.result.encode());
        frame.bytes(&self.manifest);
        frame.finish()
    }

    /// The key and its result; any defect makes it none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Digest, Self)> {
        let mut frame = FrameReader::open(MAGIC, bytes)?;
        let key = frame.digest()?;
        let result = ActionResult::decode(frame.bytes()?).ok()?;
        let manifest = frame.bytes()?.to_vec();
        frame.is_at_end().then_some((key, Self { result, manifest }))
    }
}

/// A result that [`Store::select_results`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected<T> {
    /// When it was made, in nanoseconds since 1970.
    pub made: i64,
    /// Its key.
    pub key: Digest,
    /// What was selected of it.
    pub what: T,
}

impl Store {
    /// What `select` takes of every sound result, newest first. Nothing is leased or set aside.
    pub fn select_results<T: Send>(
        &self,
        select: impl Fn(StoredResult) -> Option<T> + Sync,
    ) -> Vec<Selected<T>> {
        let files: Vec<_> = sharded_files(&self.layout().results).collect();
        let selected = files.par_iter().filter_map(|(path, metadata)| {
            let (key, stored) = StoredResult::decode(&fs::read(path).ok()?)?;
            let made = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
            (self.layout().result(&key) == *path).then_some(())?;
            Some(Selected { made, key, what: select(stored)? })
        });
        let mut selected: Vec<_> = selected.collect();
        selected.sort_by_key(|result| (std::cmp::Reverse(result.made), result.key));
        selected
    }

    /// The result kept under `key`, for a look: unlike [`Store::get_result`] this neither leases
    /// it nor sets a damaged file aside.
    #[must_use]
    pub fn peek_result(&self, key: &Digest) -> Option<StoredResult> {
        let (found, stored) = StoredResult::decode(&fs::read(self.layout().result(key)).ok()?)?;
        (found == *key).then_some(stored)
    }

    /// The result kept under `key`. A file with any defect is set aside and counts as
    /// absent. The result is on this store's lease from then on; whether its blobs are
    /// there is for [`Store::is_complete`] to say.
    #[must_use]
    pub fn get_result(&self, key: &Digest) -> Option<StoredResult> {
        // Leased before it is read: a collection removes results before it looks at
        // leases a last time and removes blobs.
        self.lease_result(key);
        let path = self.layout().result(key);
        let bytes = fs::read(&path).ok()?;
        match StoredResult::decode(&bytes) {
            Some((found, stored)) if found == *key => Some(stored),
            _ => {
                self.set_aside(&path);
                None
            }
        }
    }

    /// Keeps a result under `key`, in place of any earlier one.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn put_result(&self, key: &Digest, stored: &StoredResult) -> Result<(), StoreError> {
        self.lease_result(key);
        let temporary = TempPath { path: self.temp()?.path() };
        fs::write(&temporary.path, stored.encode(key)).map_err(StoreError::io("write", &temporary.path))?;
        let path = self.layout().result(key);
        rename_sharded(&temporary.path, &path).map_err(StoreError::io("write", &path))?;
        self.mark_unsynced();
        Ok(())
    }

    /// Whether the whole output tree and the log are in the store.
    #[must_use]
    pub fn is_complete(&self, result: &ActionResult) -> bool {
        result.log.is_none_or(|log| self.contains(&log)) && self.is_complete_tree(&result.output_root)
    }

    /// The files of a tree, or the file, that are not in the store; and directories that are not,
    /// whose files nobody knows.
    #[must_use]
    pub fn missing_of(&self, node: &Node) -> BTreeSet<Digest> {
        let mut missing = BTreeSet::new();
        self.add_missing(node, &mut missing);
        missing
    }

    fn add_missing(&self, node: &Node, missing: &mut BTreeSet<Digest>) {
        match node {
            Node::File { digest, .. } if !self.contains(digest) => drop(missing.insert(*digest)),
            Node::Directory(root) if !self.is_complete_tree(root) => match self.get_directory(root) {
                Ok(directory) => directory.entries().for_each(|(_, node)| self.add_missing(node, missing)),
                Err(_) => drop(missing.insert(*root)),
            },
            Node::File { .. } | Node::Directory(_) | Node::Symlink(_) => {}
        }
    }

    /// Whether all blobs of a tree are in the store. Each directory is looked at once
    /// in the lifetime of this store.
    #[must_use]
    pub fn is_complete_tree(&self, root: &Digest) -> bool {
        if self.complete().get(root).is_some() {
            return true;
        }
        let Ok(directory) = self.get_directory(root) else { return false };
        let complete = directory.entries().all(|(_, node)| match node {
            Node::File { digest, .. } => self.contains(digest),
            Node::Directory(digest) => self.is_complete_tree(digest),
            Node::Symlink(_) => true,
        });
        if complete {
            self.complete().insert(*root, (), 1);
        }
        complete
    }
}

#[cfg(test)]
mod tests;
