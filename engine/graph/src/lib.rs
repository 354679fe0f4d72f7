//! The action graph: what is to be made, from what, and under which key.
//!
//! Holds plain values. Unaware of Starlark, which writes them, and of disks and
//! processes, which carry them out.

pub mod action;
pub mod action_graph;
pub mod artifact;
pub mod fields;
pub mod fingerprint;
pub mod key;
pub mod layout;
pub mod memory;
pub mod native;
pub mod query;
pub mod target;
pub mod transitive_set;
pub mod value;

pub use action::{Action, ActionKind, Argument, Capture, Limits, NativeAction, OutputKind, Piece, Run, User};
pub use action_graph::{ActionGraph, ActionId, GraphError, Standing};
pub use artifact::Artifact;
pub use fields::Fields;
pub use fingerprint::{Fingerprint, Fingerprints, Ink};
pub use target::{AnalyzedTarget, ConfiguredTarget};
pub use transitive_set::{SetNode, TransitiveSet};
pub use value::{Arguments, Param, ProviderValue, Value};
