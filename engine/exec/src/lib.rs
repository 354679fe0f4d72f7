//! Carries actions out: sandboxed commands, fetches, written files, native packers;
//! looks results up and keeps them; links results for people.
//!
//! Implements the scheduler's [`Executor`](wiz_scheduler::Executor) over one store and
//! one workspace. Unaware of order, of the terminal, and of the environment.

pub mod audit;
pub mod executor;
pub mod failed;
pub mod fetch;
pub mod history;
pub mod materialise;
pub mod native;

mod command;
mod failure;
mod jobserver;
mod key_trees;
mod layers;
mod native_action;
mod outputs;
pub mod sandbox_plan;
mod sources;

pub use audit::{Audit, Disagreement};
pub use executor::{LocalExecutor, RemoteResults, RunLimits, Settings};
pub use failed::FailedRun;
pub use fetch::{FetchError, FetchSettings, Fetcher, Patience};
pub use materialise::{Delivered, MaterialiseError, OutputLinks};
