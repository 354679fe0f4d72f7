//! Trees as real folders, to be mounted: made once, looked at once by every process
//! that uses them, made again if anything about them has changed.
//!
//! They lie flat under short names, so that many fit into the options of a mount.
//! Every file has an inode of its own. Unaware of mounts.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use wiz_base::{Digest, Node, RelPath};

use crate::error::StoreError;
use crate::expand::manifest::TreeManifest;
use crate::layout::Layout;
use crate::merge::MergeError;
use crate::stamp::Stamp;
use crate::store::Store;
use crate::temp_area::{Scratch, lock_file, remove_tree};
use crate::verified_blobs::REMEMBER_FROM;
use crate::workers;

pub(crate) mod manifest;

/// Modification time of everything in an expanded tree: 2000-01-01T00:00:00Z in
/// seconds since 1970. Zip archives cannot hold times before 1980.
pub const TREE_TIME: i64 = 946_684_800;

/// From this many files on they are written and looked at on all cores.
const PARALLEL_FROM: usize = 64;

/// An expanded tree; it stays while the store's lease lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandedTree {
    /// Its digest.
    pub digest: Digest,
    /// Its folder's name below [`Store::trees_folder`].
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// Trees this store has seen to be whole, by digest; a lock each, so that threads
/// that want the same tree wait for one of them.
pub(crate) type ExpandedTrees = Mutex<std::collections::BTreeMap<Digest, Arc<Mutex<bool>>>>;

