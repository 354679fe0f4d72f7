//! The index in memory: for tests, and where the disk does not let one be kept.
//! Unaware of any other.

use std::collections::BTreeMap;

use wiz_base::Digest;

use super::{Index, IndexError, IndexRecord};

/// An index that goes with the process.
#[derive(Debug, Default)]
pub struct MemoryIndex(BTreeMap<Digest, IndexRecord>);

impl MemoryIndex {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Index for MemoryIndex {
    fn get(&self, key: &Digest) -> Result<Option<IndexRecord>, IndexError> {
        Ok(self.0.get(key).cloned())
    }

    fn put(&mut self, key: &Digest, record: &IndexRecord) -> Result<(), IndexError> {
        self.0.insert(*key, record.clone());
        Ok(())
    }

    fn remove(&mut self, key: &Digest) -> Result<(), IndexError> {
        self.0.remove(key);
        Ok(())
    }

    fn visit(&self, visitor: &mut dyn FnMut(Digest, IndexRecord)) -> Result<(), IndexError> {
        self.0.iter().for_each(|(key, record)| visitor(*key, record.clone()));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        Ok(())
    }
}
