//! Expanded trees, and what happens when somebody touches them.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use expect_test::expect;

use crate::testing::{TestStore, overwrite, tree};
use crate::{Capture, Store, TREE_TIME};

const TREE: &str = "
    bin/sh* elf
    bin/ash -> sh
    etc/passwd root
    etc/group root
    empty/
    none/file.d/x y
";

/// Every entry with what makes trees alike, walked like `find`.
fn listing(folder: &Path) -> String {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut text = String::new();
    for path in names {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.mtime(), TREE_TIME, "{path:?}");
        let links = if metadata.is_dir() { 0 } else { metadata.nlink() };
        let name = path.file_name().unwrap().to_str().unwrap();
        text.push_str(&format!("{:o} {links} {name}\n", metadata.mode()));
        if metadata.is_dir() {
            text.push_str(&listing(&path));
        }
    }
    text
}

#[test]
fn trees_become_folders_with_plain_modes_and_one_time() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let expanded = store.expand(&root).unwrap();
    assert_eq!(expanded.path, store.trees_folder().join(&expanded.name));
    assert_eq!(expanded.name.len(), 24);
    assert_eq!(fs::metadata(&expanded.path).unwrap().mtime(), TREE_TIME);
    expect![[r#"
        40755 0 bin
        120777 1 ash
        100755 1 sh
        40755 0 empty
        40755 0 etc
        100644 1 group
        100644 1 passwd
        40755 0 none
        40755 0 file.d
        100644 1 x
    "#]]
    .assert_eq(&listing(&expanded.path));
    let captured = store.capture(&expanded.path, &Capture::sources()).unwrap();
    assert_eq!((captured.root, captured.odd), (root, Vec::new()));
}

#[test]
fn a_whole_tree_is_used_as_it_is() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let inode = |store: &Store| {
        let path = store.expand(&root).unwrap().path;
        (fs::metadata(&path).unwrap().ino(), fs::metadata(path.join("bin/sh")).unwrap().ino())
    };
    let first = inode(&store);
    assert_eq!(inode(&store), first);
    assert_eq!(inode(&store.again()), first);
}

/// Touches the expanded tree in one way; the next store must hand it out repaired.
fn check_touched(touch: impl Fn(&Path)) {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let path = store.expand(&root).unwrap().path;
    store.next_tick();
    touch(&path);
    let again = store.again();
    assert_eq!(again.expand(&root).unwrap().path, path);
    let captured = again.capture(&path, &Capture::sources()).unwrap();
    assert_eq!((captured.root, captured.odd), (root, Vec::new()));
    assert!(listing(&path).contains("100755 1 sh\n"));
}

#[test]
fn touched_trees_are_made_again() {
    check_touched(|path| fs::write(path.join("etc/passwd"), "evil").unwrap());
    check_touched(|path| fs::write(path.join("etc/passwd"), "longer than before").unwrap());
    check_touched(|path| fs::remove_file(path.join("etc/group")).unwrap());
    check_touched(|path| fs::write(path.join("etc/extra"), "x").unwrap());
    check_touched(|path| fs::create_dir(path.join("empty/extra")).unwrap());
    check_touched(|path| fs::hard_link(path.join("etc/group"), path.join("../link")).unwrap());
    check_touched(|path| fs::rename(path.join("etc/group"), path.join("etc/shadow")).unwrap());
    check_touched(|path| fs::remove_dir_all(path).unwrap());
    check_touched(|path| {
        fs::remove_dir_all(path).unwrap();
        fs::write(path, "a file in its place").unwrap();
    });
    check_touched(|path| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(path.join("bin/sh"), mode).unwrap();
    });
    check_touched(|path| {
        fs::remove_file(path.join("bin/ash")).unwrap();
        symlink("/bin/false", path.join("bin/ash")).unwrap();
    });
    check_touched(|path| {
        // Putting the time back does not hide an edit.
        let file = fs::File::options().write(true).open(path.join("etc/passwd")).unwrap();
        let time = file.metadata().unwrap().modified().unwrap();
        fs::write(path.join("etc/passwd"), "evil").unwrap();
        file.set_modified(time).unwrap();
    });
}

#[test]
fn a_tree_without_a_sound_manifest_is_made_again() {
    let manifest = |path: &Path| path.with_extension("manifest");
    check_touched(|path| fs::remove_file(manifest(path)).unwrap());
    check_touched(|path| fs::write(manifest(path), "garbage").unwrap());
    check_touched(|path| {
        let bytes = fs::read(manifest(path)).unwrap();
        fs::write(manifest(path), &bytes[..bytes.len() / 2]).unwrap();
    });
}

#[test]
fn a_tree_from_before_a_crash_is_made_again() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let inode = |store: &Store| fs::metadata(store.expand(&root).unwrap().path).unwrap().ino();
    let first = inode(&store);
    store.next_tick();
    let second = store.again_after_boot("crashed");
    store.next_tick();
    let made = inode(&second);
    assert_ne!(made, first);
    assert_eq!(inode(&store.again_after_boot("crashed")), made);
    store.next_tick();
    second.sync_batch().unwrap();
    assert_eq!(inode(&store.again_after_boot("again")), made);
}

#[test]
fn a_damaged_blob_is_lost_and_nothing_half_made_stays() {
    let store = TestStore::new();
    let root = tree(&store, TREE);
    let digest = store.put_bytes(b"elf").unwrap();
    overwrite(&store.path_of(&digest), b"bad");
    let again = store.again();
    assert_eq!(again.expand(&root).unwrap_err().lost(), Some(digest));
    assert_eq!(fs::read_dir(store.trees_folder()).unwrap().count(), 0);
    again.put_bytes(b"elf").unwrap();
    assert!(again.expand(&root).unwrap().path.join("bin/sh").exists());
}

#[test]
fn many_expand_the_same_trees_at_once() {
    let store = TestStore::new();
    let text: String = (0..200).map(|index| format!("d{}/f{index} {index}\n", index % 5)).collect();
    let roots = [tree(&store, &text), tree(&store, TREE)];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let own = store.again();
            for root in roots.iter().chain(&roots) {
                let own = own.clone();
                scope.spawn(move || own.expand(root).unwrap());
            }
        }
    });
    for root in roots {
        let path = store.expand(&root).unwrap().path;
        assert_eq!(store.capture(&path, &Capture::sources()).unwrap().root, root);
    }
    use rayon::prelude::*;
    let other = store.again();
    [roots, roots].concat().par_iter().for_each(|root| drop(other.expand(root).unwrap()));
}

#[test]
fn merged_trees_expand_together() {
    let store = TestStore::new();
    let trees = [tree(&store, "usr/a 1"), tree(&store, "usr/b 2"), tree(&store, "usr/a 3")];
    let path = store.expand_merged(&trees[..2]).unwrap().path;
    assert!(path.join("usr/a").exists() && path.join("usr/b").exists());
    assert!(store.expand_merged(&trees).is_err());
}

#[test]
fn large_files_are_copied_whole() {
    let store = TestStore::new();
    let bytes = vec![42; (3 << 20) + 1];
    let digest = store.put_bytes(&bytes).unwrap();
    let node = wiz_base::Node::File { digest, executable: true };
    let root = store.insert(&store.merge(&[]).unwrap(), &crate::testing::path("big"), node).unwrap();
    let path = store.again().expand(&root).unwrap().path;
    assert!(fs::read(path.join("big")).unwrap() == bytes);
}
