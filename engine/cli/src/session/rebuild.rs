//! Building again, otherwise: in another place, on one processor, with another number of jobs.
//! What comes out has to be the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{Store, StoreOptions, StoredResult};
use wiz_exec::{Audit, Disagreement, RemoteResults, RunLimits, Settings};
use wiz_graph::ActionId;
use wiz_scheduler::BuildOutcome;

use super::{Built, Session, executor_with, store_error};
use crate::error::CliError;
use crate::progress::{Progress, Stopwatch};

/// What building again came to.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// What became of each action.
    pub(crate) outcome: BuildOutcome,
    /// What came out differently.
    pub(crate) disagreements: Vec<Disagreement>,
}

impl Session<'_> {
    /// Carries out again all actions on the way to `roots` that targets in `folders` declare, in
    /// a cache of its own that is removed afterwards. What else they need is taken from this
    /// session's cache, in which everything is built.
    ///
    /// # Errors
    /// If it cannot begin.
    pub(crate) fn rebuild(
        &self,
        built: &Built,
        roots: &BTreeSet<ActionId>,
        folders: BTreeSet<RelPath>,
        progress: &Progress,
        clock: &Stopwatch,
    ) -> Result<Rebuilt, CliError> {
        let original = self.store()?;
        // Removed by the next process that looks if this one is killed.
        let place = original.scratch().map_err(|error| store_error(&error))?;
        let store = Store::open(place.path(), self.digest_function(), &StoreOptions::default());
        let store = store.map_err(|error| store_error(&error))?;
        let settings = Settings {
            workspace: self.root.clone(),
            cache: place.path().to_owned(),
            state: place.path().join("state"),
            stamps: self.sources.stamps(),
            jobs: if self.jobs == 1 { 2 } else { 1 },
            limits: RunLimits::default(),
            fetch: self.fetch_settings(),
            keep_failed: false,
            remote: Some(Arc::new(Original { original, store: store.clone() })),
            audit: Some(Audit::Folders(folders)),
        };
        let executor = executor_with(&store, settings)?;
        let processors = on_one_processor();
        let outcome = self.carry_out(built, roots, &executor, self.jobs, progress, clock);
        if let Some(processors) = processors {
            // Only this process's speed depends on it from here on.
            let _ = sched_setaffinity(None, &processors);
        }
        let disagreements = executor.disagreements();
        drop((executor, store));
        Ok(Rebuilt { outcome: outcome?, disagreements })
    }
}

/// Has everything that this thread starts run on one processor; returns where it ran before,
/// if it could be changed.
fn on_one_processor() -> Option<CpuSet> {
    let before = sched_getaffinity(None).ok()?;
    let last = (0..CpuSet::MAX_CPU).rfind(|processor| before.is_set(*processor))?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).ok()?;
    Some(before)
}

/// The cache in which everything is built, as a place where results are kept besides.
#[derive(Debug)]
struct Original {
    original: Store,
    store: Store,
}

impl Original {
    /// Takes over what a node consists of, its files with it or not; what fails is missed later.
    fn take_directories(&self, root: &Digest) -> Option<()> {
        let mut pending = vec![*root];
        while let Some(digest) = pending.pop() {
            let directory = self.original.get_directory(&digest).ok()?;
            for (_, node) in directory.entries() {
                if let Node::Directory(child) = node {
                    pending.push(*child);
                }
            }
            self.store.put_directory((*directory).clone()).ok()?;
        }
        Some(())
    }
}

impl RemoteResults for Original {
    fn fetch(&self, key: &Digest) -> Option<StoredResult> {
        let stored = self.original.get_result(key)?;
        self.take_directories(&stored.result.output_root)?;
        Some(stored)
    }

    fn bring(&self, digests: BTreeSet<Digest>) {
        for digest in digests {
            if let Ok(mut file) = self.original.open_verified(&digest)
                && let Err(error) = self.store.put_reader(&mut file)
            {
                tracing::debug!(%error, "a blob is not taken over");
            }
        }
    }

    fn publish(&self, _: &Digest, _: Vec<Vec<u8>>, _: &StoredResult, _: bool) {}
}
