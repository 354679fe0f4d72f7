//! Directories as blobs of their canonical bytes, with the decoded ones kept in
//! memory. Unaware of files on disk other than blobs.

use std::sync::Arc;

use wiz_base::{Digest, Directory, Node, RelPath};

use crate::error::StoreError;
use crate::generations::Generations;
use crate::store::Store;

/// Entries of decoded directories kept in memory, at most twice as many.
const CACHED_ENTRIES: usize = 500_000;

/// Decoded directories by digest.
pub(crate) type DirectoryCache = Generations<Digest, Arc<Directory>>;

pub(crate) fn directory_cache() -> DirectoryCache {
    Generations::new(CACHED_ENTRIES)
}

impl Store {
    /// The directory of that digest.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if its blob is not intact, [`StoreError::NotDirectory`] if
    /// the blob is something else.
    pub fn get_directory(&self, digest: &Digest) -> Result<Arc<Directory>, StoreError> {
        if let Some(directory) = self.directories().get(digest) {
            return Ok(directory);
        }
        let bytes = self.read(digest)?;
        let directory = Directory::decode(&bytes)
            .map_err(|source| StoreError::NotDirectory { digest: *digest, source })?;
        let directory = Arc::new(directory);
        self.directories().insert(*digest, Arc::clone(&directory), 1 + directory.len());
        Ok(directory)
    }

    /// Stores a directory; what its entries name is not looked at.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written.
    pub fn put_directory(&self, directory: Directory) -> Result<Digest, StoreError> {
        let bytes = directory.encode();
        let digest = self.function().digest(&bytes);
        if self.directories().get(&digest).is_none() {
            self.put_bytes(&bytes)?;
            let weight = 1 + directory.len();
            self.directories().insert(digest, Arc::new(directory), weight);
        }
        Ok(digest)
    }

    /// What stands at `path` in the tree `root`; `None` if nothing does. The empty
    /// path is the tree itself. Links are not followed.
    ///
    /// # Errors
    /// As [`Store::get_directory`].
    pub fn subtree(&self, root: &Digest, path: &RelPath) -> Result<Option<Node>, StoreError> {
        let mut node = Node::Directory(*root);
        for segment in path.segments() {
            let Node::Directory(digest) = node else { return Ok(None) };
            match self.get_directory(&digest)?.get(segment) {
                Some(child) => node = child.clone(),
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// Everything below the tree `root`, parents before their children, siblings in
    /// order.
    #[must_use]
    pub fn walk(&self, root: &Digest) -> Walk {
        Walk { store: self.clone(), pending: vec![(RelPath::root(), Node::Directory(*root))], started: false }
    }
}

/// Iterates over a tree; made by [`Store::walk`]. Ends after the first error.
#[derive(Debug)]
pub struct Walk {
    store: Store,
    /// What is still to be visited, the next one last.
    pending: Vec<(RelPath, Node)>,
    started: bool,
}

impl Walk {
    /// Queues the entries of a directory that has just been visited.
    fn descend(&mut self, path: &RelPath, digest: &Digest) -> Result<(), StoreError> {
        let directory = self.store.get_directory(digest)?;
        let start = self.pending.len();
        for (name, node) in directory.entries() {
            let path = path.join_str(name).map_err(|_| StoreError::NotDirectory {
                digest: *digest,
                source: wiz_base::reapi::EncodingError::Name { name: name.to_owned() },
            })?;
            self.pending.push((path, node.clone()));
        }
        self.pending[start..].reverse();
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<(RelPath, Node), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (path, node) = self.pending.pop()?;
            if let Node::Directory(digest) = &node
                && let Err(error) = self.descend(&path, digest)
            {
                self.pending.clear();
                return Some(Err(error));
            }
            // The root has no name, so it is not reported.
            if std::mem::replace(&mut self.started, true) {
                return Some(Ok((path, node)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
