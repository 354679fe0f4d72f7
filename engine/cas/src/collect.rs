//! Collection: bringing the store under a budget by dropping what was used longest
//! ago, but nothing that is pinned or on a lease.
//!
//! Only removes, so it works on a full disk. Its steps are ordered so that a build
//! running meanwhile at worst makes something again: results go first, then leases
//! are read once more, then blobs go that no remaining result reaches. Unaware of
//! why somebody would keep something.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use wiz_base::{Digest, Node};

use crate::error::StoreError;
use crate::expand::manifest::TreeManifest;
use crate::index::{read_journal, sharded_files};
use crate::lease::Leased;
use crate::results::StoredResult;
use crate::stamp::Stamp;
use crate::store::Store;
use crate::temp_area::{remove_tree, sweep, try_lock_file};
use crate::usage::{FILE_OVERHEAD, Share, Usage};

/// A collection stops at this many tenths of the budget, so that not every build
/// needs one.
const TARGET_TENTHS: u64 = 9;

/// What a collection did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Space taken before.
    pub before: Usage,
    /// Space taken after.
    pub after: Usage,
}

/// What a collection decided about one result or expanded tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The thing.
    pub item: Item,
    /// Bytes that only it needs.
    pub bytes: u64,
    /// When it was last used, in seconds since 1970.
    pub used: u64,
    /// What was decided.
    pub verdict: Verdict,
}

/// Something that is kept or dropped as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The result of that key with its blobs.
    Result(Digest),
    /// The expanded tree of that digest; its blobs are another matter.
    Tree(Digest),
}

/// Why something is kept or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Kept: it is pinned.
    Pinned,
    /// Kept: a running build holds it.
    Leased,
    /// Kept: it fits, counting what was used later.
    Fits,
    /// Dropped: it does not fit.
    TooOld,
    /// Dropped: it is damaged, or some of its blobs are gone.
    Incomplete,
}

impl Verdict {
    /// Whether the thing stays.
    #[must_use]
    pub const fn keeps(self) -> bool {
        matches!(self, Self::Pinned | Self::Leased | Self::Fits)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "kept: it is pinned",
            Self::Leased => "kept: a running build uses it",
            Self::Fits => "kept: it fits into the budget",
            Self::TooOld => "dropped: what was used later fills the budget",
            Self::Incomplete => "dropped: some of it is damaged or gone",
        })
    }
}

impl Store {
    /// Brings the store under `budget` bytes and tells `report` every decision, what
    /// was used last first. Below the budget it only sweeps. `None` if another
    /// process is collecting.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be read or locked.
    pub fn collect(
        &self,
        budget: u64,
        report: &mut dyn FnMut(&Decision),
    ) -> Result<Option<Collected>, StoreError> {
        self.collect_keeping(budget, &self.pinned(), report)
    }

    /// Removes everything that no running build holds, pins too.
    ///
    /// # Errors
    /// As [`Store::collect`].
    pub fn clean(&self) -> Result<Option<Collected>, StoreError> {
        remove_below(&self.layout().pins);
        let collected = self.collect_keeping(0, &BTreeSet::new(), &mut |_| {})?;
        if let Some(held) = try_lock_file(&self.layout().index.join("lock")).ok().flatten() {
            remove_tree(&self.layout().index.join("db"));
            let _ = fs::remove_file(self.layout().journal());
            drop(held);
        }
        Ok(collected.map(|collected| Collected { after: self.usage(), ..collected }))
    }

    fn collect_keeping(
        &self,
        budget: u64,
        pinned: &BTreeSet<Digest>,
        report: &mut dyn FnMut(&Decision),
    ) -> Result<Option<Collected>, StoreError> {
        let gate = self.layout().state.join("collect.lock");
        // On a full disk the lock may not be made; then there is none to wait for.
        let lock = match try_lock_file(&gate).map_err(StoreError::io("lock", &gate)) {
            Ok(None) => return Ok(None),
            Ok(Some(lock)) => Some(lock),
            Err(StoreError::Full { .. }) => None,
            Err(error) => return Err(error),
        };
        let before = self.usage();
        sweep(&self.layout().temporary);
        remove_below(&self.layout().damaged);
        if before.bytes() > budget {
            self.drop_oldest(budget, pinned, report);
        }
        drop(lock);
        Ok(Some(Collected { before, after: self.usage() }))
    }

