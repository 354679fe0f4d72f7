//! What a Debian archive says of itself, as values: the release file, indexes of binary
//! packages, their versions and relations, and what a set of packages needs.
//!
//! Everything here is a function of its input: no file is opened and no host is asked.
//! Unaware of signatures' validity, and of what is done with the packages.

pub mod closure;
pub mod control;
pub mod index;
pub mod relation;
pub mod release;
pub mod sources;
pub mod version;

pub use closure::{Closure, ResolveError, Wanted, closure};
pub use index::{Index, Package};
pub use release::Release;
pub use sources::{SourceFile, Sources};
pub use version::Version;
