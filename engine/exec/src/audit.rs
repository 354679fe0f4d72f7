//! Some of the results that come from elsewhere are made here as well, and compared: whoever
//! made them may be wrong, or the action may not be reproducible.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use wiz_base::{Digest, Node, RelPath};
use wiz_cas::Store;
use wiz_graph::Action;

/// Which results are made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// A share of all.
    Share {
        /// How many of a million.
        per_million: u32,
        /// What the choice follows from; another one each time, so that in time everything is
        /// looked at.
        seed: u64,
    },
    /// Those of actions that targets in these folders declare.
    Folders(BTreeSet<RelPath>),
}

impl Audit {
    /// Whether the result of `key` is among them.
    fn includes(&self, store: &Store, action: &Action, key: &Digest) -> bool {
        match self {
            Self::Share { per_million, seed } => {
                let drawn = store.function().digest(format!("{seed} {key}").as_bytes()).hex();
                let drawn = u64::from_str_radix(&drawn[..8], 16).expect("a digest is hexadecimal digits");
                (drawn * 1_000_000) >> 32 < u64::from(*per_million)
            }
            Self::Folders(folders) => folders.contains(action.owner.label.package()),
        }
    }
}

/// A result that came to something else here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The action.
    pub action: String,
    /// Paths of outputs that differ, or are there on one side only.
    pub paths: Vec<RelPath>,
}

/// The audit of one build.
#[derive(Debug)]
pub(crate) struct Audits {
    audit: Option<Audit>,
    /// What was claimed to be the outputs, by key.
    claimed: Mutex<BTreeMap<Digest, Digest>>,
    found: Mutex<Vec<Disagreement>>,
}

impl Audits {
    pub(crate) fn new(audit: Option<Audit>) -> Self {
        Self { audit, claimed: Mutex::default(), found: Mutex::default() }
    }

    /// Whether the result of `key`, said to be `root`, is to be made here as well.
    pub(crate) fn wants(&self, store: &Store, action: &Action, key: &Digest, root: Digest) -> bool {
        if !self.audit.as_ref().is_some_and(|audit| audit.includes(store, action, key)) {
            return false;
        }
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(*key, root);
        true
    }

    /// Compares what was made with what was claimed; whether nobody claims something else.
    pub(crate) fn agrees(
        &self,
        store: &Store,
        action: impl Fn() -> String,
        key: &Digest,
        made: Digest,
    ) -> bool {
        let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let Some(claimed) = claimed.filter(|claimed| *claimed != made) else { return true };
        let found = Disagreement { action: action(), paths: differences(store, claimed, made) };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        false
    }

    /// Every disagreement, by action.
    pub(crate) fn disagreements(&self) -> Vec<Disagreement> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.sort_by(|one, other| one.action.cmp(&other.action));
        found
    }
}

/// Paths at which two trees differ, but for folders in which something does.
fn differences(store: &Store, one: Digest, other: Digest) -> Vec<RelPath> {
    let (one, other) = (leaves(store, one), leaves(store, other));
    let paths: BTreeSet<&RelPath> = one.keys().chain(other.keys()).collect();
    paths.into_iter().filter(|path| one.get(*path) != other.get(*path)).cloned().collect()
}

fn leaves(store: &Store, root: Digest) -> BTreeMap<RelPath, Node> {
    let entries = store.walk(&root).filter_map(Result::ok);
    entries.filter(|(_, node)| !matches!(node, Node::Directory(_))).collect()
}

#[cfg(test)]
mod tests {
    use wiz_base::DigestFunction;
    use wiz_cas::{StoreOptions, TreeBuilder};
    use wiz_testkit::fixture::command;

    use super::*;

    fn action() -> Action {
        command("a", &["const"], &[])
    }

    fn tree(store: &Store, files: &[(&str, &str)]) -> Digest {
        let mut builder = TreeBuilder::new();
        for (path, text) in files {
            let digest = store.put_bytes(text.as_bytes()).unwrap();
            builder
                .insert(store, &RelPath::new(path).unwrap(), Node::File { digest, executable: false })
                .unwrap();
        }
        builder.build(store).unwrap()
    }

    #[test]
    fn what_differs_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), DigestFunction::Blake3, &StoreOptions::default()).unwrap();
        let claimed = tree(&store, &[("out/a", "1"), ("out/b", "2"), ("out/d/c", "3")]);
        let made = tree(&store, &[("out/a", "1"), ("out/b", "other"), ("out/d/e", "3")]);
        let key = DigestFunction::Blake3.digest(b"key");
        let audits = Audits::new(Some(Audit::Share { per_million: 1_000_000, seed: 7 }));
        assert!(audits.wants(&store, &action(), &key, claimed));
        assert!(!audits.agrees(&store, || "//a:b tool".to_owned(), &key, made));
        let [found] = &audits.disagreements()[..] else { panic!("one was found") };
        let paths: Vec<_> = found.paths.iter().map(RelPath::as_str).collect();
        assert_eq!(paths, ["out/b", "out/d/c", "out/d/e"]);
        assert!(
            audits.wants(&store, &action(), &key, claimed)
                && audits.agrees(&store, String::new, &key, claimed)
        );
    }

    #[test]
    fn those_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), DigestFunction::Blake3, &StoreOptions::default()).unwrap();
        let root = DigestFunction::Blake3.digest(b"root");
        let own = action().owner.label.package().clone();
        let other = RelPath::new("somewhere/else").unwrap();
        for (folders, is_wanted) in [(vec![own], true), (vec![other], false), (vec![], false)] {
            let audits = Audits::new(Some(Audit::Folders(folders.into_iter().collect())));
            assert_eq!(audits.wants(&store, &action(), &root, root), is_wanted);
        }
    }

    #[test]
    fn as_many_are_chosen_as_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), DigestFunction::Blake3, &StoreOptions::default()).unwrap();
        let root = DigestFunction::Blake3.digest(b"root");
        let chosen = |per_million, seed| {
            let audits = Audits::new(Some(Audit::Share { per_million, seed }));
            let keys = (0..1000).map(|number: u32| DigestFunction::Blake3.digest(&number.to_le_bytes()));
            keys.filter(|key| audits.wants(&store, &action(), key, root)).collect::<Vec<_>>()
        };
        assert_eq!((chosen(0, 1).len(), chosen(1_000_000, 1).len()), (0, 1000));
        assert!((50..200).contains(&chosen(100_000, 1).len()));
        assert_ne!(chosen(100_000, 1), chosen(100_000, 2));
    }
}
