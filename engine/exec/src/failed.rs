//! The last failed command of each target: its log, what its sandbox consisted of, and
//! what it left there, so that it can be entered again. Unaware of terminals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wiz_base::Digest;
use wiz_cas::{Store, StoreError};
use wiz_graph::ConfiguredTarget;
use wiz_sandbox::{Limits, Spec};

use crate::sandbox_plan::SandboxPlan;

/// The folder of the cache with one folder a target.
const FOLDER: &str = "failed";
/// The record in a target's folder.
const RECORD: &str = "run.json";
/// The log in a target's folder.
const LOG: &str = "log";
/// What the command left, in a target's folder.
const SCRATCH: &str = "scratch";

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FailedRun {
    /// The target whose action it was.
    pub target: ConfiguredTarget,
    /// The action, as people know it.
    pub action: String,
    /// Why it failed.
    pub message: String,
    /// The key it would have had a result under.
    pub key: Digest,
    /// Its sandbox.
    pub plan: SandboxPlan,
    /// Where all this is kept.
    #[serde(skip)]
    folder: PathBuf,
}

impl FailedRun {
    /// The file with everything it printed.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// Its sandbox as it left it, with `arguments` to run there; fresh if what it left
    /// was not kept.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the store no longer has what it consisted of.
    pub fn spec(&self, store: &Store, arguments: Vec<String>) -> Result<Spec, StoreError> {
        let scratch = self.folder.join(SCRATCH);
        if !scratch.exists() {
            fs::create_dir_all(&scratch).map_err(|source| StoreError::Io {
                doing: "create",
                path: scratch.clone(),
                source,
            })?;
        }
        self.plan.clone().with_arguments(arguments).spec(store, &scratch, Limits::default())
    }
}

/// Keeps a failed command in place of the target's earlier one: the log, and the scratch
/// folder if one is given, are moved away from where they are. Returns the log's place.
pub(crate) fn keep(cache: &Path, run: &FailedRun, log: &Path, scratch: Option<&Path>) -> io::Result<PathBuf> {
    let folder = folder_of(cache, &run.target);
    let all = cache.join(FOLDER);
    fs::create_dir_all(&all)?;
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&all)?;
    fs::rename(log, new.path().join(LOG))?;
    if let Some(scratch) = scratch {
        fs::rename(scratch, new.path().join(SCRATCH))?;
    }
    let record = serde_json::to_vec_pretty(run).map_err(io::Error::other)?;
    fs::write(new.path().join(RECORD), record)?;
    wiz_sandbox::remove_tree(&folder)?;
    fs::rename(new.keep(), &folder)?;
    Ok(folder.join(LOG))
}

/// Forgets the failure of an action that has now succeeded.
pub(crate) fn forget(cache: &Path, target: &ConfiguredTarget, action: &str) {
    if load(cache, target).is_some_and(|run| run.action == action) {
        // What cannot be removed is in nobody's way and goes with the next failure.
        let _ = wiz_sandbox::remove_tree(&folder_of(cache, target));
    }
}

/// The last failed command of `target`, if it is kept.
#[must_use]
pub fn load(cache: &Path, target: &ConfiguredTarget) -> Option<FailedRun> {
    read(&folder_of(cache, target))
}

/// All failed commands that are kept, ordered by target.
#[must_use]
pub fn list(cache: &Path) -> Vec<FailedRun> {
    let entries = fs::read_dir(cache.join(FOLDER)).into_iter().flatten().flatten();
    let mut runs: Vec<_> = entries.filter_map(|entry| read(&entry.path())).collect();
    runs.sort_by(|one, other| one.target.cmp(&other.target));
    runs
}

/// Removes all that is kept.
///
/// # Errors
/// If something cannot be removed.
pub fn clear(cache: &Path) -> io::Result<()> {
    Ok(wiz_sandbox::remove_tree(&cache.join(FOLDER))?)
}

fn read(folder: &Path) -> Option<FailedRun> {
    let run: FailedRun = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
    Some(FailedRun { folder: folder.to_owned(), ..run })
}

impl FailedRun {
    pub(crate) fn new(
        target: ConfiguredTarget,
        action: String,
        message: String,
        key: Digest,
        plan: SandboxPlan,
    ) -> Self {
        Self { target, action, message, key, plan, folder: PathBuf::new() }
    }
}

/// A name without `/` that no two targets share.
fn folder_of(cache: &Path, target: &ConfiguredTarget) -> PathBuf {
    let text = format!("{}@{}", target.label, target.platform);
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'@' | b'+' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02x}"),
    };
    cache.join(FOLDER).join(text.bytes().map(escape).collect::<String>())
}
