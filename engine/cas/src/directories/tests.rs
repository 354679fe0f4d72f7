//! Directories and trees over the store.

use expect_test::{Expect, expect};
use wiz_base::{Directory, Node};

use crate::testing::{TestStore, describe, overwrite, path, tree};
use crate::{StoreError, TreeBuilder, TreeError};

const TREE: &str = "
    etc/passwd root
    usr/bin/sh* elf
    usr/lib/
    lib -> usr/lib
";

#[test]
fn trees_are_walked_in_order() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    expect![[r#"
        etc/
        etc/passwd root
        lib -> usr/lib
        usr/
        usr/bin/
        usr/bin/sh* elf
        usr/lib/
    "#]]
    .assert_eq(&describe(&store, &root));
    assert_eq!(describe(&store.again(), &root), describe(&store, &root));
}

#[test]
fn the_empty_tree_needs_no_file() {
    let store = TestStore::new();
    let empty = store.put_directory(Directory::new()).unwrap();
    assert_eq!(empty, store.function().empty());
    assert_eq!(store.again().get_directory(&empty).unwrap().len(), 0);
}

fn check_subtree(at: &str, expected: Expect) {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let found = store.subtree(&root, &path(at)).unwrap();
    let text = found.map_or_else(
        || "nothing\n".to_owned(),
        |node| match node {
            Node::Directory(digest) => describe(&store, &digest),
            other => format!("{other:?}\n"),
        },
    );
    expected.assert_eq(&text);
}

#[test]
fn subtrees_are_found_by_path() {
    check_subtree("usr/bin", expect!["sh* elf\n"]);
    check_subtree(
        "lib",
        expect![[r#"
        Symlink("usr/lib")
    "#]],
    );
    check_subtree("lib/x", expect!["nothing\n"]);
    check_subtree("usr/share", expect!["nothing\n"]);
}

#[test]
fn inserting_replaces_and_leaves_the_rest_shared() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let node = Node::Symlink("busybox".to_owned());
    let changed = store.insert(&root, &path("usr/bin/sh"), node).unwrap();
    expect![[r#"
        etc/
        etc/passwd root
        lib -> usr/lib
        usr/
        usr/bin/
        usr/bin/sh -> busybox
        usr/lib/
    "#]]
    .assert_eq(&describe(&store, &changed));
    let etc = |root| store.subtree(root, &path("etc")).unwrap();
    assert_eq!(etc(&root), etc(&changed));
    let through = store.insert(&root, &path("lib/x"), Node::Symlink("y".to_owned()));
    assert!(matches!(through, Err(TreeError::NotDirectory { path: at }) if at == path("lib")));
}

#[test]
fn grafts_reach_into_stored_directories_and_refuse_to_overwrite() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let mut builder = TreeBuilder::new();
    builder.insert(&store, &path("build/root"), Node::Directory(root)).unwrap();
    builder.insert(&store, &path("build/root/etc/group"), Node::Symlink("passwd".to_owned())).unwrap();
    let again = builder.insert(&store, &path("build/root/etc/passwd"), Node::Symlink("group".to_owned()));
    assert!(matches!(again, Err(TreeError::Collision { .. })));
    builder.remove(&store, &path("build/root/usr")).unwrap();
    let built = builder.build(&store).unwrap();
    expect![[r#"
        build/
        build/root/
        build/root/etc/
        build/root/etc/group -> passwd
        build/root/etc/passwd root
        build/root/lib -> usr/lib
    "#]]
    .assert_eq(&describe(&store, &built));
}

#[test]
fn a_damaged_directory_is_lost_and_heals_when_stored_again() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    overwrite(&store.path_of(&root), &vec![b'x'; usize::try_from(root.size()).unwrap()]);
    let other = store.again();
    let error = other.get_directory(&root).unwrap_err();
    assert_eq!(error.lost(), Some(root));
    assert_eq!(tree(&other, TREE), root);
    assert_eq!(describe(&other, &root), describe(&store, &root));
}

#[test]
fn a_file_is_no_directory() {
    let store = TestStore::new();
    let file = store.put_bytes(b"\xff\xff").unwrap();
    assert!(matches!(store.get_directory(&file), Err(StoreError::NotDirectory { .. })));
}
