//! What tests of several crates need: trees in memory, an executor that computes
//! instead of running, small graphs, a log of events, other projects' files. Unaware of the real store and
//! of the sandbox.

pub mod event_log;
pub mod fake_executor;
pub mod fixture;
pub mod memory_trees;
pub mod reference_data;

pub use event_log::{EventLog, StandingClock};
pub use fake_executor::FakeExecutor;
pub use memory_trees::{MemoryTrees, TreeError};
