//! Workspaces in, diagnostics and actions out: the crate seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod actions;
mod chunks;
mod determinism;
mod observations;
mod workspace;
mod written;
