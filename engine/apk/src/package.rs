//! A package: gzip members in a row, first signatures, then control, then data.
//!
//! [`reader::PackageReader`] takes one apart, [`writer`] makes an unsigned one; a
//! signature is a member put in front of its bytes, which stay as they are.

use std::fmt;

pub mod reader;
#[cfg(test)]
mod tests;
pub mod writer;

use crate::archive::ArchiveError;
use crate::pkginfo::PkgInfoError;

/// A maintainer script in a control member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Script {
    /// Before a first installation.
    PreInstall,
    /// After a first installation.
    PostInstall,
    /// Before an upgrade.
    PreUpgrade,
    /// After an upgrade.
    PostUpgrade,
    /// Before removal.
    PreDeinstall,
    /// After removal.
    PostDeinstall,
    /// After a folder named in `triggers` changed.
    Trigger,
}

impl Script {
    /// All of them, in the order of this type.
    pub const ALL: [Self; 7] = [
        Self::PreInstall,
        Self::PostInstall,
        Self::PreUpgrade,
        Self::PostUpgrade,
        Self::PreDeinstall,
        Self::PostDeinstall,
        Self::Trigger,
    ];

    /// The script's name without the leading full stop it has in a control member.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreDeinstall => "pre-deinstall",
            Self::PostDeinstall => "post-deinstall",
            Self::Trigger => "trigger",
        }
    }

    /// The script with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|script| script.as_str() == name)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A package that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A member is no gzip, is too long, or ends early.
    #[error("cannot read the {member} member")]
    Member {
        /// `signature`, `control` or `data`.
        member: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// A member's archive is malformed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// `.PKGINFO` is malformed.
    #[error(transparent)]
    PkgInfo(#[from] PkgInfoError),
    /// The file ends before its control member.
    #[error("there is no control member, hint: is this an apk v2 package?")]
    NoControl,
    /// The control member has no `.PKGINFO`.
    #[error("the control member has no `.PKGINFO`")]
    NoPkgInfo,
    /// Without a `datahash` no signature covers the data.
    #[error("`.PKGINFO` has no `datahash`, so nothing vouches for the files")]
    NoDataHash,
    /// The data member is not the one that `.PKGINFO` means.
    #[error("the data has SHA-256 `{actual}`, `.PKGINFO` says `{expected}`")]
    DataHash {
        /// From `.PKGINFO`, in hexadecimal digits.
        expected: String,
        /// Of the data member, in hexadecimal digits.
        actual: String,
    },
    /// A file's bytes are not those its checksum is of.
    #[error("`{path}` does not have the checksum it is listed with")]
    FileChecksum {
        /// The file.
        path: String,
    },
    /// A file or symbolic link to be written has no checksum.
    #[error("`{path}` has no SHA-1 checksum")]
    NoChecksum {
        /// The file.
        path: String,
    },
    /// Entries to be written must ascend by path, each once.
    #[error("`{path}` is out of order or there twice, hint: entries ascend by path")]
    Order {
        /// The entry that is not behind its predecessor.
        path: String,
    },
    /// A hard link to something that is not an earlier file.
    #[error("`{path}` links to `{target}`, which is no earlier file of the package")]
    HardLink {
        /// The link.
        path: String,
        /// What it names.
        target: String,
    },
    /// The output or the scratch file cannot be used.
    #[error("cannot write the package")]
    Write(#[source] std::io::Error),
}
