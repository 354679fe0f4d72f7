//! What happens during a build, told as it happens: for progress, for `--events`,
//! and as the log that incrementality is asserted on. Unaware of who listens.

use std::time::Duration;

use wiz_base::{Digest, Label, PlatformName};
use wiz_graph::{ActionGraph, ActionId};

use crate::failure::ActionFailure;
use crate::outcome::{Counts, How};

/// Something that happened. Times are in milliseconds since the [`Clock`]'s start.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum BuildEvent {
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// When.
        at_ms: u64,
    },
    /// A phase ended.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// When.
        at_ms: u64,
    },
    /// The actions to be brought up to date are known.
    BuildStarted {
        /// How many.
        total: usize,
        /// When.
        at_ms: u64,
    },
    /// An action is being carried out; a result that was found is only told as finished.
    ActionStarted {
        /// Which.
        action: ActionName,
        /// When.
        at_ms: u64,
    },
    /// How far an action is that moves bytes.
    ActionProgress {
        /// The action's place in the graph.
        id: usize,
        /// Bytes moved so far.
        done: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// An action has a result, or failed.
    ActionFinished {
        /// Which.
        action: ActionName,
        /// What became of it.
        end: ActionEnd,
        /// How long it took from its start; 0 for a result that was found.
        duration_ms: u64,
        /// When.
        at_ms: u64,
    },
    /// The store lost what an action had made: it is done again.
    ActionRewound {
        /// Which.
        action: ActionName,
    },
    /// Nothing is left to do.
    BuildFinished {
        /// How many actions went which way.
        counts: Counts,
        /// When.
        at_ms: u64,
    },
}

/// A phase of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What earlier builds left behind is compared with what is there.
    Recall,
    /// Definitions are read and rules run, as far as something has changed.
    Analyse,
    /// Actions run.
    Build,
    /// Results are linked.
    Deliver,
}

/// An action as people know it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ActionName {
    /// Its place in the graph.
    pub id: usize,
    /// The target that declares it.
    pub label: Label,
    /// The platform that target is built for.
    pub platform: PlatformName,
    /// What sort of work it is.
    pub category: String,
    /// What tells it from its siblings.
    pub identifier: Option<String>,
}

impl ActionName {
    /// The name of an action of `graph`.
    #[must_use]
    pub fn of(graph: &ActionGraph, id: ActionId) -> Self {
        let action = graph.action(id);
        Self {
            id: id.index(),
            label: action.owner.label.clone(),
            platform: action.owner.platform.clone(),
            category: action.category.clone(),
            identifier: action.identifier.clone(),
        }
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionEnd {
    /// It has a result.
    Done {
        /// How the result was come by.
        how: How,
        /// Digest of its output folder.
        output: Digest,
        /// Digest of its log.
        log: Option<Digest>,
    },
    /// It failed.
    Failed {
        /// Why.
        failure: Box<ActionFailure>,
    },
    /// It was interrupted.
    Stopped,
}

/// Somebody who wants to know.
pub trait Events: Sync {
    /// Takes note of `event`; called from several threads, and should be quick.
    fn emit(&self, event: BuildEvent);
}

/// Somebody who does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: BuildEvent) {}
}

/// Where time comes from. It only ever reaches events.
pub trait Clock: Sync {
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
}
