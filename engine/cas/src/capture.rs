//! Taking a folder into the store as a tree: what an action left behind, or sources.
//!
//! First everything is looked at, then refused or made canonical, and only then are
//! files moved: a folder that is refused stays as it was. Nothing follows a link.
//! Nothing else may write to the folder meanwhile. Unaware of what made the folder
//! and of how a declaration is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use wiz_base::{Digest, Directory, Node, RelPath};

use crate::blobs::Transfer;
use crate::error::StoreError;
use crate::store::Store;

mod canonical;
mod oddity;
mod scan;

pub use oddity::{Oddity, OddityKind};
use scan::{Entry, FoundFile, Scan};

/// How a folder is captured.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Whether paths and links are made canonical.
    pub mode: CaptureMode,
    /// Whether files are copied or moved into the store.
    pub transfer: Transfer,
    /// What the definition declares; paths are those of the captured tree.
    pub declared: BTreeSet<Oddity>,
    /// What is done about everything else that a tree cannot hold.
    pub undeclared: Undeclared,
}

/// Whether a captured tree is a root or just files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureMode {
    /// Paths and link targets stay as they are: source trees.
    Plain,
    /// A root, or a piece of one: `/bin`, `/sbin`, `/lib` and `/lib64` move under
    /// `/usr`, and link targets become relative.
    Root {
        /// Whether links such as `bin -> usr/bin` stay; only one tree of a root, its
        /// base, has them.
        keep_aliases: bool,
    },
}

/// What is done about oddities that nobody declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// The capture fails and lists them.
    Refuse,
    /// They are reported and levelled; only devices, pipes and sockets fail.
    Level,
}

impl Capture {
    /// Files only read, nothing made canonical, oddities levelled: source trees.
    #[must_use]
    pub fn sources() -> Self {
        Self {
            mode: CaptureMode::Plain,
            transfer: Transfer::Keep,
            declared: BTreeSet::new(),
            undeclared: Undeclared::Level,
        }
    }

    /// A root's files moved into the store, with these oddities and no others.
    #[must_use]
    pub fn root(declared: BTreeSet<Oddity>) -> Self {
        Self {
            mode: CaptureMode::Root { keep_aliases: false },
            transfer: Transfer::Consume,
            declared,
            undeclared: Undeclared::Refuse,
        }
    }
}

/// A captured folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Digest of the tree.
    pub root: Digest,
    /// What the tree does not hold, ordered: the declared oddities that were found,
    /// and all others if they are levelled.
    pub odd: Vec<Oddity>,
    /// Targets as they were of links that were made relative, by path in the tree.
    pub links: BTreeMap<RelPath, String>,
}

impl Store {
    /// Captures the folder `folder`.
    ///
    /// Modes become 0644 or 0755. With [`Transfer::Consume`] the files are gone from
    /// `folder` afterwards; its directories and links are left to the caller.
    ///
    /// # Errors
    /// [`CaptureError`] if the folder holds what no tree can hold, or what nobody
    /// declared, or cannot be read, or the store cannot be written.
    pub fn capture(&self, folder: &Path, policy: &Capture) -> Result<Captured, CaptureError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty())
            .map_err(|errno| CaptureError::read(&RelPath::root())(errno.into()))?;
        let Scan { mut entries, files, mut odd, .. } = Scan::of(&root, policy.transfer)?;
        let mut links = BTreeMap::new();
        if let CaptureMode::Root { keep_aliases } = policy.mode {
            (entries, links) = canonical::canonicalise(entries, keep_aliases)?;
            odd.iter_mut().for_each(canonical::canonicalise_oddity);
        }
        odd.sort_unstable();
        refuse_undeclared(&odd, policy)?;
        let digests = self.put_found(&root, folder, &files, policy.transfer)?;
        let root = self.put_entries(&entries, &digests)?;
        Ok(Captured { root, odd, links })
    }

    /// Stores the files, on all cores if there are many.
    fn put_found(
        &self,
        root: &OwnedFd,
        folder: &Path,
        files: &[FoundFile],
        transfer: Transfer,
    ) -> Result<Vec<Digest>, CaptureError> {
        let put = |file: &FoundFile| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            let opened = rustix::fs::openat2(root, file.path.as_str(), flags, Mode::empty(), resolve)
                .map_err(|errno| CaptureError::read(&file.path)(errno.into()))?;
            let path: PathBuf = folder.join(file.path.as_str());
            Ok(self.put_open_file(File::from(opened), &path, transfer)?)
        };
        if files.len() < 8 { files.iter().map(put).collect() } else { files.par_iter().map(put).collect() }
    }

    /// Stores the directories from the leaves up.
    fn put_entries(
        &self,
        entries: &BTreeMap<String, Entry>,
        digests: &[Digest],
    ) -> Result<Digest, CaptureError> {
        let mut directory = Directory::new();
        for (name, entry) in entries {
            let node = match entry {
                Entry::File { index, executable } => {
                    Node::File { digest: digests[*index], executable: *executable }
                }
                Entry::Symlink(target) => Node::Symlink(target.clone()),
                Entry::Directory(children) => Node::Directory(self.put_entries(children, digests)?),
            };
            directory.insert(name, node).expect("names read from a directory are path segments");
        }
        Ok(self.put_directory(directory)?)
    }
}

fn refuse_undeclared(odd: &[Oddity], policy: &Capture) -> Result<(), CaptureError> {
    let refused = |oddity: &&Oddity| {
        !policy.declared.contains(oddity)
            && (policy.undeclared == Undeclared::Refuse || oddity.kind.is_special_file())
    };
    let refused: Vec<Oddity> = odd.iter().filter(refused).cloned().collect();
    if refused.is_empty() { Ok(()) } else { Err(CaptureError::Undeclared(refused)) }
}

/// A folder that cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be read.
    #[error("cannot read `/{path}` of the output: {source}")]
    Read {
        /// The path in the folder.
        path: RelPath,
        /// What the system said.
        source: io::Error,
    },
    /// Oddities that nobody declared, in path order. The caller knows how the line is
    /// written that declares each.
    #[error("the output holds what is not declared:{}", oddity::lines(.0))]
    Undeclared(Vec<Oddity>),
    /// A name that is not UTF-8 or has a line break.
    #[error("`{name}` in `/{folder}` is not a name in UTF-8 without line breaks")]
    Name {
        /// The folder it is in.
        folder: RelPath,
        /// The name, with replacement characters.
        name: String,
    },
    /// A link target that is not UTF-8.
    #[error("the target of the link `/{path}` is not UTF-8")]
    Target {
        /// The link.
        path: RelPath,
    },
    /// Two entries that the move under `/usr` brings to one path.
    #[error("`/{first}` and `/{second}` are the same file in a root where `/{alias}` is `/usr/{alias}`")]
    Collision {
        /// The one below `/usr`.
        first: RelPath,
        /// The other one.
        second: RelPath,
        /// `bin`, `sbin`, `lib` or `lib64`.
        alias: &'static str,
    },
    /// A `/bin`, `/sbin`, `/lib`, `/lib64` or `/usr` that is neither a directory nor the usual link.
    #[error("`/{path}` is neither a directory nor the link to `usr/{path}`")]
    Alias {
        /// Its name.
        path: RelPath,
    },
    /// Directories nested more deeply than any real tree.
    #[error("`/{path}` lies more than {} directories deep", scan::DEEPEST)]
    TooDeep {
        /// The directory.
        path: RelPath,
    },
}

impl CaptureError {
    fn read(path: &RelPath) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.clone(), source }
    }
}

#[cfg(test)]
mod tests;
