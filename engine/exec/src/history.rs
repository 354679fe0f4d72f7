//! How long actions took and what they made, by name, from one build to the next. It
//! decides in which order actions start, never what is right. Unaware of the order.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wiz_base::Digest;
use wiz_base::reapi::ActionResult;
use wiz_graph::{Action, ActionGraph, ActionId};
use wiz_scheduler::{History, Past};

/// A memory in one file.
#[derive(Debug)]
pub struct LocalHistory {
    file: PathBuf,
    new: Mutex<BTreeMap<String, Record>>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Record {
    wall_ms: u64,
    output: Digest,
}

impl LocalHistory {
    /// A memory in `file`, which is not looked at yet.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self { file, new: Mutex::default() }
    }

    /// Where it is kept.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Remembers a result of an action that was carried out.
    pub fn record(&self, action: &Action, result: &ActionResult) {
        let record = Record { wall_ms: result.wall_ms, output: result.output_root };
        self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(action.lasting_name(), record);
    }

    /// Adds what was recorded to the file; does nothing if nothing was. Of two processes
    /// that write at once, one is forgotten.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let new = std::mem::take(&mut *self.new.lock().unwrap_or_else(PoisonError::into_inner));
        if new.is_empty() {
            return Ok(());
        }
        let mut all = read(&self.file);
        all.extend(new);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(temporary.as_file_mut(), &all)?;
        temporary.as_file_mut().flush()?;
        temporary.persist(&self.file)?;
        Ok(())
    }
}

impl History for LocalHistory {
    fn recall(&self, graph: &ActionGraph, ids: &[ActionId]) -> BTreeMap<ActionId, Past> {
        let all = read(&self.file);
        let past = |id: &ActionId| {
            let record = all.get(&graph.action(*id).lasting_name())?;
            Some((*id, Past { wall_ms: Some(record.wall_ms), output: Some(record.output) }))
        };
        ids.iter().filter_map(past).collect()
    }
}

/// A missing or damaged file remembers nothing.
fn read(file: &Path) -> BTreeMap<String, Record> {
    fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
