//! What was seen at a path of the workspace, and whether `stat` proves that it would be
//! seen again. Unaware of what is done with it.
//!
//! A stamp proves nothing if the file changed within the same tick of the clock in which
//! it was looked at: a second change in that tick would leave it as it is. So a stamp is
//! taken before a file is read, and believed only if it is the same after everything was
//! read and older than a file touched before anything was.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags};
use wiz_base::{Digest, DigestFunction, RelPath};
use wiz_cas::Stamp;

/// What was seen at a path. Digests are by the workspace's function; `None` where
/// nothing was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Seen {
    /// A file that definitions are read from: digest of its text.
    Text(Option<Digest>),
    /// A folder whose entries decide what is defined: digest of the listing.
    Listing(Option<Digest>),
    /// A file that actions read: digest, and whether the owner may execute it.
    Source(Digest, bool),
    /// A folder that actions read: digest of what [`entries`] writes of it. What is in its
    /// files and folders is seen apart.
    Entries(Digest),
}

impl Seen {
    /// Whether the content at `path` below `root` is what was seen there; `None` for what
    /// only the reader of definitions can tell.
    #[must_use]
    pub fn is_there(&self, root: &Path, path: &RelPath, function: DigestFunction) -> Option<bool> {
        let place = root.join(path.as_str());
        match self {
            Self::Text(_) | Self::Listing(_) => None,
            Self::Source(digest, executable) => {
                let read = || -> std::io::Result<bool> {
                    let now = std::fs::metadata(&place)?.mode() & 0o100 != 0;
                    Ok(now == *executable && function.digest(&std::fs::read(&place)?) == *digest)
                };
                Some(read().unwrap_or(false))
            }
            Self::Entries(digest) => {
                Some(entries(&place).is_ok_and(|entries| function.digest(entries.as_bytes()) == *digest))
            }
        }
    }
}

/// The entries of a folder, one a line in order of names: kind, name, and for a link what
/// it points at.
///
/// # Errors
/// If the folder cannot be read, or a name is no text.
pub fn entries(folder: &Path) -> std::io::Result<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name().into_string().map_err(|_| std::io::ErrorKind::InvalidData)?;
        let line = if kind.is_symlink() {
            format!("link {name} {}", std::fs::read_link(entry.path())?.display())
        } else {
            format!("{} {name}", if kind.is_dir() { "folder" } else { "file" })
        };
        lines.push(line);
    }
    lines.sort();
    Ok(lines.join("\n"))
}

/// Something seen at a path.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sight {
    /// The path below the workspace's root.
    pub path: RelPath,
    /// What was there.
    pub seen: Seen,
    /// What `stat` said, if that proves that nothing has changed since; the outer `None`
    /// proves nothing, the inner one that there was nothing.
    pub stamp: Option<Option<Stamp>>,
}

/// A folder whose content is looked at by `stat`.
#[derive(Debug)]
pub struct Look {
    folder: OwnedFd,
}

