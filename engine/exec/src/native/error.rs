//! Why a packer failed. Each packer's own errors stand beside it; this file joins
//! them. Unaware of how they are shown.

use wiz_base::Digest;
use wiz_cas::{Collision, Collisions, MergeError, Store, StoreError, TreeError};

pub use super::bill::BillError;
pub use super::gate::{GateError, Missing};
pub use super::pack_error::PackError;
pub use super::split::SplitError;
pub use super::unpack::{ArchiveProblem, EntryProblem, UnpackError};

/// A native action that failed.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The build was stopped.
    #[error("stopped")]
    Cancelled,
    /// The store failed: a lost blob has to be made again, all else is the machine's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Parameters that are not what the packer takes.
    #[error(
        "the parameters of `{kind}` are wrong: {message}\nhint: the table of native actions in docs/design/starlark-api.md says what it takes"
    )]
    Params {
        /// The packer.
        kind: &'static str,
        /// What is wrong with them.
        message: String,
    },
    /// An input that is a file and should be a folder, or the other way round.
    #[error("`{name}` is not a {expected}")]
    WrongKind {
        /// The input, as people call it.
        name: String,
        /// `file` or `folder`.
        expected: &'static str,
    },
    /// A file that is to be read as text or JSON and is not.
    #[error("`{name}` cannot be read: {message}")]
    Malformed {
        /// The input, as people call it.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A glob that cannot be parsed.
    #[error("`{glob}` is not a glob: {message}")]
    Glob {
        /// As it was given.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
    /// Two things at one path.
    #[error(transparent)]
    Tree(TreeError),
    /// Trees that do not stack.
    #[error("trees differ at the same path:{}", differences(.collisions, .names))]
    Differ {
        /// Where they differ.
        collisions: Collisions,
        /// What people call the trees, in the order of the indices in `collisions`.
        names: Vec<String>,
    },
    /// A stored tree holds a name that is none.
    #[error(transparent)]
    Merge(MergeError),
    /// An archive that is not unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// An image that does not comply.
    #[error(transparent)]
    Policy(#[from] super::policy::PolicyError),
    /// A package or image that could not be made.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A bill of materials that could not be written.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// ELF files that are not as the policy wants them.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A tree that cannot be taken apart.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl NativeError {
    /// The blob that has to be made again, if that is all that is wrong.
    #[must_use]
    pub fn lost(&self) -> Option<Digest> {
        match self {
            Self::Store(error) => error.lost(),
            _ => None,
        }
    }
}

impl From<TreeError> for NativeError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Store(error) => Self::Store(error),
            error => Self::Tree(error),
        }
    }
}

/// Stacks trees, and names them where they do not stack.
pub(super) fn merge(store: &Store, trees: &[(String, Digest)]) -> Result<Digest, NativeError> {
    let digests: Vec<Digest> = trees.iter().map(|(_, digest)| *digest).collect();
    store.merge(&digests).map_err(|error| match error {
        MergeError::Store(error) => NativeError::Store(error),
        MergeError::Collisions(collisions) => {
            NativeError::Differ { collisions, names: trees.iter().map(|(name, _)| name.clone()).collect() }
        }
        error @ MergeError::Name { .. } => NativeError::Merge(error),
    })
}

fn differences(collisions: &Collisions, names: &[String]) -> String {
    let line = |collision: &Collision| {
        let Collision { path, first, second, kinds } = collision;
        let other = if kinds.0 == kinds.1 { ", not the same one," } else { "" };
        format!(
            "\n`{path}` is {} in `{}` and {}{other} in `{}`",
            kinds.0, names[*first], kinds.1, names[*second]
        )
    };
    let mut text: String = collisions.listed.iter().map(line).collect();
    if collisions.more > 0 {
        text.push_str(&format!("\nand {} more", collisions.more));
    }
    text
}
