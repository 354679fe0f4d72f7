//! Getting hold of the index: its lock, replacing it when it is broken, and folding
//! in what others have noted. Unaware of what the index is used for.

use std::fs::{self, File};
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use wiz_base::Digest;

use super::{Index, IndexError, IndexRecord, MemoryIndex, SledIndex, Use, read_journal};
use crate::error::StoreError;
use crate::results::StoredResult;
use crate::store::Store;
use crate::temp_area::{remove_tree, try_lock_file};

/// The index, held by this process alone.
#[derive(Debug)]
pub struct HeldIndex {
    /// Dropped before the lock is.
    index: Box<dyn Index>,
    rebuilt: bool,
    _lock: File,
}

impl HeldIndex {
    /// Whether the index had to be made again from the results.
    #[must_use]
    pub fn was_rebuilt(&self) -> bool {
        self.rebuilt
    }
}

impl Deref for HeldIndex {
    type Target = dyn Index;

    fn deref(&self) -> &Self::Target {
        &*self.index
    }
}

impl DerefMut for HeldIndex {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.index
    }
}

impl Store {
    /// Opens the index, or gives `None` while another process holds it. A broken one
    /// is set aside and made again by a scan of the results. Never needed by a build;
    /// not to be called on a thread that must not wait.
    ///
    /// # Errors
    /// [`StoreError`] if its lock cannot be made.
    pub fn hold_index(&self) -> Result<Option<HeldIndex>, StoreError> {
        let gate = self.layout().index.join("lock");
        let Some(lock) = try_lock_file(&gate).map_err(StoreError::io("lock", &gate))? else {
            return Ok(None);
        };
        let (index, rebuilt) = self.open_or_rebuild();
        let mut held = HeldIndex { index, rebuilt, _lock: lock };
        if self.fold_journal(&mut *held.index).is_err() {
            // It opened, but cannot be written: once more, from nothing.
            held.index = self.rebuild();
            held.rebuilt = true;
            let _ = self.fold_journal(&mut *held.index);
        }
        Ok(Some(held))
    }

    fn open_or_rebuild(&self) -> (Box<dyn Index>, bool) {
        match SledIndex::open(&self.database_folder()) {
            Ok(index) if index.is_new() => (self.filled(index), true),
            Ok(index) => (Box::new(index), false),
            // The index may be sound; what cannot be written now is kept in memory.
            Err(error) if error.is_outside() => (self.filled(MemoryIndex::new()), true),
            Err(error) => {
                tracing::warn!(%error, "the index is set aside and made again");
                (self.rebuild(), true)
            }
        }
    }

    /// Sets the database aside and fills a new one.
    fn rebuild(&self) -> Box<dyn Index> {
        let folder = self.database_folder();
        let aside = self.layout().damaged.join("index");
        remove_tree(&aside);
        let _ = fs::remove_file(&aside);
        if fs::rename(&folder, &aside).is_err() {
            remove_tree(&folder);
        }
        match SledIndex::open(&folder) {
            Ok(index) => self.filled(index),
            Err(_) => self.filled(MemoryIndex::new()),
        }
    }

    /// The index with what the results say of themselves; in memory if it cannot
    /// take that.
    fn filled(&self, mut index: impl Index + 'static) -> Box<dyn Index> {
        if self.fill(&mut index).is_ok() {
            return Box::new(index);
        }
        let mut index = MemoryIndex::new();
        // A map in memory takes everything.
        let _ = self.fill(&mut index);
        Box::new(index)
    }

    /// Puts in what the results say of themselves; their files' times stand for the
    /// time of their last use.
    fn fill(&self, index: &mut dyn Index) -> Result<(), IndexError> {
        for (path, used) in self.result_files() {
            let stored = fs::read(&path).ok().and_then(|bytes| StoredResult::decode(&bytes));
            if let Some((key, _)) = stored {
                index.put(&key, &IndexRecord { used, ..IndexRecord::default() })?;
            }
        }
        index.flush()
    }

    /// Folds the journal in. It is moved away first, so that a process killed in
    /// between leaves it to be folded by the next.
    fn fold_journal(&self, index: &mut dyn Index) -> Result<(), IndexError> {
        let journal = self.layout().journal();
        let folding = journal.with_extension("folding");
        for _ in 0..2 {
            let uses = read_journal(&folding);
            if !uses.is_empty() {
                fold(index, uses)?;
                index.flush()?;
            }
            let _ = fs::remove_file(&folding);
            let moved = fs::rename(&journal, &folding);
            if moved.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                break;
            }
        }
        Ok(())
    }

    fn database_folder(&self) -> PathBuf {
        self.layout().index.join("db")
    }

    /// Every file that may be a result, with its time in seconds since 1970.
    pub(crate) fn result_files(&self) -> Vec<(PathBuf, u64)> {
        let mut files: Vec<(PathBuf, u64)> = sharded_files(&self.layout().results)
            .map(|(path, metadata)| {
                let used = std::os::unix::fs::MetadataExt::mtime(&metadata);
                (path, u64::try_from(used).unwrap_or(0))
            })
            .collect();
        files.sort_unstable();
        files
    }
}

/// The files in the folders of a folder, in no order.
pub(crate) fn sharded_files(folder: &Path) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
    let shards = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = shards.filter_map(|shard| fs::read_dir(shard.path()).ok()).flatten().flatten();
    files.filter_map(|file| {
        let metadata = file.metadata().ok()?;
        metadata.is_file().then(|| (file.path(), metadata))
    })
}

fn fold(index: &mut dyn Index, uses: Vec<Use>) -> Result<(), IndexError> {
    let mut latest: std::collections::BTreeMap<Digest, IndexRecord> = std::collections::BTreeMap::new();
    for Use { key, record } in uses {
        let earlier = latest.remove(&key).unwrap_or_default();
        latest.insert(key, earlier.or_later(record));
    }
    for (key, record) in latest {
        let earlier = index.get(&key)?.unwrap_or_default();
        index.put(&key, &earlier.or_later(record))?;
    }
    Ok(())
}
