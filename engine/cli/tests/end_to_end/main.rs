//! End to end: the built `wiz` on small workspaces of its own, with a cache of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod builds;
mod fixture;
mod incremental;
mod random_edits;
