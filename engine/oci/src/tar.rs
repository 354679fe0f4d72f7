//! Tar entries: the header blocks of files, directories and links.
//!
//! POSIX ustar, with a PAX extended header only for what ustar cannot say:
//! long or non-ASCII names, large numbers, extended attributes. Nothing of the
//! machine enters: user and group go by number. Unaware of whole archives, so
//! that entries can be written into pieces that are joined later.
//!
//! Source: POSIX.1-2017, `pax` utility; extended attributes as
//! `SCHILY.xattr.<name>`, which GNU tar, libarchive and all container runtimes read.

mod pax;

use std::collections::BTreeMap;

use ::tar::{EntryType, Header};
use serde::{Deserialize, Serialize};
use wiz_base::RelPath;

use pax::PaxRecords;

/// Bytes in a tar block; headers and contents start on block boundaries.
pub const BLOCK: u64 = 512;

/// What ends an archive: two blocks of zeros.
pub const END_OF_ARCHIVE: [u8; 1024] = [0; 1024];

/// The largest owner or group number that ustar's seven octal digits hold.
const MAX_USTAR_ID: u32 = 0o7_777_777;

/// The largest size (bytes) or time (seconds) that eleven octal digits hold.
const MAX_USTAR_LONG: u64 = 0o77_777_777_777;

/// All bits that a mode may have: permissions, set-id bits, sticky bit.
const MODE_BITS: u32 = 0o7777;

/// Who owns an entry, what may be done with it, and when it changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Metadata {
    /// Permission, set-id and sticky bits: at most `0o7777`.
    pub mode: u32,
    /// Number of the owning user.
    pub uid: u32,
    /// Number of the owning group.
    pub gid: u32,
    /// Time of the last change, in seconds since 1970.
    pub mtime: u64,
    /// Extended attributes by their full name, such as `security.capability`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Metadata {
    /// Mode `mode`, owned by root, without extended attributes, changed at `mtime`.
    #[must_use]
    pub const fn root_owned(mode: u32, mtime: u64) -> Self {
        Self { mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() }
    }
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file; its content follows the header.
    File {
        /// Length of the content in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Where it points, as it is to be read back by readlink(2).
        target: String,
    },
    /// Another name of a file that stands earlier in the archive.
    HardLink {
        /// The path of that file in the archive.
        target: RelPath,
    },
}

/// One entry of an archive, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path below the archive's root; empty only for the root directory itself.
    pub path: RelPath,
    /// File, directory or link.
    pub kind: Kind,
    /// Owner, mode, time, extended attributes.
    pub metadata: Metadata,
}

impl Entry {
    /// The entry's header blocks. A file's content follows, and [`padding`] zeros.
    ///
    /// # Errors
    /// [`TarError`] if the entry says something that a tar cannot hold.
    pub fn header(&self) -> Result<Vec<u8>, TarError> {
        self.check()?;
        let name = self.name();
        let link = self.link();
        let records = self.extensions(&name, link);
        let mut blocks = records.blocks(self.path.file_name());
        let mut header = Header::new_ustar();
        set_name(&mut header, &name);
        fill(&mut header.as_old_mut().linkname, link.as_bytes());
        header.set_entry_type(self.entry_type());
        header.set_mode(self.metadata.mode);
        header.set_uid(ustar_id(self.metadata.uid));
        header.set_gid(ustar_id(self.metadata.gid));
        header.set_size(ustar_long(self.size()));
        header.set_mtime(ustar_long(self.metadata.mtime));
        header.set_cksum();
        blocks.extend_from_slice(header.as_bytes());
        Ok(blocks)
    }

