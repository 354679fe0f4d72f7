//! The files of apk's database in an installed root: `installed`, `scripts.tar`,
//! `triggers` and `world`.
//!
//! Text and values only. Which packages a root has, and where the files lie in it,
//! is settled elsewhere.

pub mod installed;
pub mod scripts;
#[cfg(test)]
mod tests;
pub mod triggers;
pub mod world;

pub use installed::{InstalledDirectory, InstalledFile, InstalledPackage};