impl Look {
    /// Looks at what is below `folder`.
    ///
    /// # Errors
    /// If there is no such folder.
    pub fn below(folder: &Path) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::open(folder, flags, Mode::empty())? })
    }

    /// The stamp of what `path` leads to, links followed; `None` if nothing is there.
    #[must_use]
    pub fn stamp(&self, path: &str) -> Option<Stamp> {
        self.stamp_with(path, AtFlags::empty())
    }

    /// The stamp of what stands at `path` itself.
    #[must_use]
    pub fn own_stamp(&self, path: &str) -> Option<Stamp> {
        self.stamp_with(path, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn stamp_with(&self, path: &str, flags: AtFlags) -> Option<Stamp> {
        let path = if path.is_empty() { "." } else { path };
        let stat = rustix::fs::statat(self.folder.as_fd(), path, flags).ok()?;
        Some(Stamp::of_stat(&stat))
    }

    /// Those of `sights` that their stamps do not prove to be as they were, by place.
    #[must_use]
    pub fn unproved(&self, sights: &[Sight]) -> Vec<usize> {
        in_parallel(sights, |sight| sight.stamp.is_some_and(|stamp| stamp == self.stamp(sight.path.as_str())))
    }
}

/// The places of the items for which `holds` is false, ordered; looked at on two threads
/// where there are many, since `stat` scales.
pub(crate) fn in_parallel<T: Sync>(items: &[T], holds: impl Fn(&T) -> bool + Sync) -> Vec<usize> {
    const ENOUGH: usize = 256;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    let share = items.len().div_ceil(threads).max(ENOUGH);
    let failing = |first: usize, items: &[T]| -> Vec<usize> {
        let places = items.iter().enumerate().filter(|(_, item)| !holds(item));
        places.map(|(place, _)| first + place).collect()
    };
    if items.len() <= share {
        return failing(0, items);
    }
    std::thread::scope(|scope| {
        let work = |(index, part)| scope.spawn(move || failing(index * share, part));
        let parts: Vec<_> = items.chunks(share).enumerate().map(work).collect();
        parts.into_iter().flat_map(|part| part.join().expect("looking at files does not panic")).collect()
    })
}

/// Stamps taken before files are read, so that sights can be proved later.
#[derive(Debug)]
pub struct Stamps {
    look: Look,
    /// Change time of a file touched before anything was read, in nanoseconds; `None` if
    /// that could not be done, which leaves everything unproved.
    started: Option<i64>,
    taken: Mutex<BTreeMap<RelPath, Option<Stamp>>>,
}

impl Stamps {
    /// Begins to take stamps below `workspace`; `touched` is a file on the same disk that
    /// may be overwritten.
    ///
    /// # Errors
    /// If there is no such workspace.
    pub fn begin(workspace: &Path, touched: &Path) -> std::io::Result<Self> {
        let touch = || -> std::io::Result<i64> {
            if let Some(folder) = touched.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(touched, b"\n")?;
            Ok(Stamp::of(&std::fs::metadata(touched)?).ctime)
        };
        let look = Look::below(workspace)?;
        Ok(Self { look, started: touch().ok(), taken: Mutex::default() })
    }

    /// Takes the stamp of `path`; to be called before it is read. The first one stays.
    pub fn take(&self, path: &RelPath) {
        let stamp = self.look.stamp(path.as_str());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.entry(path.clone()).or_insert(stamp);
    }

    /// What proves that `path` is still as it was read: its stamp, if nothing has changed
    /// it since and a change would show.
    #[must_use]
    pub fn proof(&self, path: &RelPath) -> Option<Option<Stamp>> {
        let taken = *self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(path)?;
        let same = self.look.stamp(path.as_str()) == taken;
        // What was not there has no time; a file made within the same tick has one.
        let settled = taken.is_none_or(|stamp| self.started.is_some_and(|started| stamp.ctime < started));
        (same && settled).then_some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    /// Writes a file whose change time is older than what is touched afterwards.
    fn write_and_settle(folder: &Path, name: &str) {
        std::fs::write(folder.join(name), name).unwrap();
        let ctime = |name: &str| Stamp::of(&std::fs::metadata(folder.join(name)).unwrap()).ctime;
        while {
            std::fs::write(folder.join("clock"), "x").unwrap();
            ctime("clock") <= ctime(name)
        } {}
    }

    #[test]
    fn what_was_settled_and_did_not_change_is_proved() {
        let folder = tempfile::tempdir().unwrap();
        write_and_settle(folder.path(), "a");
        let stamps = Stamps::begin(folder.path(), &folder.path().join("touched")).unwrap();
        for name in ["a", "none"] {
            stamps.take(&path(name));
        }
        assert!(stamps.proof(&path("a")).flatten().is_some());
        assert_eq!(stamps.proof(&path("none")), Some(None));
        assert_eq!(stamps.proof(&path("never-looked-at")), None);
    }

    #[test]
    fn what_changed_after_it_was_looked_at_is_not_proved() {
        let folder = tempfile::tempdir().unwrap();
        write_and_settle(folder.path(), "a");
        let stamps = Stamps::begin(folder.path(), &folder.path().join("touched")).unwrap();
        for name in ["a", "none"] {
            stamps.take(&path(name));
            std::fs::write(folder.path().join(name), "changed").unwrap();
        }
        assert_eq!(stamps.proof(&path("a")), None);
        assert_eq!(stamps.proof(&path("none")), None);
    }

    #[test]
    fn what_is_as_young_as_the_build_is_not_proved() {
        let folder = tempfile::tempdir().unwrap();
        let stamps = Stamps::begin(folder.path(), &folder.path().join("touched")).unwrap();
        std::fs::write(folder.path().join("a"), "a").unwrap();
        stamps.take(&path("a"));
        assert_eq!(stamps.proof(&path("a")), None);
    }

    #[test]
    fn many_items_are_looked_at_in_order() {
        let items: Vec<usize> = (0..5000).collect();
        let failing = in_parallel(&items, |item| item % 1000 != 7);
        assert_eq!(failing, [7, 1007, 2007, 3007, 4007]);
    }
}
