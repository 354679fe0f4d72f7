//! End to end: the built `wiz` on small workspaces of its own, with a cache of its own.

mod bad_input;
mod builds;
mod fixture;
mod incremental;
