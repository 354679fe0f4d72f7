//! A root's trees as the layers of one mount: as many as they are while they are few,
//! the smallest merged into one when they are many. Unaware of how they are mounted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use wiz_base::Digest;
use wiz_cas::{MergeError, Store, StoreError};

/// As many layers a root has at most: each one makes every path that is not there
/// dearer to look up.
pub(crate) const MOST_LAYERS: usize = 16;

/// Remembers how large trees are.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    sizes: Mutex<BTreeMap<Digest, usize>>,
}

impl Layers {
    /// At most [`MOST_LAYERS`] trees that stack to the same root as `trees`. Which of them
    /// is upper makes no difference, since trees only stack where they agree.
    pub(crate) fn choose(&self, store: &Store, trees: &[Digest]) -> Result<Vec<Digest>, MergeError> {
        let mut distinct: Vec<Digest> = Vec::new();
        for tree in trees {
            if !distinct.contains(tree) {
                distinct.push(*tree);
            }
        }
        if distinct.len() <= MOST_LAYERS {
            return Ok(distinct);
        }
        let mut by_size = Vec::new();
        for tree in &distinct {
            by_size.push((self.size(store, tree)?, *tree));
        }
        by_size.sort_by(|one, other| other.cmp(one));
        let small: Vec<Digest> = by_size.iter().skip(MOST_LAYERS - 1).map(|(_, tree)| *tree).collect();
        let merged = store.merge(&small)?;
        let mut chosen = vec![merged];
        chosen.extend(distinct.into_iter().filter(|tree| !small.contains(tree)));
        Ok(chosen)
    }

    /// Number of entries of a tree.
    fn size(&self, store: &Store, tree: &Digest) -> Result<usize, StoreError> {
        let known = self.sizes.lock().unwrap_or_else(PoisonError::into_inner).get(tree).copied();
        if let Some(size) = known {
            return Ok(size);
        }
        let mut size = 0;
        for entry in store.walk(tree) {
            entry?;
            size += 1;
        }
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(*tree, size);
        Ok(size)
    }
}
