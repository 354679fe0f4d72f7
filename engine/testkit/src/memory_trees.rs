//! Trees and blobs kept in memory, with the whole contract of [`Trees`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wiz_base::{Digest, DigestFunction, Directory, Node, RelPath};
use wiz_graph::key::Trees;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryTrees {
    blobs: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

/// What [`MemoryTrees`] cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A blob is not there.
    #[error("`{0}` is missing")]
    Missing(Digest),
    /// Two trees differ at a path.
    #[error("trees collide at `{0}`")]
    Collision(String),
    /// A blob is not what it is used as.
    #[error("`{0}` is not a small text or a directory")]
    WrongKind(Digest),
}

impl MemoryTrees {
    /// Keeps a directory.
    pub fn put_directory(&self, directory: &Directory) -> Digest {
        self.put(&directory.encode())
    }

    /// Keeps a blob.
    pub fn put(&self, bytes: &[u8]) -> Digest {
        let digest = DigestFunction::Blake3.digest(bytes);
        self.lock().insert(digest, bytes.to_vec());
        digest
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// [`TreeError::Missing`] if nobody put it, or it was forgotten.
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, TreeError> {
        self.lock().get(digest).cloned().ok_or(TreeError::Missing(*digest))
    }

    /// Loses a blob.
    pub fn forget(&self, digest: &Digest) {
        self.lock().remove(digest);
    }

    /// A directory.
    ///
    /// # Errors
    /// [`TreeError`] if it is not there or not a directory.
    pub fn directory(&self, digest: &Digest) -> Result<Directory, TreeError> {
        Directory::decode(&self.get(digest)?).map_err(|_| TreeError::WrongKind(*digest))
    }

    /// What stands at `path` below `root`.
    ///
    /// # Errors
    /// [`TreeError`] if a directory on the way was lost.
    pub fn lookup(&self, root: &Digest, path: &RelPath) -> Result<Option<Node>, TreeError> {
        let mut node = Node::Directory(*root);
        for segment in path.segments() {
            let Node::Directory(digest) = node else { return Ok(None) };
            match self.directory(&digest)?.get(segment) {
                Some(child) => node = child.clone(),
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    fn merge_two(&self, low: Digest, high: Digest, at: &str) -> Result<Digest, TreeError> {
        if low == high {
            return Ok(low);
        }
        let mut merged = self.directory(&low)?;
        for (name, node) in self.directory(&high)?.entries() {
            let path = format!("{at}/{name}");
            let node = match (merged.get(name), node) {
                (None, node) => node.clone(),
                (Some(Node::Directory(low)), Node::Directory(high)) => {
                    Node::Directory(self.merge_two(*low, *high, &path)?)
                }
                (Some(low), high) if low == high => continue,
                _ => return Err(TreeError::Collision(path)),
            };
            merged.insert(name, node).map_err(|_| TreeError::WrongKind(high))?;
        }
        Ok(self.put_directory(&merged))
    }

    fn graft_one(&self, tree: Option<Digest>, segments: &[&str], node: &Node) -> Result<Node, TreeError> {
        let [first, rest @ ..] = segments else { return Ok(node.clone()) };
        let mut directory = tree.map_or_else(|| Ok(Directory::new()), |tree| self.directory(&tree))?;
        let below = match directory.get(first) {
            Some(Node::Directory(digest)) => Some(*digest),
            Some(_) if !rest.is_empty() => return Err(TreeError::Collision((*first).to_owned())),
            _ => None,
        };
        let child = self.graft_one(below, rest, node)?;
        directory.insert(first, child).map_err(|_| TreeError::Collision((*first).to_owned()))?;
        Ok(Node::Directory(self.put_directory(&directory)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trees for MemoryTrees {
    type Error = TreeError;

    fn blob(&self, bytes: &[u8]) -> Result<Digest, TreeError> {
        Ok(self.put(bytes))
    }

    fn text(&self, digest: &Digest) -> Result<String, TreeError> {
        String::from_utf8(self.get(digest)?).map_err(|_| TreeError::WrongKind(*digest))
    }

    fn merge(&self, trees: &[Digest]) -> Result<Digest, TreeError> {
        let mut trees = trees.iter();
        let first = trees.next().copied().unwrap_or_else(|| self.empty());
        trees.try_fold(first, |low, high| self.merge_two(low, *high, ""))
    }

    fn graft(&self, base: Option<Digest>, nodes: &[(RelPath, Node)]) -> Result<Digest, TreeError> {
        let mut tree = base.unwrap_or_else(|| self.empty());
        for (path, node) in nodes {
            let segments: Vec<_> = path.segments().collect();
            match self.graft_one(Some(tree), &segments, node)? {
                Node::Directory(grafted) => tree = grafted,
                _ => return Err(TreeError::Collision(path.to_string())),
            }
        }
        Ok(tree)
    }

    fn empty(&self) -> Digest {
        self.put_directory(&Directory::new())
    }
}
