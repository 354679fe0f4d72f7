//! Where two trees differ. Unaware of why somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use wiz_base::{Digest, Node, RelPath};
use wiz_cas::Store;

/// How many paths of a changed folder are named.
const MOST_PATHS: usize = 20;

/// Adds the paths at which two trees differ, as far as their folders are in the store.
pub(super) fn changed_paths(
    store: &Store,
    (before, after): (&Digest, &Digest),
    at: &RelPath,
    paths: &mut Vec<String>,
) {
    let (Ok(old), Ok(new)) = (store.get_directory(before), store.get_directory(after)) else { return };
    let old: BTreeMap<&str, &Node> = old.entries().collect();
    let new: BTreeMap<&str, &Node> = new.entries().collect();
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        if paths.len() >= MOST_PATHS {
            return;
        }
        let Ok(path) = RelPath::new(name).map(|name| at.join(&name)) else { continue };
        match (old.get(name), new.get(name)) {
            (Some(Node::Directory(old)), Some(Node::Directory(new))) if old != new => {
                changed_paths(store, (old, new), &path, paths);
            }
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) => paths.push(path.to_string()),
            (Some(_), None) => paths.push(format!("{path} (gone)")),
            (None, _) => paths.push(format!("{path} (new)")),
        }
    }
}
