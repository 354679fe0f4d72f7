//! Which known vulnerabilities a set of packages has: advisories are read from files,
//! matched by name and version, and overruled by statements with evidence.
//!
//! Reads no network: a feed is what is on disk, and is named by its digest. Unaware of
//! targets, and of how findings are shown.

mod advisory;
mod bill;
mod error;
mod feed;
mod finding;
mod openvex;
mod osv;
mod secdb;
mod severity;
mod stated;
mod version;
mod wolfi;

pub use advisory::{Advisory, Affected, Commits, Distribution, End, Extent, Range};
pub use bill::{Bill, Package, Patch};
pub use error::AuditError;
pub use feed::Feed;
pub use finding::{Finding, Report, Status, audit};
pub use openvex::{Product, Statement, Vex, Vulnerability};
pub use severity::{Level, Severity};
pub use stated::{Claim, Stated, StatedPackage, osv, secdb, statements};
