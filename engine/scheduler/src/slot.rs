//! The state of one action during a build. Unaware of queues and threads.

use wiz_base::reapi::ActionResult;
use wiz_graph::ActionId;
use wiz_graph::key::Key;

use crate::executor::Lookup;
use crate::failure::ActionFailure;
use crate::outcome::{How, Outcome};

/// Where an action stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Some of what it needs has no result yet; it starts when `missing` has come to 0.
    Waiting {
        /// How many results it waits for.
        missing: usize,
    },
    /// It is queued for, or in, a look-up or an examination of its inputs.
    Looking,
    /// Another action with the same key is being carried out.
    Following,
    /// It is queued to be carried out, or being carried out.
    Executing {
        /// Its key.
        key: Key,
        /// When it was started, in milliseconds; none while queued.
        started: Option<u64>,
    },
    /// It has a result.
    Done(How),
    /// It failed.
    Failed(Box<ActionFailure>),
    /// Something it needs failed.
    Skipped(ActionId),
    /// It was interrupted.
    Stopped,
}

/// All the scheduler knows about one action.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) state: State,
    /// The newest result, kept while the action is carried out again.
    pub(crate) result: Option<ActionResult>,
    /// Whether its dependants were told of the first result.
    pub(crate) announced: bool,
    /// Whether what is stored for it may be used.
    pub(crate) lookup: Lookup,
    /// How often it was started again because the store had lost something.
    pub(crate) rewinds: u32,
    /// Whether its result was known before the build.
    pub(crate) settled: bool,
    /// Whether people want its outputs.
    pub(crate) requested: bool,
    /// Who waits for it to be carried out again.
    pub(crate) waiters: Vec<ActionId>,
}

impl Slot {
    pub(crate) fn new(missing: usize, lookup: Lookup, requested: bool) -> Self {
        Self {
            state: State::Waiting { missing },
            result: None,
            announced: false,
            lookup,
            rewinds: 0,
            settled: false,
            requested,
            waiters: Vec::new(),
        }
    }

    /// An action whose result was known before the build.
    pub(crate) fn settled(result: ActionResult, requested: bool) -> Self {
        Self {
            state: State::Done(How::LocalHit),
            result: Some(result),
            announced: true,
            settled: true,
            ..Self::new(0, Lookup::Believe, requested)
        }
    }

    /// What is reported at the end.
    pub(crate) fn into_outcome(self) -> Outcome {
        match (self.state, self.result) {
            (State::Done(how), Some(result)) => Outcome::Done { result, how },
            (State::Failed(failure), _) => Outcome::Failed(failure),
            (State::Skipped(because), _) => Outcome::Skipped { because },
            _ => Outcome::Stopped,
        }
    }
}
