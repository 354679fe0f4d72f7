//! The tar dialect of apk: entries with owners, extended attributes and checksums.
//!
//! Unaware of compression and of what an archive is for. Names are relative, UTF-8
//! and stay below the root; an archive with any other name is refused.

use std::collections::BTreeMap;
use std::io;

use crate::checksum::Checksum;

pub(crate) mod pax;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

/// The key behind which a file's checksum stands in its extended header.
pub(crate) const CHECKSUM_PREFIX: &str = "APK-TOOLS.checksum.";
/// The key behind which an extended attribute stands in an extended header.
pub(crate) const XATTR_PREFIX: &str = "SCHILY.xattr.";

/// One file, folder or link of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the root, without a leading or trailing `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// To whom it belongs.
    pub owner: Owner,
    /// Seconds since 1970. Writers of packages put their own epoch instead.
    pub mtime: u64,
    /// SHA-1 or SHA-256 of a file's bytes or a symbolic link's target.
    pub checksum: Option<Checksum>,
    /// Extended attributes by name, `security.capability` among them.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Length in bytes.
        size: u64,
    },
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink {
        /// The link's text, as it is.
        target: String,
    },
    /// Another name of an earlier file.
    HardLink {
        /// Path of that file below the root.
        target: String,
    },
}

/// An entry's owner. apk prefers the names and falls back to the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// User name; empty if the archive has none.
    pub user: String,
    /// Group name; empty if the archive has none.
    pub group: String,
}

impl Owner {
    /// root:root, 0:0.
    #[must_use]
    pub fn root() -> Self {
        Self { uid: 0, gid: 0, user: "root".to_owned(), group: "root".to_owned() }
    }
}

impl Entry {
    /// A file with mode 0644 of root, with the size and checksum of `content`.
    #[must_use]
    pub fn file(path: &str, content: &[u8]) -> Self {
        let size = content.len() as u64;
        Self { checksum: Some(Checksum::sha1(content)), ..Self::new(path, Kind::File { size }, 0o644) }
    }

    /// A folder with mode 0755 of root.
    #[must_use]
    pub fn directory(path: &str) -> Self {
        Self::new(path, Kind::Directory, 0o755)
    }

    /// A symbolic link of root.
    #[must_use]
    pub fn symlink(path: &str, target: &str) -> Self {
        let kind = Kind::Symlink { target: target.to_owned() };
        Self { checksum: Some(Checksum::sha1(target.as_bytes())), ..Self::new(path, kind, 0o777) }
    }

    /// A further name of the file at `target`, whose mode and owner should be repeated.
    #[must_use]
    pub fn hard_link(path: &str, target: &str) -> Self {
        Self::new(path, Kind::HardLink { target: target.to_owned() }, 0o644)
    }

    /// An entry of root without checksum and attributes, at the beginning of time.
    #[must_use]
    pub fn new(path: &str, kind: Kind, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            mode,
            owner: Owner::root(),
            mtime: 0,
            checksum: None,
            xattrs: BTreeMap::new(),
        }
    }

    /// Length of the content in bytes; zero unless it is a file.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size } => size,
            _ => 0,
        }
    }
}

/// Whether `path` is relative, not empty, and free of `.`, `..` and empty segments.
pub(crate) fn is_safe_path(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// An archive that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes end early, are no tar, or cannot be read or written.
    #[error("cannot process the archive")]
    Io(#[from] io::Error),
    /// A name that is absolute, leaves the root, or is not canonical.
    #[error("`{path}` is not a path below the root")]
    Path {
        /// The name.
        path: String,
    },
    /// A header field that is not what it should be.
    #[error("`{path}` has a malformed {field}")]
    Field {
        /// The entry's name, as far as it is known.
        path: String,
        /// Which field.
        field: &'static str,
    },
    /// A device, a pipe or something unknown.
    #[error("`{path}` is neither file, folder nor link (tar type `{flag}`)")]
    Kind {
        /// The entry's name.
        path: String,
        /// The type flag in the header.
        flag: char,
    },
    /// An extended header of unreasonable length.
    #[error("an extended header is {size} bytes long, hint: at most 1 MiB is accepted")]
    HeaderTooLong {
        /// Its length in bytes.
        size: u64,
    },
    /// An extended header with no entry behind it.
    #[error("the archive ends with an extended header")]
    DanglingHeader,
    /// The content is not as long as the entry says.
    #[error("`{path}` has {actual} bytes of content, not {expected}")]
    Size {
        /// The entry's name.
        path: String,
        /// What the entry says.
        expected: u64,
        /// What the content has.
        actual: u64,
    },
}
