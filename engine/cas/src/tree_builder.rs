//! Putting nodes at paths and getting a tree. Unaware of files on disk.

use std::collections::BTreeMap;

use wiz_base::{Digest, Directory, Node, RelPath};

use crate::error::StoreError;
use crate::store::Store;

/// Collects nodes and makes a tree of them; the order of insertion does not matter.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    root: BTreeMap<String, Branch>,
}

/// What a name stands for while the tree grows.
#[derive(Debug, Clone)]
enum Branch {
    /// A directory that is being put together.
    Grown(BTreeMap<String, Branch>),
    /// A finished node; a directory may still grow on top of it.
    Node(Node),
}

impl TreeBuilder {
    /// A builder of the empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder that starts from the tree `root`, of which only the directories on
    /// the way to something inserted are read.
    ///
    /// # Errors
    /// As [`Store::get_directory`].
    pub fn from_tree(store: &Store, root: &Digest) -> Result<Self, StoreError> {
        Ok(Self { root: grown(store, root)? })
    }

    /// Puts `node` at `path`, with the directories on the way; an equal node there is
    /// left alone.
    ///
    /// # Errors
    /// [`TreeError::Collision`] if something else stands at `path`,
    /// [`TreeError::NotDirectory`] if something else stands on the way.
    pub fn insert(&mut self, store: &Store, path: &RelPath, node: Node) -> Result<(), TreeError> {
        let (siblings, name) = self.slot(store, path)?;
        match siblings.get(&name) {
            Some(Branch::Node(existing)) if *existing == node => Ok(()),
            Some(_) => Err(TreeError::Collision { path: path.clone() }),
            None => {
                siblings.insert(name, Branch::Node(node));
                Ok(())
            }
        }
    }

    /// Puts `node` at `path` whatever stood there before.
    ///
    /// # Errors
    /// [`TreeError::NotDirectory`] if something other than a directory stands on the
    /// way, [`TreeError::Collision`] if `path` is the root.
    pub fn replace(&mut self, store: &Store, path: &RelPath, node: Node) -> Result<(), TreeError> {
        let (siblings, name) = self.slot(store, path)?;
        siblings.insert(name, Branch::Node(node));
        Ok(())
    }

    /// Takes away what stands at `path`, if anything does.
    ///
    /// # Errors
    /// As [`TreeBuilder::replace`].
    pub fn remove(&mut self, store: &Store, path: &RelPath) -> Result<(), TreeError> {
        let (siblings, name) = self.slot(store, path)?;
        siblings.remove(&name);
        Ok(())
    }

    /// Makes an empty directory at `path` unless a directory stands there.
    ///
    /// # Errors
    /// [`TreeError::NotDirectory`] if something else stands there or on the way.
    pub fn directory(&mut self, store: &Store, path: &RelPath) -> Result<(), TreeError> {
        self.siblings(store, path.segments()).map(|_| ())
    }

    /// Stores the tree and returns the digest of its top directory.
    ///
    /// # Errors
    /// [`StoreError`] if a directory cannot be written.
    pub fn build(self, store: &Store) -> Result<Digest, StoreError> {
        finish(store, self.root)
    }

    /// Where `path` is or would be: its siblings and its own name.
    fn slot(
        &mut self,
        store: &Store,
        path: &RelPath,
    ) -> Result<(&mut BTreeMap<String, Branch>, String), TreeError> {
        let parent = path.parent().ok_or_else(|| TreeError::Collision { path: path.clone() })?;
        Ok((self.siblings(store, parent.segments())?, path.file_name().to_owned()))
    }

    /// The entries of the directory at `path`, made where it is missing.
    fn siblings<'a, 'p>(
        &'a mut self,
        store: &Store,
        path: impl Iterator<Item = &'p str>,
    ) -> Result<&'a mut BTreeMap<String, Branch>, TreeError> {
        let mut entries = &mut self.root;
        let mut walked = RelPath::root();
        for segment in path {
            walked =
                walked.join_str(segment).map_err(|_| TreeError::NotDirectory { path: walked.clone() })?;
            let branch = entries.entry(segment.to_owned()).or_insert_with(|| Branch::Grown(BTreeMap::new()));
            if let Branch::Node(node) = branch {
                let Node::Directory(digest) = node else {
                    return Err(TreeError::NotDirectory { path: walked });
                };
                *branch = Branch::Grown(grown(store, digest)?);
            }
            match branch {
                Branch::Grown(children) => entries = children,
                Branch::Node(_) => return Err(TreeError::NotDirectory { path: walked }),
            }
        }
        Ok(entries)
    }
}

impl Store {
    /// The tree `root` with `node` at `path`, in place of what stood there.
    ///
    /// # Errors
    /// As [`TreeBuilder::replace`].
    pub fn insert(&self, root: &Digest, path: &RelPath, node: Node) -> Result<Digest, TreeError> {
        let mut builder = TreeBuilder::from_tree(self, root)?;
        builder.replace(self, path, node)?;
        Ok(builder.build(self)?)
    }
}

fn grown(store: &Store, digest: &Digest) -> Result<BTreeMap<String, Branch>, StoreError> {
    let directory = store.get_directory(digest)?;
    Ok(directory.entries().map(|(name, node)| (name.to_owned(), Branch::Node(node.clone()))).collect())
}

fn finish(store: &Store, branches: BTreeMap<String, Branch>) -> Result<Digest, StoreError> {
    let mut directory = Directory::new();
    for (name, branch) in branches {
        let node = match branch {
            Branch::Node(node) => node,
            Branch::Grown(children) => Node::Directory(finish(store, children)?),
        };
        directory.insert(&name, node).expect("names come from validated paths and directories");
    }
    store.put_directory(directory)
}

/// A node that cannot be put where it should.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else stands there.
    #[error("something else stands at `{path}` already")]
    Collision {
        /// The path, relative to the tree.
        path: RelPath,
    },
    /// Something other than a directory stands on the way.
    #[error("`{path}` is not a directory")]
    NotDirectory {
        /// The path, relative to the tree.
        path: RelPath,
    },
}
