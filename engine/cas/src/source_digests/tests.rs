//! Whether edits are seen, and whether files are hashed no more than needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wiz_base::DigestFunction;

use super::SourceDigests;
use crate::testing::{TestStore, path};

const BLAKE3: DigestFunction = DigestFunction::Blake3;

/// A workspace beside a file that remembers its digests.
struct Workspace {
    store: TestStore,
}

impl Workspace {
    fn new() -> Self {
        let workspace = Self { store: TestStore::new() };
        workspace.write("a", "one");
        workspace.write("folder/b", "two");
        workspace.store.next_tick();
        workspace
    }

    fn write(&self, name: &str, content: &str) {
        let place = self.store.outside(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    fn load(&self) -> SourceDigests {
        SourceDigests::load(&self.store.outside("state/sources"), BLAKE3)
    }

    fn content_is(&self, digests: &SourceDigests, name: &str, content: &str) -> bool {
        let found = digests.get(self.store.folder.path(), &path(name)).unwrap();
        found.digest == BLAKE3.digest(content.as_bytes())
    }

    fn remembered(&self) -> Vec<String> {
        let state = self.load().state.into_inner().unwrap();
        state.known.keys().map(ToString::to_string).collect()
    }
}

#[test]
fn settled_files_are_remembered_and_edits_seen() {
    let workspace = Workspace::new();
    let digests = workspace.load();
    assert!(workspace.content_is(&digests, "a", "one"));
    assert!(workspace.content_is(&digests, "folder/b", "two"));
    digests.save().unwrap();
    assert_eq!(workspace.remembered(), ["a", "folder/b"]);
    for content in ["six", "longer"] {
        workspace.write("a", content);
        assert!(workspace.content_is(&workspace.load(), "a", content));
        assert!(workspace.content_is(&digests, "a", content));
    }
}

#[test]
fn what_is_remembered_is_not_hashed_again() {
    let workspace = Workspace::new();
    let digests = workspace.load();
    workspace.content_is(&digests, "a", "one");
    digests.save().unwrap();
    let again = workspace.load();
    assert!(workspace.content_is(&again, "a", "one"));
    assert!(again.started.get().is_none(), "nothing was hashed");
    again.save().unwrap();
}

#[test]
fn a_file_changed_since_hashing_began_is_not_remembered() {
    let workspace = Workspace::new();
    let digests = workspace.load();
    workspace.content_is(&digests, "a", "one");
    // The same length within the same tick: only hashing again can tell.
    for content in ["abc", "abd", "abe"] {
        workspace.write("folder/b", content);
        assert!(workspace.content_is(&digests, "folder/b", content));
    }
    digests.save().unwrap();
    assert_eq!(workspace.remembered(), ["a"]);
}

#[test]
fn garbage_and_another_function_remember_nothing() {
    let workspace = Workspace::new();
    let digests = workspace.load();
    workspace.content_is(&digests, "a", "one");
    digests.save().unwrap();
    let file = workspace.store.outside("state/sources");
    let bytes = fs::read(&file).unwrap();
    for garbage in [&b""[..], b"garbage", &bytes[..bytes.len() - 3]] {
        fs::write(&file, garbage).unwrap();
        assert!(workspace.remembered().is_empty());
        assert!(workspace.content_is(&workspace.load(), "a", "one"));
    }
    fs::write(&file, bytes).unwrap();
    assert_eq!(workspace.remembered(), ["a"]);
    let other = SourceDigests::load(&file, DigestFunction::Sha256);
    let found = other.get(workspace.store.folder.path(), &path("a")).unwrap();
    assert_eq!(found.digest, DigestFunction::Sha256.digest(b"one"));
}

#[test]
fn two_processes_keep_what_both_found() {
    let workspace = Workspace::new();
    let (one, two) = (workspace.load(), workspace.load());
    workspace.content_is(&one, "a", "one");
    workspace.content_is(&two, "folder/b", "two");
    one.save().unwrap();
    two.save().unwrap();
    assert_eq!(workspace.remembered(), ["a", "folder/b"]);
}

#[test]
fn removed_files_are_forgotten_and_modes_are_live() {
    let workspace = Workspace::new();
    let digests = workspace.load();
    workspace.content_is(&digests, "a", "one");
    digests.save().unwrap();
    let place = workspace.store.outside("a");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(digests.get(workspace.store.folder.path(), &path("a")).unwrap().executable);
    fs::remove_file(&place).unwrap();
    assert!(digests.get(workspace.store.folder.path(), &path("a")).is_err());
    std::os::unix::fs::symlink("folder/b", &place).unwrap();
    assert!(digests.get(workspace.store.folder.path(), &path("a")).is_err());
    digests.save().unwrap();
    assert!(workspace.remembered().is_empty());
}
