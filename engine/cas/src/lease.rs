//! What running builds hold on to, so that a collection leaves it alone.
//!
//! A lease is a file in the temporary area of a process, whose lock says whether
//! the process lives. Unaware of collection.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use wiz_base::Digest;

use crate::layout::Layout;
use crate::stamp::Stamp;
use crate::store::Store;
use crate::temp_area::{LOCK, try_lock_file};

/// Name of the lease in a temporary area.
const LEASE: &str = "lease";

/// The open lease of a store, if it has begun.
pub(crate) type OwnLease = Mutex<Option<File>>;

impl Store {
    /// Lets go of everything this store was handed: for a process that outlives a
    /// build. The next thing it is handed begins a new lease.
    pub fn end_lease(&self) {
        let mut lease = self.own_lease().lock().unwrap_or_else(PoisonError::into_inner);
        if lease.take().is_some()
            && let Ok(area) = self.temp()
        {
            let _ = fs::remove_file(area.folder().join(LEASE));
        }
    }

    pub(crate) fn lease_result(&self, key: &Digest) {
        self.lease(&format!("result {key}\n"));
    }

    pub(crate) fn lease_tree(&self, root: &Digest) {
        self.lease(&format!("tree {}\n", Layout::short_name(root)));
    }

    /// Adds a line. A lease that cannot be written, on a full disk say, only means
    /// that a collection may take what then has to be made again.
    fn lease(&self, line: &str) {
        let mut lease = self.own_lease().lock().unwrap_or_else(PoisonError::into_inner);
        if lease.is_none()
            && let Ok(area) = self.temp()
        {
            let path = area.folder().join(LEASE);
            *lease = File::options().create(true).append(true).open(path).ok();
            if let Some(file) = &mut *lease {
                let since = file.metadata().map_or(0, |metadata| Stamp::of(&metadata).ctime);
                let _ = file.write_all(format!("since {since}\n").as_bytes());
            }
        }
        if let Some(file) = &mut *lease {
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// All that living processes hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) results: BTreeSet<Digest>,
    /// Short names.
    pub(crate) trees: BTreeSet<String>,
    /// Change time from which on everything is held; `None` without a lease.
    pub(crate) since: Option<i64>,
}

impl Leased {
    /// Reads the leases below the folder of temporary areas.
    pub(crate) fn read(temporary: &Path) -> Self {
        let mut leased = Self::default();
        let Ok(areas) = fs::read_dir(temporary) else { return leased };
        for area in areas.flatten().map(|area| area.path()).filter(|area| area.is_dir()) {
            let dead = matches!(try_lock_file(&area.join(LOCK)), Ok(Some(_)));
            if !dead && let Ok(text) = fs::read_to_string(area.join(LEASE)) {
                leased.add(&text);
            }
        }
        leased
    }

    fn add(&mut self, text: &str) {
        // A lease whose first line is being written holds everything.
        let mut since = 0;
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("since", time)) => since = time.parse().unwrap_or(0),
                Some(("result", key)) => self.results.extend(key.parse::<Digest>()),
                Some(("tree", name)) => {
                    self.trees.insert(name.to_owned());
                }
                _ => {}
            }
        }
        self.since = Some(self.since.map_or(since, |earlier| earlier.min(since)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestStore, tree};
    use wiz_base::DigestFunction;

    #[test]
    fn a_lease_lasts_as_long_as_its_store() {
        let store = TestStore::new();
        let leased = || Leased::read(&store.layout().temporary);
        let root = tree(&store, "a b");
        assert_eq!(leased(), Leased::default());
        let other = store.again();
        let key = DigestFunction::Blake3.digest(b"key");
        let expanded = other.expand(&root).unwrap();
        assert_eq!(other.get_result(&key), None);
        assert_eq!(leased().trees, BTreeSet::from([expanded.name]));
        assert_eq!(leased().results, BTreeSet::from([key]));
        assert!(leased().since.is_some_and(|since| since > 0));
        other.end_lease();
        assert_eq!(leased(), Leased::default());
        let _ = other.get_result(&key);
        assert_eq!(leased().results, BTreeSet::from([key]));
        drop(other);
        assert_eq!(leased(), Leased::default());
    }
}
