//! Real runs in real namespaces, of a small static program that says what it sees.
//! They hold for root and for an ordinary user alike.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod endings;
mod files;
mod isolation;
mod many;
mod rig;
