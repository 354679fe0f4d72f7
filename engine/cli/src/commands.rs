//! What each command does, one file each.

pub(crate) mod advisories;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod contents;
pub(crate) mod delivery;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod key;
pub(crate) mod licenses;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod new;
pub(crate) mod query;
pub(crate) mod repo;
pub(crate) mod sbom;
pub(crate) mod shell;
pub(crate) mod sign;
pub(crate) mod tree;
pub(crate) mod update;
pub(crate) mod verify;
pub(crate) mod why;
