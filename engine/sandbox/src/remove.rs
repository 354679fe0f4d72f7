//! Removes a folder with everything in it, whatever modes a program left behind.
//! Unaware of whose folder it is.
//!
//! Every step is taken relative to an open folder and follows no link, so that a
//! process that changes the tree meanwhile cannot lead it elsewhere.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

/// What could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot remove `{path}`: {source}")]
pub struct RemoveError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the kernel said.
    pub source: io::Error,
}

impl From<RemoveError> for io::Error {
    fn from(error: RemoveError) -> Self {
        Self::new(error.source.kind(), error)
    }
}

/// Removes `path`: a file or link itself, a folder with its content, folders without
/// permissions included. What is not there is fine.
///
/// # Errors
/// [`RemoveError`] for the first entry that cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), RemoveError> {
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|error| RemoveError { path: path.to_path_buf(), source: error.into() })?;
    match unlinkat(CWD, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // EISDIR by Linux; EPERM by POSIX, and by Linux for immutable files.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(failure(path, errno)),
    }
    let folder = open_folder(CWD, &name).map_err(|errno| failure(path, errno))?;
    empty_folder(folder, path)?;
    remove_folder(CWD, &name).map_err(|errno| failure(path, errno))
}

/// A folder that is being emptied.
struct Level {
    /// Device and inode, to be sure of it on the way back up.
    identity: (u64, u64),
    /// The names of folders still to be emptied and removed.
    folders: Vec<CString>,
    /// Its name in the level above.
    name: CString,
}

/// Removes all entries, depth first, without recursion and with one open folder: a
/// program can nest folders deeper than a stack or a descriptor table.
fn empty_folder(folder: OwnedFd, path: &Path) -> Result<(), RemoveError> {
    let mut place = path.to_path_buf();
    let mut current = folder;
    let mut levels = vec![enter(&current, CString::default(), &place)?];
    while let Some(level) = levels.last_mut() {
        if let Some(name) = level.folders.pop() {
            place.push(OsStr::from_bytes(name.as_bytes()));
            current = open_folder(current.as_fd(), &name).map_err(|errno| failure(&place, errno))?;
            levels.push(enter(&current, name, &place)?);
            continue;
        }
        let Some(Level { name, .. }) = levels.pop() else { break };
        if let Some(parent) = levels.last() {
            current = leave(&current, parent.identity).map_err(|errno| failure(&place, errno))?;
            remove_folder(current.as_fd(), &name).map_err(|errno| failure(&place, errno))?;
            place.pop();
        }
    }
    Ok(())
}

/// Empties an open folder of all but folders, which it lists.
fn enter(folder: &OwnedFd, name: CString, path: &Path) -> Result<Level, RemoveError> {
    let identity = identity(folder).map_err(|errno| failure(path, errno))?;
    Ok(Level { identity, folders: unlink_files(folder, path)?, name })
}

/// Opens the parent of an open folder, which must be the one it was entered from.
fn leave(folder: &OwnedFd, expected: (u64, u64)) -> Result<OwnedFd, Errno> {
    let parent = openat(folder, c"..", FOLDER, Mode::empty())?;
    if identity(&parent)? == expected { Ok(parent) } else { Err(Errno::XDEV) }
}

fn identity(folder: &OwnedFd) -> Result<(u64, u64), Errno> {
    rustix::fs::fstat(folder).map(|found| (found.st_dev, found.st_ino))
}

/// Removes what is not a folder; gives the names of the folders.
fn unlink_files(folder: &OwnedFd, path: &Path) -> Result<Vec<CString>, RemoveError> {
    let at = |name: &CStr, errno| failure(&path.join(OsStr::from_bytes(name.to_bytes())), errno);
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder).map_err(|errno| failure(path, errno))? {
        let entry = entry.map_err(|errno| failure(path, errno))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            folders.push(name.to_owned());
            continue;
        }
        match unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            // File systems that do not tell types in listings.
            Err(Errno::ISDIR) => folders.push(name.to_owned()),
            Err(errno) => return Err(at(name, errno)),
        }
    }
    Ok(folders)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder so that its entries can be removed, changing its mode if need be.
fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    match openat(parent, name, FOLDER, Mode::empty()) {
        Ok(folder) => {
            if rustix::fs::fstat(&folder)?.st_mode & 0o700 != 0o700 {
                rustix::fs::fchmod(&folder, Mode::RWXU)?;
            }
            Ok(folder)
        }
        Err(Errno::ACCESS) => {
            // Without the right to read it, it can still be held, and its mode changed
            // through the link in `/proc`, which leads nowhere else.
            let held = openat(parent, name, FOLDER | OFlags::PATH, Mode::empty())?;
            let link = format!("/proc/self/fd/{}", held.as_raw_fd());
            rustix::fs::chmod(link, Mode::RWXU)?;
            openat(parent, name, FOLDER, Mode::empty())
        }
        Err(errno) => Err(errno),
    }
}

fn remove_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

fn failure(path: &Path, errno: Errno) -> RemoveError {
    RemoveError { path: path.to_path_buf(), source: errno.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn folders_without_permissions_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        for folder in ["a/b/c", "a/b", "a", ""] {
            fs::set_permissions(tree.join(folder), PermissionsExt::from_mode(0o0)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn links_are_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let kept = home.path().join("kept");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "kept").unwrap();
        let tree = home.path().join("tree");
        fs::create_dir(&tree).unwrap();
        symlink(&kept, tree.join("link")).unwrap();
        symlink(&kept, home.path().join("alone")).unwrap();
        remove_tree(&tree).unwrap();
        remove_tree(&home.path().join("alone")).unwrap();
        assert_eq!(fs::read_to_string(kept.join("file")).unwrap(), "kept");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn nesting_beyond_a_path_and_a_descriptor_table_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut folder = openat(CWD, &tree, FOLDER, Mode::empty()).unwrap();
        for _ in 0..1100 {
            rustix::fs::mkdirat(&folder, c"abc", Mode::RWXU).unwrap();
            folder = openat(&folder, c"abc", FOLDER, Mode::empty()).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }
}
