//! Looking at everything in a folder without changing content. Unaware of policy.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use wiz_base::RelPath;

use super::CaptureError;
use super::oddity::{Oddity, OddityKind};
use crate::blobs::Transfer;

/// Directories may be nested this deep; each level holds a file descriptor.
pub(super) const DEEPEST: usize = 256;

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Entry {
    /// A regular file.
    File {
        /// Its place in [`Scan::files`].
        index: usize,
        executable: bool,
    },
    Symlink(String),
    Directory(BTreeMap<String, Entry>),
}

/// A regular file, as it lies in the folder.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) path: RelPath,
}

/// Everything found.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) entries: BTreeMap<String, Entry>,
    pub(super) files: Vec<FoundFile>,
    pub(super) odd: Vec<Oddity>,
    /// The first path of every file that has several links.
    links: BTreeMap<(u64, u64), RelPath>,
    transfer: Transfer,
}

impl Scan {
    pub(super) fn of(root: &OwnedFd, transfer: Transfer) -> Result<Self, CaptureError> {
        let (files, odd, links) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut scan = Self { entries: BTreeMap::new(), files, odd, links, transfer };
        scan.entries = scan.directory(root.as_fd(), &RelPath::root(), 0)?;
        Ok(scan)
    }

    fn directory(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &RelPath,
        depth: usize,
    ) -> Result<BTreeMap<String, Entry>, CaptureError> {
        if depth > DEEPEST {
            return Err(CaptureError::TooDeep { path: path.clone() });
        }
        let mut entries = BTreeMap::new();
        for name in sorted_names(folder, path)? {
            let path = path
                .join_str(&name)
                .map_err(|_| CaptureError::Name { folder: path.clone(), name: name.clone() })?;
            if let Some(entry) = self.entry(folder, &name, &path, depth)? {
                entries.insert(name, entry);
            }
        }
        Ok(entries)
    }

    fn entry(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &str,
        path: &RelPath,
        depth: usize,
    ) -> Result<Option<Entry>, CaptureError> {
        let failed = |errno: Errno| CaptureError::read(path)(errno.into());
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Symlink {
            let target = rustix::fs::readlinkat(folder, name, Vec::new()).map_err(failed)?;
            let target = target.into_string().map_err(|_| CaptureError::Target { path: path.clone() })?;
            return Ok(Some(Entry::Symlink(target)));
        }
        if let Some(special) = special_file(kind, &stat) {
            self.report(path, special);
            return Ok(None);
        }
        self.mode(path, kind, stat.st_mode);
        self.attributes(folder, name, path).map_err(failed)?;
        self.make_usable(folder, name, kind, stat.st_mode).map_err(failed)?;
        if kind == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let child = rustix::fs::openat(folder, name, flags, Mode::empty()).map_err(failed)?;
            return Ok(Some(Entry::Directory(self.directory(child.as_fd(), path, depth + 1)?)));
        }
        self.hard_link(path, &stat);
        let index = self.files.len();
        self.files.push(FoundFile { path: path.clone() });
        Ok(Some(Entry::File { index, executable: stat.st_mode & 0o111 != 0 }))
    }

    fn report(&mut self, path: &RelPath, kind: OddityKind) {
        self.odd.push(Oddity { path: path.clone(), kind });
    }

    /// Reports the bits of a mode that its levelled form does not stand for.
    fn mode(&mut self, path: &RelPath, kind: FileType, mode: u32) {
        let bits =
            [(0o4000, OddityKind::SetUserId), (0o2000, OddityKind::SetGroupId), (0o1000, OddityKind::Sticky)];
        for (bit, oddity) in bits {
            if mode & bit != 0 {
                self.report(path, oddity);
            }
        }
        let executable = mode & 0o111;
        let permissions = mode & 0o777;
        let odd_execution = executable != 0o111 && (kind == FileType::Directory || executable != 0);
        if permissions & 0o444 != 0o444 || permissions & 0o002 != 0 || odd_execution {
            self.report(path, OddityKind::Mode(permissions));
        }
    }

    fn hard_link(&mut self, path: &RelPath, stat: &Stat) {
        if stat.st_nlink < 2 {
            return;
        }
        let first = self.links.entry((stat.st_dev, stat.st_ino)).or_insert_with(|| path.clone());
        if first != path {
            let to = first.clone();
            self.report(path, OddityKind::HardLink { to });
        }
    }

    fn attributes(&mut self, folder: BorrowedFd<'_>, name: &str, path: &RelPath) -> Result<(), Errno> {
        // There is no `listxattrat` on older kernels; the last component is not followed.
        let place = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
        for attribute in attribute_names(&place)? {
            let known = String::from_utf8_lossy(&attribute).into_owned();
            if is_ours_or_the_hosts(&known) {
                continue;
            }
            let value = attribute_value(&place, &attribute)?;
            self.report(
                path,
                match known.as_str() {
                    "security.capability" => OddityKind::Capabilities(value),
                    _ => OddityKind::Attribute { name: known, value },
                },
            );
        }
        Ok(())
    }

    /// Lets the owner read and empty what is going to be consumed.
    fn make_usable(
        &self,
        folder: BorrowedFd<'_>,
        name: &str,
        kind: FileType,
        mode: u32,
    ) -> Result<(), Errno> {
        let needed = if kind == FileType::Directory { 0o700 } else { 0o400 };
        if self.transfer == Transfer::Keep || mode & needed == needed {
            return Ok(());
        }
        let mode = Mode::from_raw_mode(mode & 0o7777 | needed);
        rustix::fs::chmodat(folder, name, mode, AtFlags::empty())
    }
}

fn sorted_names(folder: BorrowedFd<'_>, path: &RelPath) -> Result<Vec<String>, CaptureError> {
    let failed = |errno: Errno| CaptureError::read(path)(errno.into());
    let mut names = Vec::new();
    for entry in Dir::read_from(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let name = String::from_utf8(name.to_vec()).map_err(|error| CaptureError::Name {
            folder: path.clone(),
            name: String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })?;
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

fn special_file(kind: FileType, stat: &Stat) -> Option<OddityKind> {
    match kind {
        FileType::RegularFile | FileType::Directory | FileType::Symlink => None,
        FileType::Fifo => Some(OddityKind::Pipe),
        FileType::Socket => Some(OddityKind::Socket),
        _ => Some(OddityKind::Device {
            block: kind == FileType::BlockDevice,
            major: rustix::fs::major(stat.st_rdev),
            minor: rustix::fs::minor(stat.st_rdev),
        }),
    }
}

/// Attributes that an overlay mount or the host's security module put there.
fn is_ours_or_the_hosts(name: &str) -> bool {
    name.starts_with("user.overlay.") || name.starts_with("trusted.overlay.") || name == "security.selinux"
}

fn attribute_names(place: &str) -> Result<Vec<Vec<u8>>, Errno> {
    let mut buffer = vec![0; 256];
    loop {
        match rustix::fs::llistxattr(place, &mut buffer[..]) {
            Ok(length) => {
                let names = buffer[..length].split(|byte| *byte == 0);
                return Ok(names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect());
            }
            Err(Errno::NOTSUP) => return Ok(Vec::new()),
            Err(Errno::RANGE) => buffer.resize(buffer.len() * 4, 0),
            Err(errno) => return Err(errno),
        }
    }
}

fn attribute_value(place: &str, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 256];
    loop {
        match rustix::fs::lgetxattr(place, name, &mut buffer[..]) {
            Ok(length) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Err(Errno::RANGE) => buffer.resize(buffer.len() * 4, 0),
            Err(errno) => return Err(errno),
        }
    }
}
