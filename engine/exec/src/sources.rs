//! Files and folders of the workspace as actions see them. They are digested when
//! they are looked at, and stored only when something is carried out that reads them.
//! Unaware of who reads them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use wiz_base::{Digest, Directory, Node, RelPath};
use wiz_cas::{SourceDigests, Store, StoreError, Transfer};
use wiz_recall::{Sight, Stamps};
use wiz_scheduler::{FailureKind, Setback};

use crate::failure::{failure, store_setback};

/// The workspace's files during one build: each is looked at once.
#[derive(Debug)]
pub(crate) struct Sources {
    root: PathBuf,
    /// The root, open: paths are followed below it only.
    folder: OwnedFd,
    store: Store,
    digests: SourceDigests,
    stamps: Arc<Stamps>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    nodes: BTreeMap<RelPath, Node>,
    /// Where a digest came from, for what is read before it is stored.
    places: BTreeMap<Digest, RelPath>,
    /// What was looked at, for the next build to compare with.
    sights: BTreeMap<RelPath, wiz_recall::Seen>,
}

/// A source that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// Nothing there.
    #[error("`{path}` does not exist in the workspace")]
    Missing { path: RelPath },
    /// A link that leads elsewhere.
    #[error("`{path}` leads out of the workspace\nhint: copy what it points to, or fetch it as a source")]
    Outside { path: RelPath },
    /// A device, pipe or socket.
    #[error("`{path}` is neither a file nor a folder")]
    Special { path: RelPath },
    /// A name that cannot stand in a tree.
    #[error("`{name}` in `{folder}` is not a name in UTF-8 without line breaks")]
    Name { folder: RelPath, name: String },
    /// It is not what it was when the build looked at it.
    #[error("`{path}` changed while it was being built\nhint: build again")]
    Changed { path: RelPath },
    /// It cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read { path: RelPath, source: io::Error },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SourceError> for Setback {
    fn from(error: SourceError) -> Self {
        let (kind, code) = match &error {
            SourceError::Store(error) => return store_setback(error),
            SourceError::Missing { .. } => (FailureKind::User, "WIZ1030"),
            SourceError::Special { .. } | SourceError::Name { .. } => (FailureKind::User, "WIZ1031"),
            SourceError::Changed { .. } => (FailureKind::Surroundings, "WIZ1032"),
            SourceError::Outside { .. } => (FailureKind::User, "WIZ1033"),
            SourceError::Read { .. } => (FailureKind::Surroundings, "WIZ1034"),
        };
        failure(kind, code, &error).into()
    }
}

impl Sources {
    /// The workspace at `root`; what is known of its files is kept in `state`.
    pub(crate) fn open(root: &Path, state: &Path, store: &Store, stamps: Arc<Stamps>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let digests = SourceDigests::load(&state.join("source-digests"), store.function());
        Ok(Self {
            root: root.to_owned(),
            folder: rustix::fs::open(root, flags, Mode::empty())?,
            store: store.clone(),
            digests,
            stamps,
            seen: Mutex::default(),
        })
    }

    /// What stands at `path`; a link there is followed, links in a folder are kept.
    pub(crate) fn node(&self, path: &RelPath) -> Result<Node, SourceError> {
        if let Some(node) = self.seen().nodes.get(path) {
            return Ok(node.clone());
        }
        self.stamps.take(path);
        let (real, kind) = self.resolve(path)?;
        let node = match kind {
            FileType::RegularFile => {
                let node = self.file(&real)?;
                self.saw(path, &node);
                node
            }
            FileType::Directory => Node::Directory(self.directory(&real)?),
            _ => return Err(SourceError::Special { path: path.clone() }),
        };
        let mut seen = self.seen();
        if let Node::File { digest, .. } = node {
            seen.places.insert(digest, real);
        }
        seen.nodes.insert(path.clone(), node.clone());
        Ok(node)
    }

