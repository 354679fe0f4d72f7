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
        // What the small trees add up to may be a large one, and no layer can be mounted twice.
        chosen.extend(distinct.into_iter().filter(|tree| *tree != merged && !small.contains(tree)));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wiz_base::{DigestFunction, Directory, Node};
    use wiz_cas::StoreOptions;

    use super::*;

    /// A tree of empty files.
    fn tree(store: &Store, names: &[String]) -> Digest {
        let digest = store.put_bytes(b"").unwrap();
        let mut directory = Directory::new();
        for name in names {
            directory.insert(name, Node::File { digest, executable: false }).unwrap();
        }
        store.put_directory(directory).unwrap()
    }

    #[test]
    fn a_tree_that_others_add_up_to_is_one_layer() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), DigestFunction::Blake3, &StoreOptions::default()).unwrap();
        // The five smallest of these twenty trees add up to the whole, as the largest does.
        let names: Vec<String> = (0..20).map(|number| format!("f{number:02}")).collect();
        let mut trees = vec![tree(&store, &names)];
        trees.extend(names.chunks(4).map(|chunk| tree(&store, chunk)));
        trees.extend((1..15).map(|skipped| {
            let kept: Vec<String> = names.iter().filter(|name| **name != names[skipped]).cloned().collect();
            tree(&store, &kept)
        }));
        assert_eq!(trees.len(), 20);
        let chosen = Layers::default().choose(&store, &trees).unwrap();
        assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len(), "no layer twice");
        assert!(chosen.len() <= MOST_LAYERS);
        assert_eq!(store.merge(&chosen).unwrap(), store.merge(&trees).unwrap());
    }
}
