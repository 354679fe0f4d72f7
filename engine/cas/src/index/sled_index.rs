//! The index in a sled database, which is trusted with nothing: it is opened on a
//! thread of its own with a time limit, every call is shielded from its panics, and
//! every value carries a checksum. Unaware of how a broken one is replaced.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use wiz_base::Digest;

use super::{Index, IndexError, IndexRecord};

/// Memory for cached pages, in bytes.
const CACHE_CAPACITY: u64 = 48 << 20;

/// Opening a million entries takes a fifth of a second; this is for slow disks.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Length of a key in the database: hash and size.
const KEY_LEN: usize = 40;

/// A key no digest has.
const CANARY_KEY: &[u8] = b"canary";
const CANARY: &[u8] = b"wiz-index-1";

/// An index in a folder. The folder must be this process's own.
#[derive(Debug)]
pub struct SledIndex {
    database: sled::Db,
    is_new: bool,
}

impl SledIndex {
    /// Opens the database in `folder`, making it where there is none.
    ///
    /// # Errors
    /// [`IndexError`] if it cannot be opened, is damaged, or takes too long.
    pub fn open(folder: &Path) -> Result<Self, IndexError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let folder = folder.to_owned();
        // On a timeout the thread is left behind with its database.
        let opening = std::thread::Builder::new().name("wiz-index".to_owned()).spawn(move || {
            let opened = shielded(|| open(&folder));
            let _ = sender.send(opened);
        });
        opening.map_err(sled::Error::Io)?;
        receiver.recv_timeout(OPEN_WITHIN).unwrap_or(Err(IndexError::TooSlow))
    }

    /// Whether there was nothing in it when it was opened.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

fn open(folder: &Path) -> Result<SledIndex, IndexError> {
    wait_for_lock(folder);
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_CAPACITY).flush_every_ms(None);
    let database = config.open()?;
    let canary = database.get(CANARY_KEY)?;
    let is_new = canary.is_none() && database.is_empty();
    if !is_new && canary.as_deref() != Some(CANARY) {
        return Err(IndexError::Canary);
    }
    database.insert(CANARY_KEY, CANARY)?;
    if database.get(CANARY_KEY)?.as_deref() != Some(CANARY) {
        return Err(IndexError::Canary);
    }
    Ok(SledIndex { database, is_new })
}

/// Waits until nobody holds the database's own lock. Whoever opens it holds the index,
/// so the holder is a handle dropped a moment ago, whose last thread still has the file.
fn wait_for_lock(folder: &Path) {
    if let Ok(file) = File::open(folder.join("db")) {
        // Given back at once: the database takes it for itself.
        let _ = file.lock();
    }
}

/// Turns a panic of the database into an error.
fn shielded<T>(call: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(IndexError::Panicked))
}

fn key_bytes(key: &Digest) -> [u8; KEY_LEN] {
    let mut bytes = [0; KEY_LEN];
    bytes[..32].copy_from_slice(key.hash());
    // Big-endian, so that the order of bytes is the order of digests.
    bytes[32..].copy_from_slice(&key.size().to_be_bytes());
    bytes
}

fn key_of(bytes: &[u8]) -> Option<Digest> {
    let (hash, size) = bytes.split_first_chunk::<32>()?;
    Some(Digest::new(*hash, u64::from_be_bytes(size.try_into().ok()?)))
}

impl Index for SledIndex {
    fn get(&self, key: &Digest) -> Result<Option<IndexRecord>, IndexError> {
        shielded(|| {
            let value = self.database.get(key_bytes(key))?;
            Ok(value.and_then(|value| IndexRecord::decode(key, &value)))
        })
    }

    fn put(&mut self, key: &Digest, record: &IndexRecord) -> Result<(), IndexError> {
        shielded(|| {
            self.database.insert(key_bytes(key), record.encode(key))?;
            Ok(())
        })
    }

    fn remove(&mut self, key: &Digest) -> Result<(), IndexError> {
        shielded(|| {
            self.database.remove(key_bytes(key))?;
            Ok(())
        })
    }

    fn visit(&self, visitor: &mut dyn FnMut(Digest, IndexRecord)) -> Result<(), IndexError> {
        let mut entries = self.database.iter();
        while let Some(entry) = shielded(|| entries.next().transpose().map_err(Into::into))? {
            let (key, value) = entry;
            if let Some(key) = key_of(&key)
                && let Some(record) = IndexRecord::decode(&key, &value)
            {
                visitor(key, record);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        shielded(|| {
            self.database.flush()?;
            Ok(())
        })
    }
}
