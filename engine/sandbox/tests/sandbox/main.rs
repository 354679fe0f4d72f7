//! Real runs in real namespaces, of a small static program that says what it sees.
//! They hold for root and for an ordinary user alike.

mod endings;
mod files;
mod isolation;
mod many;
mod rig;