    fn drop_oldest(&self, budget: u64, pinned: &BTreeSet<Digest>, report: &mut dyn FnMut(&Decision)) {
        let mut marking = Marking {
            store: self,
            marked: BTreeSet::new(),
            bytes: self.usage().other.bytes,
            target: budget / 10 * TARGET_TENTHS,
            full: false,
        };
        let leased = Leased::read(&self.layout().temporary);
        let mut dropped = BTreeMap::new();
        for candidate in self.candidates(pinned, &leased) {
            let decision = marking.decide(&candidate);
            report(&decision);
            if decision.verdict.keeps() {
                continue;
            }
            match candidate.what {
                What::Tree(root) => self.drop_tree(&root),
                What::Result { key, stored } => {
                    let _ = fs::remove_file(&candidate.path);
                    dropped.extend(stored.map(|stored| (key, stored)));
                }
            }
        }
        // A build that asked for a result before it went has it on its lease by now.
        let leased = Leased::read(&self.layout().temporary);
        for (_, stored) in dropped.iter().filter(|(key, _)| leased.results.contains(key)) {
            marking.mark_result(stored);
        }
        self.forget_memory();
        self.drop_unmarked(&marking.marked, leased.since);
        self.drop_from_index(&dropped);
    }

    /// Removes the blobs that nothing reaches and no running build has just made.
    fn drop_unmarked(&self, marked: &BTreeSet<String>, since: Option<i64>) {
        for (path, metadata) in sharded_files(&self.layout().blobs) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let held = since.is_some_and(|since| Stamp::of(&metadata).ctime >= since);
            if !held && !marked.contains(name) {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Removes an expanded tree, manifest first, unless somebody is at it right now.
    fn drop_tree(&self, root: &Digest) {
        if let Ok(Some(_lock)) = try_lock_file(&self.layout().tree_lock(root)) {
            let manifest = self.layout().tree_manifest(root);
            let _ = fs::remove_file(&manifest);
            remove_tree(&manifest.with_extension(""));
        }
    }

    fn drop_from_index(&self, dropped: &BTreeMap<Digest, StoredResult>) {
        let Ok(Some(mut index)) = self.hold_index() else { return };
        let removed = dropped.keys().try_for_each(|key| index.remove(key)).and_then(|()| index.flush());
        if let Err(error) = removed {
            tracing::debug!(%error, "the index keeps records of dropped results");
        }
    }

    /// Everything that can be kept or dropped: what must be kept first, then what was
    /// used last first.
    fn candidates(&self, pinned: &BTreeSet<Digest>, leased: &Leased) -> Vec<Candidate> {
        let uses = self.recorded_uses();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (path, used) in self.result_files() {
            let decoded = fs::read(&path).ok().and_then(|bytes| StoredResult::decode(&bytes));
            let (key, stored) = match decoded {
                Some((key, stored)) => (key, Some(stored)),
                None => (self.empty_digest().to_owned(), None),
            };
            let held = held(pinned.contains(&key), leased.results.contains(&key));
            let used = used.max(uses.get(&key).copied().unwrap_or(0));
            candidates.push(Candidate { what: What::Result { key, stored }, path, used, held });
        }
        for entry in fs::read_dir(&self.layout().trees).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "manifest") {
                continue;
            }
            let Some(manifest) = TreeManifest::read(&path) else { continue };
            let used = entry.metadata().map_or(0, |metadata| u64::try_from(metadata.mtime()).unwrap_or(0));
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let held = held(false, leased.trees.contains(&name));
            candidates.push(Candidate { what: What::Tree(manifest.root), path, used, held });
        }
        candidates.sort_by(|a, b| {
            (b.held.is_some(), b.used).cmp(&(a.held.is_some(), a.used)).then_with(|| a.path.cmp(&b.path))
        });
        candidates
    }

    /// When results were last used, as far as the index and the journal know.
    fn recorded_uses(&self) -> BTreeMap<Digest, u64> {
        let mut uses = BTreeMap::new();
        let mut note = |key: Digest, used: u64| {
            let latest = uses.entry(key).or_insert(0);
            *latest = used.max(*latest);
        };
        match self.hold_index() {
            Ok(Some(index)) => {
                let visited = index.visit(&mut |key, record| note(key, record.used));
                if let Err(error) = visited {
                    tracing::debug!(%error, "files' times stand in for the index");
                }
            }
            _ => read_journal(&self.layout().journal()).into_iter().for_each(|used| {
                note(used.key, used.record.used);
            }),
        }
        uses
    }
}

