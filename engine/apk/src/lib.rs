//! values and as bytes.
//!
//! Everything here is a function of its input: no file is opened, no clock read and
//! no randomness drawn but what the caller hands in. Writers give the same bytes for
//! the same values; readers refuse what is malformed and say why.

pub mod checksum;
pub mod dependency;
pub mod pkginfo;
#[cfg(test)]
mod reference_data;
pub mod version;

pub use checksum::Checksum;
pub use dependency::{Constraint, Dependency, Name, Operator, Provide};
pub use pkginfo::PkgInfo;
pub use version::Version;
