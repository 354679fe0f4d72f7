//! Where things lie below the cache folder, as `docs/formats/store.md` says.
//! Unaware of what the files hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wiz_base::{Digest, DigestFunction};

use crate::error::StoreError;

/// Version of the layout; another version lives in another folder beside it.
const LAYOUT_VERSION: u32 = 1;

/// Digits of a tree's digest in its short name: enough never to meet twice, short
/// enough that many fit into the options of one mount.
const SHORT_NAME_LEN: usize = 24;

/// Folders of one store, which serves one digest function.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) blobs: PathBuf,
    pub(crate) results: PathBuf,
    pub(crate) trees: PathBuf,
    pub(crate) temporary: PathBuf,
    pub(crate) pins: PathBuf,
    pub(crate) index: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) damaged: PathBuf,
}

impl Layout {
    /// The folders below `cache`; nothing is made.
    pub(crate) fn new(cache: &Path, function: DigestFunction) -> Self {
        let root = cache.join(format!("v{LAYOUT_VERSION}-{}", function.name()));
        let folder = |name: &str| root.join(name);
        Self {
            blobs: folder("blobs"),
            results: folder("results"),
            trees: folder("trees"),
            temporary: folder("tmp"),
            pins: folder("pins"),
            index: folder("index"),
            state: folder("state"),
            damaged: folder("damaged"),
            root,
        }
    }

    /// Makes what is missing and checks that it can be written.
    pub(crate) fn create(&self) -> Result<(), StoreError> {
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Unwritable { path, source }
        };
        fs::create_dir_all(&self.root).map_err(unwritable(&self.root))?;
        for folder in self.folders() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(unwritable(folder)(error));
                }
                _ => {}
            }
        }
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::access(&self.blobs, access).map_err(|errno| unwritable(&self.blobs)(errno.into()))
    }

    /// All folders but the root.
    pub(crate) fn folders(&self) -> [&PathBuf; 8] {
        [
            &self.blobs,
            &self.results,
            &self.trees,
            &self.temporary,
            &self.pins,
            &self.index,
            &self.state,
            &self.damaged,
        ]
    }

    /// `blobs/ab/<hex>`. The size is no part of the name; it is checked.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        sharded(&self.blobs, &digest.hex())
    }

    /// `results/ab/<hex>`.
    pub(crate) fn result(&self, key: &Digest) -> PathBuf {
        sharded(&self.results, &key.hex())
    }

    /// The boot during which the store was last used, and what is suspect since.
    pub(crate) fn boot(&self) -> PathBuf {
        self.state.join("boot")
    }

    /// The time of the last durable batch.
    pub(crate) fn durable(&self) -> PathBuf {
        self.state.join("durable")
    }

    /// Uses since the index was last held.
    pub(crate) fn journal(&self) -> PathBuf {
        self.index.join("journal")
    }

    /// What an expanded tree looked like, beside its folder.
    pub(crate) fn tree_manifest(&self, root: &Digest) -> PathBuf {
        self.trees.join(format!("{}.manifest", Self::short_name(root)))
    }

    /// The lock of all trees that share the first two digits of their digests.
    pub(crate) fn tree_lock(&self, root: &Digest) -> PathBuf {
        self.state.join(format!("tree-{}.lock", &root.hex()[..2]))
    }

    /// The name of a tree's folder below `trees/`.
    pub(crate) fn short_name(digest: &Digest) -> String {
        let mut name = digest.hex();
        name.truncate(SHORT_NAME_LEN);
        name
    }
}

fn sharded(folder: &Path, hex: &str) -> PathBuf {
    let mut path = PathBuf::with_capacity(folder.as_os_str().len() + hex.len() + 4);
    path.push(folder);
    path.push(&hex[..2]);
    path.push(hex);
    path
}
