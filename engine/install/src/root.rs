//! A folder that is a system's root: every path is resolved below it.
//!
//! Links in the root lead within the root, whatever their text says, as they do for a
//! program that runs in it. Nothing here can touch a file outside. Unaware of
//! packages.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid};
use rustix::io::Errno;

/// Links that are followed on the way to one folder, as many as the kernel follows.
const MAX_LINKS: usize = 40;

/// The root, open.
#[derive(Debug)]
pub struct Root {
    folder: OwnedFd,
}

/// A folder of the root, open, in which names are looked up without following links.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: String,
}

/// What the file system says of a file, without following links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileType,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Length in bytes.
    pub size: u64,
    /// Seconds since 1970 of the last change of content.
    pub mtime: i64,
    /// Device and inode: equal for two names of one file.
    pub identity: (u64, u64),
}

impl Metadata {
    fn new(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: stat.st_mtime,
            identity: (stat.st_dev, stat.st_ino),
        }
    }
}

impl Root {
    /// Opens the folder.
    ///
    /// # Errors
    /// [`RootError`] if it is none, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let folder = fs::openat(CWD, path, flags, Mode::empty())
            .map_err(|errno| RootError::new("open", &path.to_string_lossy(), errno))?;
        Ok(Self { folder })
    }

    /// The folder at `path`, links followed within this root, as a root of its own.
    ///
    /// # Errors
    /// [`RootError`] if there is none.
    pub fn within(&self, path: &str) -> Result<Self, RootError> {
        Ok(Self { folder: self.folder(path)?.fd })
    }

    /// The root's own descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The folder at `path`, links followed within the root. The empty path is the root.
    ///
    /// # Errors
    /// [`RootError`] if there is none.
    pub fn folder(&self, path: &str) -> Result<Folder, RootError> {
        let fd = self.resolve(path).map_err(|errno| RootError::new("open", path, errno))?;
        Ok(Folder { fd, path: path.to_owned() })
    }

    /// The folder at `path`; `None` if nothing is there.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be opened, or is no folder.
    pub fn find_folder(&self, path: &str) -> Result<Option<Folder>, RootError> {
        match self.folder(path) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn resolve(&self, path: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let path = if path.is_empty() { "." } else { path };
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        match fs::openat2(&self.folder, path, flags, Mode::empty(), within) {
            // Older kernels, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => self.walk(path),
            result => result,
        }
    }

    /// What openat2 with `RESOLVE_IN_ROOT` does, step by step.
    fn walk(&self, path: &str) -> Result<OwnedFd, Errno> {
        let open = |folder: BorrowedFd<'_>, name: &OsStr| {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::openat(folder, name, flags, Mode::empty())
        };
        let mut way = vec![open(self.folder.as_fd(), OsStr::new("."))?];
        let mut open_names: Vec<Vec<u8>> = segments(path.as_bytes());
        let mut links = 0;
        while let Some(name) = open_names.pop() {
            let here = way.last().expect("the root is never left").as_fd();
            match name.as_slice() {
                b"." => {}
                b".." if way.len() > 1 => drop(way.pop()),
                b".." => {}
                name => match open(here, OsStr::from_bytes(name)) {
                    Ok(fd) => way.push(fd),
                    Err(Errno::LOOP | Errno::NOTDIR) => {
                        let target = fs::readlinkat(here, OsStr::from_bytes(name), Vec::new())
                            .map_err(|_| Errno::NOTDIR)?
                            .into_bytes();
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Errno::LOOP);
                        }
                        if target.starts_with(b"/") {
                            way.truncate(1);
                        }
                        open_names.extend(segments(&target));
                    }
                    Err(errno) => return Err(errno),
                },
            }
        }
        Ok(way.pop().expect("the root is never left"))
    }

    /// The folder a file lies in, and the file's name.
    ///
    /// # Errors
    /// [`RootError`] if there is no such folder.
    pub fn parent<'p>(&self, path: &'p str) -> Result<(Folder, &'p str), RootError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.folder(parent)?, name))
    }

    /// What is at `path`, links followed within the root but for the last step; `None`
    /// if nothing.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be told.
    pub fn metadata(&self, path: &str) -> Result<Option<Metadata>, RootError> {
        match self.parent(path) {
            Ok((folder, name)) => folder.metadata(name),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the regular file at `path`, links followed within the root.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be opened or leads nowhere.
    pub fn file(&self, path: &str) -> Result<Option<File>, RootError> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let (folder, name) = match self.parent(&path) {
                Ok(found) => found,
                Err(error) if error.is_missing() => return Ok(None),
                Err(error) => return Err(error),
            };
            match folder.metadata(name)?.map(|metadata| metadata.kind) {
                None => return Ok(None),
                Some(FileType::Symlink) => {
                    let target = folder.link_target(name)?;
                    path = match (target.strip_prefix('/'), path.rsplit_once('/')) {
                        (Some(absolute), _) => absolute.to_owned(),
                        (None, Some((parent, _))) => format!("{parent}/{target}"),
                        (None, None) => target,
                    };
                }
                Some(_) => return folder.file(name).map(Some),
            }
        }
        Err(RootError::new("open", &path, Errno::LOOP))
    }

    /// The content of the file at `path`; `None` if nothing is there.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RootError> {
        let Some(mut file) = self.file(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| RootError::io("read", path, source))?;
        Ok(Some(bytes))
    }

    /// Puts a file with these bytes at `path`, whole or not at all. A link there is
    /// replaced, not followed.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be written.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), RootError> {
        let (folder, name) = self.parent(path)?;
        let temporary = format!(".{name}.new");
        folder.remove(&temporary)?;
        let mut file = folder.create(&temporary, mode)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_data())
            .map_err(|source| RootError::io("write", path, source))?;
        folder.rename(&temporary, name)
    }

    /// Makes the folder at `path` and those above it, as far as they are missing.
    ///
    /// # Errors
    /// [`RootError`] if one cannot be made.
    pub fn make_folders(&self, path: &str) -> Result<(), RootError> {
        let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        for end in ends {
            let (folder, name) = self.parent(&path[..end])?;
            folder.make_folder(name, 0o755)?;
        }
        Ok(())
    }

    /// Asks the kernel to bring everything to the disk.
    ///
    /// # Errors
    /// [`RootError`] if the disk fails.
    pub fn sync(&self) -> Result<(), RootError> {
        fs::syncfs(&self.folder).map_err(|errno| RootError::new("write", "", errno))
    }
}

