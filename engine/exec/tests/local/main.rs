//! The local executor under the real scheduler, over a real store and the real
//! sandbox, with roots that hold one static program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod failures;
mod incremental;
mod overlay;
mod robust;
mod workspace;
