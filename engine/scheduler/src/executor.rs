//! What the scheduler needs of whoever carries actions out. Unaware of sandboxes,
//! stores and networks.

use std::collections::BTreeMap;

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node, RelPath};
use wiz_graph::key::{Inputs, Prepared};
use wiz_graph::{ActionGraph, ActionId};

use crate::cancel::CancelToken;
use crate::failure::ActionFailure;

/// Carries actions out, in two phases so that cheap look-ups never wait behind
/// running commands. All methods are called from several threads.
pub trait Executor: Sync {
    /// What stands at `path` in the workspace.
    ///
    /// # Errors
    /// [`Setback::Failed`] if nothing does, or it cannot be read.
    fn source_node(&self, path: &RelPath) -> Result<Node, Setback>;

    /// What stands at `inner` below the declared `output` of a result.
    ///
    /// # Errors
    /// [`Setback::Failed`] if nothing does, [`Setback::Lost`] if the store forgot.
    fn output_node(&self, result: &ActionResult, output: &RelPath, inner: &RelPath) -> Result<Node, Setback>;

    /// Computes the key of an action and looks for a result under it; cheap.
    ///
    /// # Errors
    /// [`Setback`] if there can be no key.
    fn probe(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        inputs: &Inputs<'_>,
        lookup: Lookup,
    ) -> Result<Probe, Setback>;

    /// Carries an action out and keeps its result under its key.
    ///
    /// # Errors
    /// [`Setback`] if it fails, is interrupted, or misses an input.
    fn execute(&self, execution: &Execution<'_>) -> Result<ActionResult, Setback>;

    /// Makes sure that the outputs of a requested action can be used by people.
    ///
    /// # Errors
    /// [`Setback::Lost`] if the store no longer has them.
    fn deliver(&self, graph: &ActionGraph, id: ActionId, result: &ActionResult) -> Result<(), Setback>;

    /// Whether the store still holds every byte of a result.
    fn is_intact(&self, result: &ActionResult) -> bool;
}

/// Whether a stored result is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It is.
    Believe,
    /// The action has to be carried out whatever is stored.
    Distrust,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A result, and where.
    Hit(ActionResult, Hit),
    /// Nothing: the action has to be carried out.
    Miss(Box<Prepared>),
}

/// Where a result was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// In the local store.
    Local,
    /// In a remote cache.
    Remote,
}

/// One action about to be carried out.
#[expect(missing_debug_implementations, reason = "a bundle of references for one call")]
pub struct Execution<'a> {
    /// The graph it belongs to.
    pub graph: &'a ActionGraph,
    /// Its place there.
    pub id: ActionId,
    /// Its key and messages, as [`Executor::probe`] returned them.
    pub prepared: &'a Prepared,
    /// What its inputs are.
    pub inputs: &'a Inputs<'a>,
    /// To be looked at while it runs.
    pub cancel: &'a CancelToken,
    /// To be told bytes done and bytes in all, by whoever moves bytes.
    pub progress: &'a dyn Fn(u64, Option<u64>),
}

/// Why an action has no result yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Setback {
    /// It failed.
    #[error(transparent)]
    Failed(Box<ActionFailure>),
    /// The store has lost something that an action of this graph made: that action
    /// has to be carried out again.
    #[error("the store has lost `{digest}`")]
    Lost {
        /// What was lost.
        digest: Digest,
    },
    /// It was interrupted.
    #[error("interrupted")]
    Cancelled,
}

impl From<ActionFailure> for Setback {
    fn from(failure: ActionFailure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// What is known of earlier runs of an action, whatever its key was then. It decides
/// order and is counted; it never decides what is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// How long it ran, in milliseconds.
    pub wall_ms: Option<u64>,
    /// Digest of its output folder.
    pub output: Option<Digest>,
}

/// Remembers earlier builds.
pub trait History: Sync {
    /// What is known of the actions `ids`. Asked at most once a build, when the first
    /// action has to be carried out.
    fn recall(&self, graph: &ActionGraph, ids: &[ActionId]) -> BTreeMap<ActionId, Past>;
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn recall(&self, _: &ActionGraph, _: &[ActionId]) -> BTreeMap<ActionId, Past> {
        BTreeMap::new()
    }
}