/// The steps of a path, the first one last.
fn segments(path: &[u8]) -> Vec<Vec<u8>> {
    let steps = path.split(|byte| *byte == b'/').filter(|step| !step.is_empty());
    steps.rev().map(<[u8]>::to_vec).collect()
}

impl Folder {
    /// Device and inode of the folder.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be told.
    pub fn identity(&self) -> Result<(u64, u64), RootError> {
        let stat = fs::fstat(&self.fd).map_err(|errno| self.error("look at", "", errno))?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// What has this name; `None` if nothing.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be told.
    pub fn metadata(&self, name: &str) -> Result<Option<Metadata>, RootError> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Metadata::new(&stat))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.error("look at", name, errno)),
        }
    }

    /// The names in the folder, sorted.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be read.
    pub fn names(&self) -> Result<Vec<String>, RootError> {
        let failed = |errno| self.error("list", "", errno);
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens the file with this name; a link is not followed.
    ///
    /// # Errors
    /// [`RootError`] if there is none, or it cannot be opened.
    pub fn file(&self, name: &str) -> Result<File, RootError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty());
        fd.map(File::from).map_err(|errno| self.error("open", name, errno))
    }

    /// The text of the link with this name.
    ///
    /// # Errors
    /// [`RootError`] if there is none, or it is not UTF-8.
    pub fn link_target(&self, name: &str) -> Result<String, RootError> {
        let target = fs::readlinkat(&self.fd, name, Vec::new());
        let target = target.map_err(|errno| self.error("read the link", name, errno))?;
        target.into_string().map_err(|_| self.error("read the link", name, Errno::ILSEQ))
    }

    /// Makes a file that does not exist yet.
    ///
    /// # Errors
    /// [`RootError`] if it exists or cannot be made.
    pub fn create(&self, name: &str, mode: u32) -> Result<File, RootError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode));
        fd.map(File::from).map_err(|errno| self.error("create", name, errno))
    }

    /// Opens a file for appending and makes it if it is missing.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be opened.
    pub fn append(&self, name: &str, mode: u32) -> Result<File, RootError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode));
        fd.map(File::from).map_err(|errno| self.error("open", name, errno))
    }

    /// Makes a link.
    ///
    /// # Errors
    /// [`RootError`] if the name is taken.
    pub fn make_link(&self, name: &str, target: &str) -> Result<(), RootError> {
        fs::symlinkat(target, &self.fd, name).map_err(|errno| self.error("create", name, errno))
    }

    /// Gives a file of `folder` a further name here.
    ///
    /// # Errors
    /// [`RootError`] if the name is taken or the file is not there.
    pub fn make_hard_link(&self, name: &str, folder: &Self, file: &str) -> Result<(), RootError> {
        fs::linkat(&folder.fd, file, &self.fd, name, AtFlags::empty())
            .map_err(|errno| self.error("create", name, errno))
    }

    /// Makes a folder; whether it was missing.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be made.
    pub fn make_folder(&self, name: &str, mode: u32) -> Result<bool, RootError> {
        match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.error("create", name, errno)),
        }
    }

    /// Removes a file or link; whether there was one.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, RootError> {
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(self.error("remove", name, errno)),
        }
    }

    /// Removes a folder if nothing is in it; whether it is gone.
    ///
    /// # Errors
    /// [`RootError`] if it cannot be removed for another reason.
    pub fn remove_folder(&self, name: &str) -> Result<bool, RootError> {
        match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => Ok(false),
            Err(errno) => Err(self.error("remove", name, errno)),
        }
    }

    /// Renames a file within the folder, over whatever file has the new name.
    ///
    /// # Errors
    /// [`RootError`] if that is not possible.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), RootError> {
        fs::renameat(&self.fd, from, &self.fd, to).map_err(|errno| self.error("replace", to, errno))
    }

    /// Sets the owner of a file or link.
    ///
    /// # Errors
    /// [`RootError`] if that is not allowed.
    pub fn set_owner(&self, name: &str, uid: u32, gid: u32) -> Result<(), RootError> {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        fs::chownat(&self.fd, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| self.error("change the owner of", name, errno))
    }

    /// Sets the permission bits of a file or folder. Must not be a link.
    ///
    /// # Errors
    /// [`RootError`] if that is not allowed.
    pub fn set_mode(&self, name: &str, mode: u32) -> Result<(), RootError> {
        fs::chmodat(&self.fd, name, Mode::from_raw_mode(mode), AtFlags::empty())
            .map_err(|errno| self.error("change the mode of", name, errno))
    }

    pub(crate) fn error(&self, action: &'static str, name: &str, errno: Errno) -> RootError {
        let separator = if self.path.is_empty() || name.is_empty() { "" } else { "/" };
        RootError::new(action, &format!("{}{separator}{name}", self.path), errno)
    }
}

