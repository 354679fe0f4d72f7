//! What became of a build. Unaware of how it came about.

use std::collections::BTreeMap;

use wiz_base::reapi::ActionResult;
use wiz_graph::ActionId;

use crate::failure::ActionFailure;

/// How a result was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The action was carried out.
    Executed,
    /// The action was carried out and made what it made the last time, so that its
    /// dependants keep their keys.
    CutOff,
    /// The result was in the local store.
    LocalHit,
    /// The result came from a remote cache.
    RemoteHit,
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a result.
    Done {
        /// The result.
        result: ActionResult,
        /// How it was come by.
        how: How,
    },
    /// It failed.
    Failed(Box<ActionFailure>),
    /// It could not start, because something it needs failed.
    Skipped {
        /// The action that failed.
        because: ActionId,
    },
    /// The build stopped before it had a result.
    Stopped,
}

/// How many actions went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// All that were needed.
    pub total: usize,
    /// Carried out successfully, those cut off included.
    pub executed: usize,
    /// Found in the local store.
    pub local_hits: usize,
    /// Found in a remote cache.
    pub remote_hits: usize,
    /// Carried out with the same output as the last time.
    pub cut_off: usize,
    /// Failed.
    pub failed: usize,
    /// Not started because of a failure, or because the build stopped.
    pub not_started: usize,
}

/// What became of everything that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOutcome {
    /// By action, for all actions that were needed.
    pub actions: BTreeMap<ActionId, Outcome>,
    /// Their numbers.
    pub counts: Counts,
    /// Whether somebody asked to stop.
    pub cancelled: bool,
    /// Whether the store has lost a result that was taken as settled: only a build that
    /// knows how to make it again can go on.
    pub stale: bool,
}

impl BuildOutcome {
    pub(crate) fn new(actions: BTreeMap<ActionId, Outcome>, cancelled: bool) -> Self {
        let counts = count(actions.values());
        Self { actions, counts, cancelled, stale: false }
    }

    /// Whether every action has a result.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.counts.failed + self.counts.not_started == 0
    }

    /// The result of an action, if it has one.
    #[must_use]
    pub fn result(&self, id: ActionId) -> Option<&ActionResult> {
        match self.actions.get(&id) {
            Some(Outcome::Done { result, .. }) => Some(result),
            _ => None,
        }
    }

    /// What failed, in order of place.
    pub fn failures(&self) -> impl Iterator<Item = (ActionId, &ActionFailure)> {
        self.actions.iter().filter_map(|(id, outcome)| match outcome {
            Outcome::Failed(failure) => Some((*id, &**failure)),
            _ => None,
        })
    }
}

fn count<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Counts {
    let mut counts = Counts::default();
    for outcome in outcomes {
        counts.total += 1;
        match outcome {
            Outcome::Done { how: How::LocalHit, .. } => counts.local_hits += 1,
            Outcome::Done { how: How::RemoteHit, .. } => counts.remote_hits += 1,
            Outcome::Done { how: How::Executed, .. } => counts.executed += 1,
            Outcome::Done { how: How::CutOff, .. } => {
                counts.executed += 1;
                counts.cut_off += 1;
            }
            Outcome::Failed(_) => counts.failed += 1,
            Outcome::Skipped { .. } | Outcome::Stopped => counts.not_started += 1,
        }
    }
    counts
}