    /// The bytes of a file that some action reads, whether it is stored or not.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Vec<u8>, SourceError> {
        let error = match self.store.read(digest) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        let Some(path) = self.seen().places.get(digest).cloned() else { return Err(error.into()) };
        let bytes = fs::read(self.place(&path)).map_err(|source| read_error(&path, source))?;
        if self.store.function().digest(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(SourceError::Changed { path })
        }
    }

    /// Stores what `node` at `path` consists of, as far as the store has not got it.
    pub(crate) fn keep(&self, path: &RelPath, node: &Node) -> Result<(), SourceError> {
        match node {
            Node::File { digest, .. } => {
                let (real, _) = self.resolve(path)?;
                self.keep_file(&real, digest)
            }
            Node::Directory(root) => {
                let (real, _) = self.resolve(path)?;
                for entry in self.store.walk(root) {
                    if let (below, Node::File { digest, .. }) = entry? {
                        self.keep_file(&real.join(&below), &digest)?;
                    }
                }
                Ok(())
            }
            Node::Symlink(_) => Ok(()),
        }
    }

    /// Everything that was looked at, with what proves that it is still as it was.
    pub(crate) fn sights(&self) -> Vec<Sight> {
        let seen = self.seen();
        let sight = |(path, what): (&RelPath, &wiz_recall::Seen)| Sight {
            path: path.clone(),
            seen: what.clone(),
            stamp: self.stamps.proof(path),
        };
        seen.sights.iter().map(sight).collect()
    }

    /// Writes down what was found out about the files, for the next build.
    pub(crate) fn save(&self) -> Result<(), StoreError> {
        self.digests.save()
    }

    fn keep_file(&self, path: &RelPath, digest: &Digest) -> Result<(), SourceError> {
        if self.store.contains(digest) {
            return Ok(());
        }
        let stored = self.store.put_file(&self.place(path), Transfer::Keep)?;
        if stored == *digest { Ok(()) } else { Err(SourceError::Changed { path: path.clone() }) }
    }

    /// Where `path` really lies in the workspace, and what it is.
    fn resolve(&self, path: &RelPath) -> Result<(RelPath, FileType), SourceError> {
        let failed = |errno| match errno {
            Errno::NOENT | Errno::NOTDIR => SourceError::Missing { path: path.clone() },
            Errno::XDEV | Errno::LOOP => SourceError::Outside { path: path.clone() },
            errno => read_error(path, errno.into()),
        };
        let name = if path.is_root() { "." } else { path.as_str() };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let open = |resolve| rustix::fs::openat2(&self.folder, name, flags, Mode::empty(), resolve);
        let (opened, is_real) = match open(ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS) {
            Err(Errno::LOOP) => (open(ResolveFlags::BENEATH).map_err(failed)?, false),
            opened => (opened.map_err(failed)?, true),
        };
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&opened).map_err(failed)?.st_mode);
        let real = if is_real { path.clone() } else { self.real_path(&opened, path)? };
        Ok((real, kind))
    }

    fn real_path(&self, opened: &OwnedFd, path: &RelPath) -> Result<RelPath, SourceError> {
        let link = |fd: &OwnedFd| fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let root = link(&self.folder).map_err(|source| read_error(path, source))?;
        let real = link(opened).map_err(|source| read_error(path, source))?;
        let below = real.strip_prefix(&root).ok().and_then(Path::to_str);
        let below = below.and_then(|below| RelPath::new(below).ok());
        below.ok_or_else(|| SourceError::Outside { path: path.clone() })
    }

    fn file(&self, path: &RelPath) -> Result<Node, SourceError> {
        let file = self.digests.get(&self.root, path).map_err(|error| match error {
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                SourceError::Missing { path: path.clone() }
            }
            error => error.into(),
        })?;
        Ok(Node::File { digest: file.digest, executable: file.executable })
    }

    fn directory(&self, path: &RelPath) -> Result<Digest, SourceError> {
        self.stamps.take(path);
        let listed =
            wiz_recall::sight::entries(&self.place(path)).map_err(|source| read_error(path, source))?;
        let listed = wiz_recall::Seen::Entries(self.store.function().digest(listed.as_bytes()));
        self.seen().sights.insert(path.clone(), listed);
        let mut directory = Directory::new();
        for entry in fs::read_dir(self.place(path)).map_err(|source| read_error(path, source))? {
            let entry = entry.map_err(|source| read_error(path, source))?;
            let bad_name = || SourceError::Name {
                folder: path.clone(),
                name: entry.file_name().to_string_lossy().into_owned(),
            };
            let name = entry.file_name().into_string().map_err(|_| bad_name())?;
            let child = path.join_str(&name).map_err(|_| bad_name())?;
            let kind = entry.file_type().map_err(|source| read_error(&child, source))?;
            let node = if kind.is_dir() {
                Node::Directory(self.directory(&child)?)
            } else if kind.is_file() {
                self.stamps.take(&child);
                let node = self.file(&child)?;
                self.saw(&child, &node);
                node
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(|source| read_error(&child, source))?;
                Node::Symlink(target.into_os_string().into_string().map_err(|_| bad_name())?)
            } else {
                return Err(SourceError::Special { path: child });
            };
            directory.insert(&name, node).map_err(|_| bad_name())?;
        }
        Ok(self.store.put_directory(directory)?)
    }

    fn saw(&self, path: &RelPath, node: &Node) {
        if let Node::File { digest, executable } = node {
            let seen = wiz_recall::Seen::Source(*digest, *executable);
            self.seen().sights.insert(path.clone(), seen);
        }
    }

    fn place(&self, path: &RelPath) -> PathBuf {
        self.root.join(path.as_str())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_error(path: &RelPath, source: io::Error) -> SourceError {
    SourceError::Read { path: path.clone(), source }
}

#[cfg(test)]
mod tests;