/// Something in the root that could not be done.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `/{path}`")]
pub struct RootError {
    action: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

impl RootError {
    fn new(action: &'static str, path: &str, errno: Errno) -> Self {
        Self::io(action, path, errno.into())
    }

    pub(crate) fn io(action: &'static str, path: &str, source: io::Error) -> Self {
        Self { action, path: path.to_owned(), source }
    }

    /// Whether the reason is that nothing is there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with links of every kind, and a folder outside of it.
    fn tree() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        symlink("usr/lib", root.join("lib")).unwrap();
        symlink("/usr/lib", root.join("absolute")).unwrap();
        symlink("../../../usr/lib", root.join("up")).unwrap();
        symlink(folder.path().join("outside"), root.join("out")).unwrap();
        symlink("../outside", root.join("sideways")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        std::fs::write(root.join("file"), "text").unwrap();
        let root = Root::open(&root).unwrap();
        (folder, root)
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let (_folder, root) = tree();
        let lib = root.folder("usr/lib").unwrap().identity().unwrap();
        for path in ["lib", "absolute", "up", "usr/../lib", "../lib", "usr//lib/."] {
            assert_eq!(root.folder(path).unwrap().identity().unwrap(), lib, "{path}");
        }
        for path in ["out", "sideways", "loop", "file", "missing", "file/below"] {
            assert!(root.folder(path).is_err(), "{path}");
        }
    }

    #[test]
    fn walking_is_what_the_kernel_does() {
        let (_folder, root) = tree();
        for path in [
            ".",
            "lib",
            "absolute",
            "up",
            "usr/../lib",
            "../lib",
            "out",
            "sideways",
            "loop",
            "file",
            "missing",
        ] {
            let walked = root.walk(path).map(|fd| fs::fstat(fd).unwrap().st_ino);
            let resolved = root.resolve(path).map(|fd| fs::fstat(fd).unwrap().st_ino);
            assert_eq!(walked.ok(), resolved.ok(), "{path}");
        }
    }

    #[test]
    fn files_are_replaced_whole_and_links_are_not_followed() {
        let (folder, root) = tree();
        root.write("sideways", b"new", 0o600).unwrap();
        assert_eq!(root.read("sideways").unwrap().unwrap(), b"new");
        assert_eq!(root.metadata("sideways").unwrap().unwrap().mode, 0o600);
        assert_eq!(std::fs::read_dir(folder.path().join("outside")).unwrap().count(), 0);
        assert_eq!(root.read("missing/file").unwrap(), None);
        root.make_folders("a/b/c").unwrap();
        root.make_folders("a/b/c").unwrap();
        assert!(root.find_folder("a/b/c").unwrap().is_some());
    }
}
