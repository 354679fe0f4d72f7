//! Workspaces in, diagnostics and actions out: the crate seen from outside.

mod actions;
mod chunks;
mod determinism;
mod observations;
mod workspace;
mod written;
