//! What keys need of a store, without writing anything that only a key needs: grafts
//! and messages are digested in memory. Unaware of what a key is looked up in.

use std::cell::RefCell;
use std::collections::BTreeMap;

use wiz_base::{Digest, Directory, Node, RelPath};
use wiz_cas::{MergeError, Store, StoreError};
use wiz_graph::key::{KeyError, Trees};
use wiz_graph::{Action, ActionKind};
use wiz_scheduler::{FailureKind, Setback};

use crate::failure::{failure, store_setback};
use crate::sources::{SourceError, Sources};

/// Bytes of the largest file whose text may stand in an argument.
const MOST_TEXT: u64 = 64 * 1024;

/// Trees of a store and of a workspace.
#[derive(Debug)]
pub(crate) struct KeyTrees<'a> {
    store: &'a Store,
    sources: &'a Sources,
    /// Blobs that a key consists of, for whoever needs their bytes.
    blobs: RefCell<BTreeMap<Digest, Vec<u8>>>,
}

/// Inputs that make no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyTreesError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The trees of the root do not stack.
    #[error(transparent)]
    Merge(MergeError),
    /// Two inputs at one place, or one in the other.
    #[error("two inputs meet at `/{path}` in the sandbox")]
    Overlap { path: RelPath },
    /// Too large to stand in an argument.
    #[error("`text_of` reads a file of {size} bytes; the most is {MOST_TEXT}")]
    TooLarge { size: u64 },
    /// Not text.
    #[error("`text_of` reads a file that is not UTF-8")]
    NotText,
}

impl<'a> KeyTrees<'a> {
    pub(crate) fn new(store: &'a Store, sources: &'a Sources) -> Self {
        Self { store, sources, blobs: RefCell::default() }
    }

    /// The bytes of a blob that was made through this value.
    pub(crate) fn made(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.blobs.borrow().get(digest).cloned()
    }

    /// The tree `base` with everything of `branch` put into it.
    fn grow(&self, base: Option<Digest>, branch: &Branch, at: &RelPath) -> Result<Digest, KeyTreesError> {
        let overlap =
            |name: &str| KeyTreesError::Overlap { path: at.join_str(name).unwrap_or_else(|_| at.clone()) };
        let mut directory = match base {
            Some(base) => (*self.store.get_directory(&base)?).clone(),
            None => Directory::new(),
        };
        for (name, graft) in &branch.0 {
            let node = match graft {
                Graft::Node(node) => node.clone(),
                Graft::Branch(below) => {
                    let base = match directory.get(name) {
                        Some(Node::Directory(digest)) => Some(*digest),
                        Some(_) => return Err(overlap(name)),
                        None => None,
                    };
                    let at = at.join_str(name).map_err(|_| overlap(name))?;
                    Node::Directory(self.grow(base, below, &at)?)
                }
            };
            directory.insert(name, node).map_err(|_| overlap(name))?;
        }
        Ok(directory.digest(self.store.function()))
    }
}

impl Trees for KeyTrees<'_> {
    type Error = KeyTreesError;

    fn blob(&self, bytes: &[u8]) -> Result<Digest, KeyTreesError> {
        let digest = self.store.function().digest(bytes);
        self.blobs.borrow_mut().insert(digest, bytes.to_vec());
        Ok(digest)
    }

    fn text(&self, digest: &Digest) -> Result<String, KeyTreesError> {
        if digest.size() > MOST_TEXT {
            return Err(KeyTreesError::TooLarge { size: digest.size() });
        }
        String::from_utf8(self.sources.read(digest)?).map_err(|_| KeyTreesError::NotText)
    }

    fn merge(&self, trees: &[Digest]) -> Result<Digest, KeyTreesError> {
        self.store.merge(trees).map_err(|error| match error {
            MergeError::Store(error) => KeyTreesError::Store(error),
            error => KeyTreesError::Merge(error),
        })
    }

    fn graft(&self, base: Option<Digest>, nodes: &[(RelPath, Node)]) -> Result<Digest, KeyTreesError> {
        let mut top = Branch::default();
        for (path, node) in nodes {
            if !top.insert(&path.segments().collect::<Vec<_>>(), node) {
                return Err(KeyTreesError::Overlap { path: path.clone() });
            }
        }
        self.grow(base, &top, &RelPath::root())
    }

    fn empty(&self) -> Digest {
        Directory::new().digest(self.store.function())
    }
}

/// Nodes that are put into a tree, by name.
#[derive(Debug, Default)]
struct Branch(BTreeMap<String, Graft>);

#[derive(Debug)]
enum Graft {
    Node(Node),
    Branch(Branch),
}

impl Branch {
    /// Puts a node below this branch; false if another is in the way.
    fn insert(&mut self, segments: &[&str], node: &Node) -> bool {
        match segments {
            [] => false,
            [name] => self.0.insert((*name).to_owned(), Graft::Node(node.clone())).is_none(),
            [name, rest @ ..] => {
                match self.0.entry((*name).to_owned()).or_insert_with(|| Graft::Branch(Self::default())) {
                    Graft::Branch(below) => below.insert(rest, node),
                    Graft::Node(_) => false,
                }
            }
        }
    }
}

/// What it means to `action` that it has no key.
pub(crate) fn key_setback(error: KeyError<KeyTreesError>, action: &Action) -> Setback {
    let error = match error {
        error @ KeyError::WrongKind { .. } => return failure(FailureKind::User, "WIZ1021", &error).into(),
        KeyError::Trees(error) => error,
    };
    let (kind, code) = match &error {
        KeyTreesError::Store(error) => return store_setback(error),
        KeyTreesError::Source(_) => {
            let KeyTreesError::Source(error) = error else { unreachable!("just matched") };
            return error.into();
        }
        KeyTreesError::Merge(error) => return collision(error, action),
        KeyTreesError::Overlap { .. } => (FailureKind::User, "WIZ1023"),
        KeyTreesError::TooLarge { .. } | KeyTreesError::NotText => (FailureKind::User, "WIZ1022"),
    };
    failure(kind, code, &error).into()
}

/// Names the owners of trees that do not stack.
fn collision(error: &MergeError, action: &Action) -> Setback {
    let (MergeError::Collisions(collisions), ActionKind::Run(run)) = (error, &action.kind) else {
        return failure(FailureKind::User, "WIZ1020", error).into();
    };
    let owner = |index: usize| run.root.get(index).map_or_else(String::new, ToString::to_string);
    let mut text = "the trees of the root cannot be stacked".to_owned();
    for collision in &collisions.listed {
        let (first, second) = (owner(collision.first), owner(collision.second));
        let (one, other) = collision.kinds;
        text.push_str(&format!(
            "\n`/{}` is {one} of `{first}` and {other} of `{second}`, which differ",
            collision.path
        ));
    }
    if collisions.more > 0 {
        text.push_str(&format!("\nand {} more", collisions.more));
    }
    text.push_str("\nhint: leave one of them out of the root, or let only one of them own the path");
    failure(FailureKind::User, "WIZ1020", &text).into()
}
