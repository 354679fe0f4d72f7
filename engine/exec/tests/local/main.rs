//! The local executor under the real scheduler, over a real store and the real
//! sandbox, with roots that hold one static program.

mod failures;
mod incremental;
mod overlay;
mod robust;
mod workspace;
