//! What the tests of this crate share: a store in a folder of its own, and trees
//! written as text. Compiled for tests only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use wiz_base::{Digest, DigestFunction, Node, RelPath};

use crate::{Store, StoreOptions, TreeBuilder};

/// A store that goes with the value.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("cache"), "boot");
        Self { store, folder }
    }

    /// The same cache folder as another process would see it.
    pub(crate) fn again(&self) -> Store {
        self.again_after_boot("boot")
    }

    /// The same cache folder after the machine was started again.
    pub(crate) fn again_after_boot(&self, boot: &str) -> Store {
        open(&self.folder.path().join("cache"), boot)
    }

    /// Waits until a file made now is younger than all made before.
    pub(crate) fn next_tick(&self) {
        let probe = self.outside("probe");
        let now = || {
            let _ = fs::remove_file(&probe);
            fs::write(&probe, "").unwrap();
            fs::metadata(&probe).unwrap().modified().unwrap()
        };
        let before = now();
        while now() == before {}
    }

    /// A path outside the cache on the same disk.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn open(cache: &Path, boot: &str) -> Store {
    let options = StoreOptions { boot_id: Some(boot.to_owned()) };
    Store::open(cache, DigestFunction::Blake3, &options).unwrap()
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// Stores a tree written one entry a line: `path text`, `path* text` for an
/// executable, `path -> target`, `path/`.
pub(crate) fn tree(store: &Store, text: &str) -> Digest {
    let mut builder = TreeBuilder::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((name, target)) = line.split_once(" -> ") {
            builder.insert(store, &path(name), Node::Symlink(target.to_owned())).unwrap();
        } else if let Some((name, content)) = line.split_once(' ') {
            let digest = store.put_bytes(content.as_bytes()).unwrap();
            let executable = name.ends_with('*');
            let node = Node::File { digest, executable };
            builder.insert(store, &path(name.trim_end_matches('*')), node).unwrap();
        } else {
            builder.directory(store, &path(line.trim_end_matches('/'))).unwrap();
        }
    }
    builder.build(store).unwrap()
}

/// The reverse of [`tree`], with every directory on a line.
pub(crate) fn describe(store: &Store, root: &Digest) -> String {
    let mut text = String::new();
    for entry in store.walk(root) {
        let (path, node) = entry.unwrap();
        match node {
            Node::Directory(_) => writeln!(text, "{path}/").unwrap(),
            Node::Symlink(target) => writeln!(text, "{path} -> {target}").unwrap(),
            Node::File { digest, executable } => {
                let content = String::from_utf8(store.read(&digest).unwrap()).unwrap();
                writeln!(text, "{path}{} {content}", if executable { "*" } else { "" }).unwrap();
            }
        }
    }
    text
}

/// All regular files below `folder` with their sizes, but no locks.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries.flatten() {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else if entry.file_name() != ".lock" {
            files.insert(entry.path(), entry.metadata().unwrap().len());
        }
    }
    files
}

/// Replaces a read-only file's content in place.
pub(crate) fn overwrite(path: &Path, bytes: &[u8]) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(path, mode).unwrap();
    fs::write(path, bytes).unwrap();
}