impl Store {
    /// The folder of the tree `root`, made if it is not there or not as it was made.
    ///
    /// It is looked at once in the lifetime of this store.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if a blob of the tree is not intact, others if the tree
    /// cannot be written.
    pub fn expand(&self, root: &Digest) -> Result<ExpandedTree, StoreError> {
        let slot = {
            let mut slots = self.expanded().lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(*root).or_default())
        };
        workers::outside_pools(|| self.expand_slot(root, &slot))
    }

    /// The folder of the union of `trees`.
    ///
    /// # Errors
    /// [`MergeError`] if they collide; else as [`Store::expand`].
    pub fn expand_merged(&self, trees: &[Digest]) -> Result<ExpandedTree, MergeError> {
        let root = self.merge(trees)?;
        Ok(self.expand(&root)?)
    }

    fn expand_slot(&self, root: &Digest, slot: &Mutex<bool>) -> Result<ExpandedTree, StoreError> {
        let mut checked = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let name = Layout::short_name(root);
        let path = self.layout().trees.join(&name);
        if !*checked {
            self.lease_tree(root);
            let gate = self.layout().tree_lock(root);
            let _gate = lock_file(&gate).map_err(StoreError::io("lock", &gate))?;
            let manifest = self.layout().tree_manifest(root);
            let made = workers::run(|| match self.is_whole(root, &path, &manifest) {
                true => Ok(()),
                false => self.make_tree(root, &path, &manifest),
            });
            made.map_err(StoreError::io("start threads for", &path))??;
            // When it was last used, for a collection; one time a store is enough.
            let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let times = Timestamps { last_access: now, last_modification: now };
            let _ = rustix::fs::utimensat(rustix::fs::CWD, &manifest, &times, AtFlags::empty());
            *checked = true;
        }
        Ok(ExpandedTree { digest: *root, name, path })
    }

    /// Whether the expanded tree of that digest is as it was when it was made.
    pub(crate) fn is_whole_tree(&self, root: &Digest) -> Result<bool, StoreError> {
        let gate = self.layout().tree_lock(root);
        let _gate = lock_file(&gate).map_err(StoreError::io("lock", &gate))?;
        let path = self.layout().trees.join(Layout::short_name(root));
        let manifest = self.layout().tree_manifest(root);
        workers::run(|| self.is_whole(root, &path, &manifest))
            .map_err(StoreError::io("start threads for", &path))
    }

    /// Whether the folder is as it was when it was made.
    fn is_whole(&self, root: &Digest, path: &Path, manifest: &Path) -> bool {
        let Some(manifest) = TreeManifest::read(manifest).filter(|manifest| manifest.root == *root) else {
            return false;
        };
        if manifest.entries.first().is_none_or(|(_, stamp)| self.suspects().contain(*stamp)) {
            return false;
        }
        let Ok(folder) = open_folder(path) else { return false };
        let same = |(path, stamp): &(RelPath, Stamp)| stamp_at(&folder, path).is_ok_and(|now| now == *stamp);
        if manifest.entries.len() < PARALLEL_FROM {
            manifest.entries.iter().all(same)
        } else {
            manifest.entries.par_iter().with_min_len(PARALLEL_FROM).all(same)
        }
    }

    fn make_tree(&self, root: &Digest, path: &Path, manifest: &Path) -> Result<(), StoreError> {
        let plan = Plan::of(self, root)?;
        let scratch = self.scratch()?;
        let made = scratch.path().join("tree");
        self.write_tree(&plan, &made)?;
        self.discard_tree(path, manifest, &scratch)?;
        fs::rename(&made, path).map_err(StoreError::io("write", path))?;
        self.mark_unsynced();
        let folder = open_folder(path).map_err(StoreError::io("open", path))?;
        let look = |at: &RelPath| stamp_at(&folder, at).map(|stamp| (at.clone(), stamp));
        let paths: Vec<&RelPath> = plan.paths().collect();
        let entries = paths.into_par_iter().with_min_len(PARALLEL_FROM).map(look).collect::<io::Result<_>>();
        let entries = entries.map_err(StoreError::io("read", path))?;
        let temporary = scratch.path().join("manifest");
        let bytes = TreeManifest { root: *root, bytes: plan.bytes(), entries }.encode();
        fs::write(&temporary, bytes).map_err(StoreError::io("write", &temporary))?;
        fs::rename(&temporary, manifest).map_err(StoreError::io("write", manifest))
    }

    /// Takes away what stands in the tree's place, manifest first.
    fn discard_tree(&self, path: &Path, manifest: &Path, scratch: &Scratch) -> Result<(), StoreError> {
        for stale in [manifest, path] {
            let aside = scratch.path().join("stale");
            match fs::rename(stale, &aside) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                outcome => outcome.map_err(StoreError::io("remove", stale))?,
            }
            if fs::remove_file(&aside).is_err() {
                remove_tree(&aside);
            }
        }
        Ok(())
    }

    fn write_tree(&self, plan: &Plan, folder: &Path) -> Result<(), StoreError> {
        let failed = || StoreError::io::<rustix::io::Errno>("write", folder);
        let directory_mode = Mode::from_raw_mode(0o755);
        fs::create_dir(folder).map_err(StoreError::io("create", folder))?;
        let root = open_folder(folder).map_err(StoreError::io("open", folder))?;
        for path in &plan.directories[1..] {
            rustix::fs::mkdirat(&root, path.as_str(), directory_mode).map_err(failed())?;
        }
        let write = |file: &PlannedFile| self.write_file(&root, folder, file);
        if plan.files.len() < PARALLEL_FROM {
            plan.files.iter().try_for_each(write)?;
        } else {
            plan.files.par_iter().try_for_each(write)?;
        }
        for (path, target) in &plan.symlinks {
            rustix::fs::symlinkat(target.as_str(), &root, path.as_str()).map_err(failed())?;
            rustix::fs::utimensat(&root, path.as_str(), &tree_times(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(failed())?;
        }
        for path in &plan.directories {
            let name = if path.is_root() { "." } else { path.as_str() };
            rustix::fs::chmodat(&root, name, directory_mode, AtFlags::empty()).map_err(failed())?;
            rustix::fs::utimensat(&root, name, &tree_times(), AtFlags::empty()).map_err(failed())?;
        }
        Ok(())
    }

    fn write_file(&self, root: &OwnedFd, folder: &Path, file: &PlannedFile) -> Result<(), StoreError> {
        let path = folder.join(file.path.as_str());
        let mode = Mode::from_raw_mode(if file.executable { 0o755 } else { 0o644 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target = rustix::fs::openat(root, file.path.as_str(), flags, mode);
        let mut target = File::from(target.map_err(StoreError::io("create", &path))?);
        if file.digest.size() < REMEMBER_FROM {
            let bytes = self.read(&file.digest)?;
            target.write_all(&bytes).map_err(StoreError::io("write", &path))?;
        } else {
            let mut source = self.open_verified(&file.digest)?;
            self.clone_or_copy(&mut source, &mut target).map_err(StoreError::io("write", &path))?;
        }
        // The process may have a stricter umask than trees have modes.
        let actual = target.metadata().map_err(StoreError::io("read", &path))?.mode() & 0o7777;
        if actual != mode.as_raw_mode() {
            rustix::fs::fchmod(&target, mode).map_err(StoreError::io("change", &path))?;
        }
        rustix::fs::futimens(&target, &tree_times()).map_err(StoreError::io("change", &path))
    }

    /// Shares the blocks where the file system can, else copies inside the kernel.
    fn clone_or_copy(&self, source: &mut File, target: &mut File) -> io::Result<()> {
        if self.clones().load(Ordering::Relaxed) {
            if rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() {
                return Ok(());
            }
            self.clones().store(false, Ordering::Relaxed);
        }
        io::copy(source, target).map(|_| ())
    }
}

/// Whether the cache's file system is taken to share blocks; true until it refuses.
pub(crate) type Clones = AtomicBool;

/// A tree laid out flat.
#[derive(Debug)]
struct Plan {
    /// Parents before children, the root first.
    directories: Vec<RelPath>,
    files: Vec<PlannedFile>,
    symlinks: Vec<(RelPath, String)>,
}

#[derive(Debug)]
struct PlannedFile {
    path: RelPath,
    digest: Digest,
    executable: bool,
}

impl Plan {
    fn of(store: &Store, root: &Digest) -> Result<Self, StoreError> {
        let mut plan = Self { directories: vec![RelPath::root()], files: Vec::new(), symlinks: Vec::new() };
        for entry in store.walk(root) {
            let (path, node) = entry?;
            match node {
                Node::Directory(_) => plan.directories.push(path),
                Node::Symlink(target) => plan.symlinks.push((path, target)),
                Node::File { digest, executable } => {
                    plan.files.push(PlannedFile { path, digest, executable });
                }
            }
        }
        Ok(plan)
    }

    fn paths(&self) -> impl Iterator<Item = &RelPath> {
        let files = self.files.iter().map(|file| &file.path);
        let symlinks = self.symlinks.iter().map(|(path, _)| path);
        self.directories.iter().chain(files).chain(symlinks)
    }

    /// Bytes of all files.
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.digest.size()).sum()
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn stamp_at(folder: &OwnedFd, path: &RelPath) -> io::Result<Stamp> {
    let name = if path.is_root() { "." } else { path.as_str() };
    let stat = rustix::fs::statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Stamp::of_stat(&stat))
}

fn tree_times() -> Timestamps {
    let time = Timespec { tv_sec: TREE_TIME, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

#[cfg(test)]
mod tests;
