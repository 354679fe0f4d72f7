//! Temporary files of one process: a folder of its own, locked while the process
//! lives and swept by others afterwards. Unaware of what is written there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StoreError;

/// Name of the lock inside each area.
pub(crate) const LOCK: &str = ".lock";

/// A folder `tmp/<pid>-<n>` with names never used twice.
#[derive(Debug)]
pub(crate) struct TempArea {
    folder: PathBuf,
    next: AtomicU64,
    /// Held as long as the area is used; the system lets go of it on any death.
    _lock: File,
}

impl TempArea {
    /// Sweeps what dead processes left below `temporary` and makes an area there.
    pub(crate) fn create(temporary: &Path) -> Result<Self, StoreError> {
        // One process at a time sweeps and makes, so no area is seen before it is locked.
        let gate = temporary.join(LOCK);
        let _gate = lock_file(&gate).map_err(StoreError::io("lock", &gate))?;
        sweep(temporary);
        for attempt in 0u32.. {
            let folder = temporary.join(format!("{}-{attempt}", std::process::id()));
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("create", &folder)(error)),
                Ok(()) => {
                    let lock = folder.join(LOCK);
                    let lock = lock_file(&lock).map_err(StoreError::io("lock", &lock))?;
                    return Ok(Self { folder, next: AtomicU64::new(0), _lock: lock });
                }
            }
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(StoreError::Io { doing: "create a folder in", path: temporary.to_owned(), source })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the area that nothing has used before.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }
}

impl Drop for TempArea {
    fn drop(&mut self) {
        remove_tree(&self.folder);
    }
}

/// Opens and locks a file for this process alone, waiting for it.
pub(crate) fn lock_file(path: &Path) -> io::Result<File> {
    let file = open_lock(path)?;
    file.lock()?;
    Ok(file)
}

/// As [`lock_file`], or `None` if another holds it.
pub(crate) fn try_lock_file(path: &Path) -> io::Result<Option<File>> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Opens a lock's file; what else may stand in its place goes.
fn open_lock(path: &Path) -> io::Result<File> {
    let open = || File::options().create(true).truncate(false).write(true).open(path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            remove_tree(path);
            open()
        }
        opened => opened,
    }
}

/// Removes the areas nobody holds. What cannot be removed waits for the next sweep.
pub(crate) fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for entry in entries.flatten() {
        let area = entry.path();
        if area.is_dir() && matches!(try_lock_file(&area.join(LOCK)), Ok(Some(_))) {
            remove_tree(&area);
        }
    }
}

/// Removes a tree of our own making, also where folders lost their write bit.
pub(crate) fn remove_tree(path: &Path) {
    if fs::remove_dir_all(path).is_ok() || !path.is_dir() {
        return;
    }
    make_removable(path);
    if let Err(error) = fs::remove_dir_all(path) {
        tracing::debug!(path = %path.display(), %error, "left for the next sweep");
    }
}

fn make_removable(folder: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o700);
    if rustix::fs::chmod(folder, mode).is_err() {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}

/// A file path in the temporary area that is removed unless it was renamed away.
#[derive(Debug)]
pub(crate) struct TempPath {
    pub(crate) path: PathBuf,
}

impl Drop for TempPath {
    fn drop(&mut self) {
        // Usually it has been renamed away, and there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// A folder on the cache's disk for as long as this value lives; swept by others if
/// the process dies.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Keeps the area locked.
    _area: std::sync::Arc<TempArea>,
}

impl Scratch {
    pub(crate) fn create(area: std::sync::Arc<TempArea>) -> Result<Self, StoreError> {
        let path = area.path();
        fs::create_dir(&path).map_err(StoreError::io("create", &path))?;
        Ok(Self { path, _area: area })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_tree(&self.path);
    }
}
