//! Stacking trees: at each path all have directories, or all have the same.
//!
//! Works on digests: a directory that only one tree has, or that all have alike, is
//! reused without being read. The result is what an overlay mount of the trees
//! shows. Unaware of whom the trees belong to.

use std::collections::BTreeMap;
use std::fmt;

use wiz_base::{Digest, Directory, Node, RelPath};

use crate::error::StoreError;
use crate::generations::Generations;
use crate::store::Store;

/// As many collisions are reported; the rest are only counted.
const REPORTED_COLLISIONS: usize = 20;

/// Results of earlier merges of directories, by the ordered digests of their inputs.
pub(crate) type MergeCache = Generations<Vec<Digest>, Digest>;

pub(crate) fn merge_cache() -> MergeCache {
    Generations::new(1_000_000)
}

impl Store {
    /// The union of `trees`; no trees make the empty tree.
    ///
    /// # Errors
    /// [`MergeError::Collisions`] if two of them have different things at one path.
    pub fn merge(&self, trees: &[Digest]) -> Result<Digest, MergeError> {
        let layers: Vec<Layer> = trees.iter().copied().enumerate().collect();
        let mut merge = Merge { store: self, collisions: Vec::new(), uncounted: 0 };
        let root = merge.directories(&RelPath::root(), &layers)?;
        if merge.collisions.is_empty() {
            return Ok(root);
        }
        Err(MergeError::Collisions(Collisions { listed: merge.collisions, more: merge.uncounted }))
    }
}

/// A directory and the index of the tree it is from.
type Layer = (usize, Digest);

struct Merge<'a> {
    store: &'a Store,
    collisions: Vec<Collision>,
    uncounted: usize,
}

impl Merge<'_> {
    /// Merges what stands at `path` in the trees that have a directory there.
    fn directories(&mut self, path: &RelPath, layers: &[Layer]) -> Result<Digest, MergeError> {
        let distinct = distinct(layers);
        match distinct.as_slice() {
            [] => return Ok(self.store.put_directory(Directory::new())?),
            [(_, digest)] => return Ok(*digest),
            _ => {}
        }
        let mut memo: Vec<Digest> = distinct.iter().map(|(_, digest)| *digest).collect();
        memo.sort_unstable();
        if let Some(merged) = self.store.merges().get(&memo) {
            return Ok(merged);
        }
        let found = self.collisions.len();
        let merged = self.entries(path, &distinct)?;
        let digest = self.store.put_directory(merged)?;
        if self.collisions.len() == found {
            let weight = memo.len();
            self.store.merges().insert(memo, digest, weight);
        }
        Ok(digest)
    }

    fn entries(&mut self, path: &RelPath, layers: &[Layer]) -> Result<Directory, MergeError> {
        let mut by_name: BTreeMap<String, Vec<(usize, Node)>> = BTreeMap::new();
        for (index, digest) in layers {
            for (name, node) in self.store.get_directory(digest)?.entries() {
                by_name.entry(name.to_owned()).or_default().push((*index, node.clone()));
            }
        }
        let mut merged = Directory::new();
        for (name, nodes) in by_name {
            let path = path.join_str(&name).map_err(|error| MergeError::Name { path: error.path })?;
            if let Some(node) = self.nodes(&path, &nodes)? {
                merged.insert(&name, node).map_err(|_| MergeError::Name { path: path.to_string() })?;
            }
        }
        Ok(merged)
    }

    /// The node all agree on; `None` where they do not.
    fn nodes(&mut self, path: &RelPath, nodes: &[(usize, Node)]) -> Result<Option<Node>, MergeError> {
        let (first_index, first) = &nodes[0];
        let agrees = |node: &Node| match (first, node) {
            (Node::Directory(_), Node::Directory(_)) => true,
            _ => first == node,
        };
        if let Some((second_index, second)) = nodes.iter().find(|(_, node)| !agrees(node)) {
            self.collide(Collision {
                path: path.clone(),
                first: *first_index,
                second: *second_index,
                kinds: (Kind::of(first), Kind::of(second)),
            });
            return Ok(None);
        }
        if !matches!(first, Node::Directory(_)) {
            return Ok(Some(first.clone()));
        }
        let layers: Vec<Layer> = nodes
            .iter()
            .filter_map(|(index, node)| match node {
                Node::Directory(digest) => Some((*index, *digest)),
                _ => None,
            })
            .collect();
        self.directories(path, &layers).map(|digest| Some(Node::Directory(digest)))
    }

    fn collide(&mut self, collision: Collision) {
        if self.collisions.len() < REPORTED_COLLISIONS {
            self.collisions.push(collision);
        } else {
            self.uncounted += 1;
        }
    }
}

/// Layers without those that repeat an earlier one.
fn distinct(layers: &[Layer]) -> Vec<Layer> {
    let mut seen = std::collections::BTreeSet::new();
    layers.iter().filter(|(_, digest)| seen.insert(*digest)).copied().collect()
}

/// Trees that do not stack.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two trees have different things at one path.
    #[error("{0}")]
    Collisions(Collisions),
    /// A stored directory holds a name that is no path segment.
    #[error("`{path}` is not a path")]
    Name {
        /// The name as stored.
        path: String,
    },
}

/// Where trees differ, in path order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collisions {
    /// The first of them, at most 20.
    pub listed: Vec<Collision>,
    /// How many there are besides.
    pub more: usize,
}

impl fmt::Display for Collisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the trees cannot be stacked")?;
        for collision in &self.listed {
            write!(f, "\n{collision}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

/// One path at which two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The path, relative to the trees.
    pub path: RelPath,
    /// Index of the first tree that has it, in the list given to [`Store::merge`].
    pub first: usize,
    /// Index of the first tree that has something else there.
    pub second: usize,
    /// What the two have.
    pub kinds: (Kind, Kind),
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, first, second, kinds } = self;
        write!(f, "`{path}` is {} in tree {first} and {} in tree {second}", kinds.0, OtherKind(kinds))
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl Kind {
    /// The kind of a node.
    #[must_use]
    pub const fn of(node: &Node) -> Self {
        match node {
            Node::File { .. } => Self::File,
            Node::Directory(_) => Self::Directory,
            Node::Symlink(_) => Self::Symlink,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "a file",
            Self::Directory => "a directory",
            Self::Symlink => "a link",
        })
    }
}

/// The second of two kinds: "another file" where the first is a file too.
struct OtherKind<'a>(&'a (Kind, Kind));

impl fmt::Display for OtherKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0;
        if first == second {
            write!(f, "another {}", second.to_string().trim_start_matches("a "))
        } else {
            second.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests;
