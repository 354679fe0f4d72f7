//! Incremental scheduling: which actions of a graph have to be carried out, in
//! which order, and what became of each.
//!
//! One event loop over one closed enum decides; worker threads look up and carry
//! out through [`Executor`]. Unaware of Starlark, of stores, of formats, of the
//! terminal and of the wall clock.

pub mod cancel;
pub mod event;
pub mod executor;
pub mod failure;
pub mod outcome;
mod priority;
mod schedule;
mod slot;
mod workers;

pub use cancel::{CancelToken, Subscription};
pub use event::{ActionEnd, ActionName, BuildEvent, Clock, Events, Phase, Silent};
pub use executor::{Execution, Executor, History, Hit, Lookup, NoHistory, Past, Probe, Setback};
pub use failure::{ActionFailure, FailureKind, LogTail};
pub use outcome::{BuildOutcome, Counts, How, Outcome};
pub use schedule::{Options, Parties, build};
