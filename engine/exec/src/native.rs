//! Native packers: work the engine does itself, from parameters and input trees to
//! output trees.
//!
//! A packer is a pure function of its parameters and inputs; its kind and version
//! are part of the key. The format of the parameters is written down in
//! `docs/design/starlark-api.md`. Unaware of keys, of scheduling and of who asked.

use std::collections::BTreeMap;
use std::path::Path;

use wiz_base::{Digest, Node};
use wiz_cas::Store;
use wiz_graph::native::NativeKind;

mod apk;
mod attributes;
mod bill;
mod elf;
pub mod error;
mod file_globs;
mod gate;
mod image;
mod index;
mod inspect;
mod installation;
mod outputs;
mod own;
mod pack_error;
mod params;
mod policy;
mod provenance;
mod record;
mod root_files;
mod root_form;
mod rootfs;
#[cfg(test)]
mod sample_packages;
mod scan;
mod segment;
mod solve;
mod split;
#[cfg(test)]
mod testing;
mod tree;
mod unpack;

pub use error::NativeError;

/// One packer's view of its work.
#[derive(Clone, Copy)]
pub struct NativeJob<'a> {
    /// Which packer.
    pub kind: NativeKind,
    /// Its parameters, as in the action's `params.json`: inputs are `{"$input": "in/<n>"}`,
    /// outputs `{"$output": "<path>"}`.
    pub params: &'a serde_json::Value,
    /// What stands at each `in/<n>`.
    pub inputs: &'a BTreeMap<String, Node>,
    /// What people call each `in/<n>`: for messages only. May be incomplete.
    pub names: &'a BTreeMap<String, String>,
    /// Where inputs are read and outputs are kept.
    pub store: &'a Store,
    /// An empty folder that is removed afterwards.
    pub scratch: &'a Path,
    /// Asked now and then; the packer stops soon after it says yes.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for NativeJob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeJob")
            .field("kind", &self.kind)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

/// What a packer made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeOutput {
    /// The tree `out`, with each declared output at its path.
    pub root: Digest,
    /// What a person may want to know about how it went; may be empty.
    pub log: String,
}

/// Carries out one native action.
///
/// # Errors
/// [`NativeError`], whose `Display` is what the person who wrote the definition reads.
pub fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    match job.kind {
        NativeKind::Unpack => unpack::run(job),
        NativeKind::Tree => tree::run(job),
        NativeKind::Inspect => inspect::run(job),
        NativeKind::Gate => gate::run(job),
        NativeKind::Split => split::run(job),
        NativeKind::Scan => scan::run(job),
        NativeKind::Apk => apk::run(job),
        NativeKind::Index => index::run(job),
        NativeKind::Solve => solve::run(job),
        NativeKind::Segment => segment::run(job),
        NativeKind::Image => image::run(job),
        NativeKind::Rootfs => rootfs::run(job),
        NativeKind::Spdx | NativeKind::Spdx3 | NativeKind::CycloneDx => bill::run(job),
        NativeKind::Provenance => provenance::run(job),
        NativeKind::Policy => policy::run(job),
    }
}