/// Something that may be dropped.
#[derive(Debug)]
struct Candidate {
    what: What,
    path: PathBuf,
    used: u64,
    held: Option<Verdict>,
}

#[derive(Debug)]
enum What {
    /// A result; without content if its file is damaged.
    Result {
        key: Digest,
        stored: Option<StoredResult>,
    },
    Tree(Digest),
}

fn held(pinned: bool, leased: bool) -> Option<Verdict> {
    match (pinned, leased) {
        (true, _) => Some(Verdict::Pinned),
        (_, true) => Some(Verdict::Leased),
        _ => None,
    }
}

/// Adds up what is kept.
struct Marking<'a> {
    store: &'a Store,
    /// Names of the blobs that something kept reaches.
    marked: BTreeSet<String>,
    bytes: u64,
    target: u64,
    /// Something did not fit, so nothing older is kept.
    full: bool,
}

impl Marking<'_> {
    fn decide(&mut self, candidate: &Candidate) -> Decision {
        let (item, needs) = match &candidate.what {
            What::Tree(root) => (Item::Tree(*root), self.tree_needs(candidate)),
            What::Result { key, stored } => {
                (Item::Result(*key), stored.as_ref().and_then(|stored| self.result_needs(stored)))
            }
        };
        let bytes = needs.as_ref().map_or(0, |needs| needs.share.bytes);
        let verdict = match (&needs, candidate.held) {
            (None, _) => Verdict::Incomplete,
            (Some(_), Some(held)) => held,
            (Some(_), None) if self.full || self.bytes + bytes > self.target => {
                self.full = true;
                Verdict::TooOld
            }
            (Some(_), None) => Verdict::Fits,
        };
        if verdict.keeps()
            && let Some(needs) = needs
        {
            self.bytes += bytes;
            self.marked.extend(needs.blobs);
        }
        Decision { item, bytes, used: candidate.used, verdict }
    }

    fn tree_needs(&self, candidate: &Candidate) -> Option<Needs> {
        let bytes = TreeManifest::read(&candidate.path)?.disk_bytes();
        Some(Needs { blobs: BTreeSet::new(), share: Share { count: 1, bytes } })
    }

    /// Marks what a result needs, whatever the budget.
    fn mark_result(&mut self, stored: &StoredResult) {
        if let Some(needs) = self.result_needs(stored) {
            self.marked.extend(needs.blobs);
        }
    }

    /// The blobs of a result that are not marked yet; `None` if one is gone.
    fn result_needs(&self, stored: &StoredResult) -> Option<Needs> {
        let mut needs = Needs::default();
        needs.share.add(FILE_OVERHEAD + stored.manifest.len() as u64);
        if let Some(log) = &stored.result.log {
            self.blob(log, &mut needs)?;
        }
        self.directory(&stored.result.output_root, &mut needs)?;
        Some(needs)
    }

    fn directory(&self, digest: &Digest, needs: &mut Needs) -> Option<()> {
        if self.marked.contains(&digest.hex()) || needs.blobs.contains(&digest.hex()) {
            return Some(());
        }
        let directory = self.store.get_directory(digest).ok()?;
        self.blob(digest, needs)?;
        directory.entries().try_for_each(|(_, node)| match node {
            Node::File { digest, .. } => self.blob(digest, needs),
            Node::Directory(digest) => self.directory(digest, needs),
            Node::Symlink(_) => Some(()),
        })
    }

    fn blob(&self, digest: &Digest, needs: &mut Needs) -> Option<()> {
        let name = digest.hex();
        if self.marked.contains(&name) || needs.blobs.contains(&name) {
            return Some(());
        }
        if !self.store.contains(digest) {
            return None;
        }
        needs.blobs.insert(name);
        needs.share.add(digest.size() + FILE_OVERHEAD);
        Some(())
    }
}

/// What something needs that nothing kept needs yet.
#[derive(Default)]
struct Needs {
    blobs: BTreeSet<String>,
    share: Share,
}

fn remove_below(folder: &std::path::Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if fs::remove_file(entry.path()).is_err() {
            remove_tree(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