    /// Length in bytes of the content that follows the header.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size } => size,
            Kind::Directory | Kind::Symlink { .. } | Kind::HardLink { .. } => 0,
        }
    }

    fn check(&self) -> Result<(), TarError> {
        let refuse = |problem: &'static str| Err(TarError { path: self.path.clone(), problem });
        if self.path.is_root() && self.kind != Kind::Directory {
            return refuse("is the root, which can only be a directory");
        }
        if self.metadata.mode & !MODE_BITS != 0 {
            return refuse("has mode bits other than permissions, set-id and sticky");
        }
        if self.metadata.xattrs.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return refuse("has an extended attribute whose name is empty or holds `=` or NUL");
        }
        match &self.kind {
            Kind::Symlink { target } if target.is_empty() || target.contains('\0') => {
                refuse("is a symbolic link whose target is empty or holds NUL")
            }
            Kind::HardLink { target } if target.is_root() || *target == self.path => {
                refuse("is a hard link to the root or to itself")
            }
            _ => Ok(()),
        }
    }

    /// The name as archives write it: directories end in `/`.
    fn name(&self) -> String {
        match self.kind {
            Kind::Directory if self.path.is_root() => "./".to_owned(),
            Kind::Directory => format!("{}/", self.path),
            _ => self.path.to_string(),
        }
    }

    fn link(&self) -> &str {
        match &self.kind {
            Kind::Symlink { target } => target,
            Kind::HardLink { target } => target.as_str(),
            Kind::File { .. } | Kind::Directory => "",
        }
    }

    fn entry_type(&self) -> EntryType {
        match self.kind {
            Kind::File { .. } => EntryType::Regular,
            Kind::Directory => EntryType::Directory,
            Kind::Symlink { .. } => EntryType::Symlink,
            Kind::HardLink { .. } => EntryType::Link,
        }
    }

    /// What ustar cannot say of this entry.
    fn extensions(&self, name: &str, link: &str) -> PaxRecords {
        let mut records = PaxRecords::default();
        if split_name(name).is_none() {
            records.insert("path", name.as_bytes());
        }
        if !fits(link, 100) {
            records.insert("linkpath", link.as_bytes());
        }
        for (key, id) in [("uid", self.metadata.uid), ("gid", self.metadata.gid)] {
            if id > MAX_USTAR_ID {
                records.insert(key, id.to_string().as_bytes());
            }
        }
        for (key, number) in [("size", self.size()), ("mtime", self.metadata.mtime)] {
            if number > MAX_USTAR_LONG {
                records.insert(key, number.to_string().as_bytes());
            }
        }
        for (name, value) in &self.metadata.xattrs {
            records.insert(&format!("SCHILY.xattr.{name}"), value);
        }
        records
    }
}

/// Zeros between a content of `size` bytes and the next block boundary.
#[must_use]
pub fn padding(size: u64) -> &'static [u8] {
    let beyond = (size % BLOCK) as usize;
    &END_OF_ARCHIVE[..(BLOCK as usize - beyond) % BLOCK as usize]
}

fn fits(text: &str, length: usize) -> bool {
    text.len() <= length && text.is_ascii()
}

/// Splits a name into ustar's prefix (155 bytes) and name (100 bytes), which a
/// reader joins by `/`. `None` if it does not fit.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if fits(name, 100) {
        return Some(("", name));
    }
    let earliest = name.len().checked_sub(101)?;
    let slashes = name.match_indices('/').map(|(at, _)| at);
    let at = slashes.filter(|at| *at > 0 && *at + 1 < name.len()).find(|at| *at >= earliest)?;
    (name.is_ascii() && at <= 155).then(|| (&name[..at], &name[at + 1..]))
}

/// Writes the name; one that does not fit is cut here and whole in its record.
fn set_name(header: &mut Header, name: &str) {
    let (prefix, rest) = split_name(name).unwrap_or(("", name));
    fill(&mut header.as_old_mut().name, rest.as_bytes());
    if let Some(ustar) = header.as_ustar_mut() {
        fill(&mut ustar.prefix, prefix.as_bytes());
    }
}

/// Copies as much of `bytes` as the field holds.
fn fill(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

/// The number if ustar holds it; otherwise zero, and its record says the number.
fn ustar_id(id: u32) -> u64 {
    if id > MAX_USTAR_ID { 0 } else { id.into() }
}

/// As [`ustar_id`], for sizes and times.
fn ustar_long(number: u64) -> u64 {
    if number > MAX_USTAR_LONG { 0 } else { number }
}

/// An entry that a tar cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be written into a tar: it {problem}")]
pub struct TarError {
    /// Path of the entry.
    pub path: RelPath,
    /// What is wrong with it.
    pub problem: &'static str,
}

#[cfg(test)]
mod tests;
