//! Where the loader reads a workspace from. The loader opens no file itself.

use std::io;

use wiz_base::RelPath;

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link, whatever it points at.
    Symlink,
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// Its name, one path segment.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// A workspace's files.
pub trait Sources: Sync {
    /// The text of a file; `None` if there is no such file.
    ///
    /// # Errors
    /// Whatever keeps an existing file from being read; text that is not UTF-8 is
    /// [`io::ErrorKind::InvalidData`].
    fn read(&self, path: &RelPath) -> io::Result<Option<String>>;

    /// The entries of a folder in any order, without what is to be ignored; `None` if
    /// there is no such folder.
    ///
    /// # Errors
    /// Whatever keeps an existing folder from being read.
    fn list(&self, path: &RelPath) -> io::Result<Option<Vec<DirEntry>>>;
}
