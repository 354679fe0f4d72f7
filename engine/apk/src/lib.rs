//! The apk v2 formats: packages, indexes, signatures and the installed database, as
//! values and as bytes.
//!
//! Everything here is a function of its input: no file is opened, no clock read and
//! no randomness drawn but what the caller hands in. Writers give the same bytes for
//! the same values; readers refuse what is malformed and say why.

pub mod archive;
pub mod checksum;
pub mod database;
pub mod dependency;
mod gzip;
pub mod index;
pub mod key;
pub mod package;
pub mod pkginfo;
pub mod signature;
pub mod version;

pub use archive::{Entry, Kind, Owner};
pub use checksum::Checksum;
pub use dependency::{Constraint, Dependency, Name, Operator, Provide};
pub use index::Record;
pub use package::reader::PackageReader;
pub use package::writer::{DataWriter, write_package};
pub use pkginfo::PkgInfo;
pub use version::Version;
