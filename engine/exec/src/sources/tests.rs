//! Sources through links, changes and strange files.

use std::os::unix::fs::symlink;

use expect_test::{Expect, expect};
use wiz_cas::StoreOptions;

use super::*;

struct Workspace {
    _home: tempfile::TempDir,
    root: PathBuf,
    sources: Sources,
    store: Store,
}

fn workspace() -> Workspace {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("workspace");
    fs::create_dir_all(root.join("pkg/sub")).unwrap();
    fs::write(root.join("pkg/file"), "hi").unwrap();
    fs::write(root.join("pkg/sub/other"), "there").unwrap();
    symlink("sub/other", root.join("pkg/link")).unwrap();
    symlink("../../secret", root.join("pkg/escape")).unwrap();
    symlink("sub", root.join("pkg/door")).unwrap();
    fs::write(home.path().join("secret"), "no").unwrap();
    let store =
        Store::open(&home.path().join("cache"), wiz_base::DigestFunction::Blake3, &StoreOptions::default())
            .unwrap();
    let state = home.path().join("state");
    let stamps = Arc::new(Stamps::begin(&root, &state.join("touched")).unwrap());
    let sources = Sources::open(&root, &state, &store, stamps).unwrap();
    Workspace { _home: home, root, sources, store }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(text: &str, expected: Expect) {
    let shown = match workspace().sources.node(&path(text)) {
        Ok(Node::File { digest, executable }) => format!("file of {} bytes, {executable}", digest.size()),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn links_are_followed_within_the_workspace_only() {
    check("pkg/file", expect!["file of 2 bytes, false"]);
    check("pkg/link", expect!["file of 5 bytes, false"]);
    check("pkg/door/other", expect!["file of 5 bytes, false"]);
    check(
        "pkg/escape",
        expect![[r#"
            `pkg/escape` leads out of the workspace
            hint: copy what it points to, or fetch it as a source"#]],
    );
    check("pkg/nothing", expect!["`pkg/nothing` does not exist in the workspace"]);
    check("pkg/file/below", expect!["`pkg/file/below` does not exist in the workspace"]);
}

#[test]
fn folders_keep_their_links_and_nothing_is_stored_before_it_is_needed() {
    let workspace = workspace();
    let node = workspace.sources.node(&path("pkg")).unwrap();
    let Node::Directory(root) = node else { panic!("a folder") };
    let lines: Vec<_> = workspace
        .store
        .walk(&root)
        .map(|entry| match entry.unwrap() {
            (path, Node::Symlink(target)) => format!("{path} -> {target}"),
            (path, _) => path.to_string(),
        })
        .collect();
    let expected = ["door -> sub", "escape -> ../../secret", "file", "link -> sub/other", "sub", "sub/other"];
    assert_eq!(lines, expected);
    let file = wiz_base::DigestFunction::Blake3.digest(b"hi");
    assert!(!workspace.store.contains(&file));
    workspace.sources.keep(&path("pkg"), &Node::Directory(root)).unwrap();
    assert!(workspace.store.contains(&file));
}

#[test]
fn a_change_between_looking_and_storing_is_noticed() {
    let workspace = workspace();
    let node = workspace.sources.node(&path("pkg/file")).unwrap();
    fs::write(workspace.root.join("pkg/file"), "changed").unwrap();
    let error = workspace.sources.keep(&path("pkg/file"), &node).unwrap_err();
    assert!(matches!(error, SourceError::Changed { .. }), "{error}");
}

#[test]
fn text_is_read_whether_stored_or_not() {
    let workspace = workspace();
    let Node::File { digest, .. } = workspace.sources.node(&path("pkg/link")).unwrap() else {
        panic!("a file")
    };
    assert_eq!(workspace.sources.read(&digest).unwrap(), b"there");
    let unknown = wiz_base::DigestFunction::Blake3.digest(b"unknown");
    assert!(matches!(workspace.sources.read(&unknown), Err(SourceError::Store(StoreError::Lost { .. }))));
}
