//! A sandbox by what it consists of rather than by where that lies: it can be stored,
//! and set up again when paths in the cache have changed. Unaware of what becomes of
//! what runs in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use wiz_base::{Digest, Directory, Node, RelPath};
use wiz_cas::{MergeError, Store, StoreError};
use wiz_graph::key::Inputs;
use wiz_graph::layout::Layout;
use wiz_graph::{Artifact, Run};
use wiz_sandbox::{BUILD_USER, Bind, Limits, Spec};

use crate::layers::Layers;

/// The name of the one file in a tree made to show a file.
const FILE: &str = "file";

/// Everything about a sandboxed command but its limits and its scratch folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SandboxPlan {
    /// The trees of `/`; they stack in any order.
    pub layers: Vec<Digest>,
    /// The tree at `/build/src`.
    pub source: Option<Digest>,
    /// What is shown below `/build/in`.
    pub inputs: Vec<InputMount>,
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Where it starts, below `/`.
    pub working_directory: RelPath,
    /// Number of the user and of its group inside.
    pub user: (u32, u32),
}

/// One input, as part of a tree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct InputMount {
    /// Where it is shown, below `/build/in`.
    pub at: RelPath,
    /// The tree it is part of.
    pub tree: Digest,
    /// Where in that tree it lies; the root path for all of it.
    pub inner: RelPath,
}

/// Inputs that make no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The root's trees do not stack; a key would have said so before.
    #[error(transparent)]
    Merge(MergeError),
    /// A tree is not one.
    #[error("`{artifact}` is not a folder")]
    NotFolder {
        /// What should be one.
        artifact: Artifact,
    },
    /// An input that is a link whose target is not in its tree.
    #[error("`{artifact}` is a link that leads out of its tree\nhint: name what it points to")]
    Link {
        /// The input.
        artifact: Artifact,
    },
}

impl From<MergeError> for PlanError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Store(error) => Self::Store(error),
            error => Self::Merge(error),
        }
    }
}

impl SandboxPlan {
    /// The sandbox of a command whose inputs are known.
    pub(crate) fn new(
        store: &Store,
        layers: &Layers,
        run: &Run,
        inputs: &Inputs<'_>,
        command: &wiz_base::reapi::Command,
    ) -> Result<Self, PlanError> {
        let root = run.root.iter().map(|artifact| tree(artifact, inputs)).collect::<Result<Vec<_>, _>>()?;
        let source = run.source.as_ref().map(|artifact| tree(artifact, inputs)).transpose()?;
        let mut mounts = Vec::new();
        for (artifact, place) in Layout::of(run).places() {
            if let Some(node) = inputs.get(artifact) {
                mounts.push(InputMount::new(store, artifact, place, node)?);
            }
        }
        Ok(Self {
            layers: layers.choose(store, &root)?,
            source,
            inputs: mounts,
            arguments: command.arguments.clone(),
            environment: command.environment.clone(),
            working_directory: RelPath::new(&command.working_directory)
                .expect("the working directory is a literal of the graph crate"),
            user: run.user.map_or(BUILD_USER, |user| (user.uid, user.gid)),
        })
    }

    /// The same sandbox for another program.
    #[must_use]
    pub fn with_arguments(mut self, arguments: Vec<String>) -> Self {
        self.arguments = arguments;
        self
    }

    /// Expands what it consists of, and says where it lies.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the store no longer has part of it; others if trees
    /// cannot be written.
    pub fn spec(&self, store: &Store, scratch: &Path, limits: Limits) -> Result<Spec, StoreError> {
        let mut layers = Vec::new();
        for tree in &self.layers {
            let name = store.expand(tree)?.name;
            layers.push(RelPath::new(&name).expect("short names of trees are hexadecimal digits"));
        }
        let mut binds = Vec::new();
        for input in &self.inputs {
            let path = store.expand(&input.tree)?.path;
            binds.push(Bind { source: path.join(input.inner.as_str()), at: input.at.clone() });
        }
        let environment = self.environment.iter();
        Ok(Spec {
            layers_dir: store.trees_folder().to_owned(),
            layers,
            scratch: scratch.to_owned(),
            source: self.source.as_ref().map(|tree| store.expand(tree)).transpose()?.map(|tree| tree.path),
            binds,
            argv: self.arguments.iter().map(OsString::from).collect(),
            env: environment.map(|(name, value)| (name.into(), value.into())).collect(),
            working_directory: self.working_directory.clone(),
            user: self.user,
            limits,
            inherited: Vec::new(),
        })
    }
}

impl InputMount {
    fn new(store: &Store, artifact: &Artifact, at: &RelPath, node: &Node) -> Result<Self, PlanError> {
        let at = at.clone();
        match node {
            Node::Directory(tree) => Ok(Self { at, tree: *tree, inner: RelPath::root() }),
            // A blob has neither the right mode nor a fixed time, a file in a tree has both.
            Node::File { .. } => {
                let mut directory = Directory::new();
                directory.insert(FILE, node.clone()).expect("a literal path segment");
                let inner = RelPath::new(FILE).expect("a literal path segment");
                Ok(Self { at, tree: store.put_directory(directory)?, inner })
            }
            Node::Symlink(_) => Err(PlanError::Link { artifact: artifact.clone() }),
        }
    }
}

fn tree(artifact: &Artifact, inputs: &Inputs<'_>) -> Result<Digest, PlanError> {
    match inputs.get(artifact) {
        Some(Node::Directory(digest)) => Ok(*digest),
        _ => Err(PlanError::NotFolder { artifact: artifact.clone() }),
    }
}
