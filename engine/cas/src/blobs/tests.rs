//! Blobs, and what happens to them when the disk is not kind.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use wiz_base::DigestFunction;

use crate::testing::{TestStore, files_below, overwrite};
use crate::{Loss, Store, StoreError, StoreOptions, Transfer};

/// Sizes on both sides of every threshold.
const SIZES: [usize; 5] = [0, 1, 70_000, (1 << 20) + 1, (5 << 20) + 3];

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index * 7 % 253) as u8).collect()
}

#[test]
fn every_way_in_leads_to_the_same_blob() {
    for size in SIZES {
        let store = TestStore::new();
        let content = bytes(size);
        let file = store.outside("file");
        fs::write(&file, &content).unwrap();
        let digest = store.put_file(&file, Transfer::Keep).unwrap();
        assert_eq!(digest, DigestFunction::Blake3.digest(&content));
        assert_eq!(store.put_bytes(&content).unwrap(), digest);
        assert_eq!(store.put_reader(&mut &content[..]).unwrap(), digest);
        assert_eq!(store.put_file(&file, Transfer::Consume).unwrap(), digest);
        assert!(!file.exists());
        assert!(store.again().read(&digest).unwrap() == content);
        assert!(store.read(&digest).unwrap() == content);
    }
}

#[test]
fn a_consumed_file_becomes_the_blob_itself() {
    let store = TestStore::new();
    let file = store.outside("file");
    fs::write(&file, bytes(2 << 20)).unwrap();
    let inode = fs::metadata(&file).unwrap().ino();
    let digest = store.put_file(&file, Transfer::Consume).unwrap();
    let blob = fs::metadata(store.path_of(&digest)).unwrap();
    assert_eq!((blob.ino(), blob.mode() & 0o7777), (inode, 0o444));
}

#[test]
fn a_consumed_file_with_another_link_is_copied() {
    let store = TestStore::new();
    let (file, link) = (store.outside("file"), store.outside("link"));
    fs::write(&file, "text").unwrap();
    fs::hard_link(&file, &link).unwrap();
    let digest = store.put_file(&file, Transfer::Consume).unwrap();
    fs::write(&link, "evil").unwrap();
    assert_eq!(store.again().read(&digest).unwrap(), b"text");
}

#[test]
fn links_and_folders_are_not_files() {
    let store = TestStore::new();
    std::os::unix::fs::symlink("/etc/passwd", store.outside("link")).unwrap();
    assert!(store.put_file(&store.outside("link"), Transfer::Keep).is_err());
    let folder = store.put_file(store.folder.path(), Transfer::Keep);
    assert!(matches!(folder, Err(StoreError::NotRegular { .. })));
}

/// Damages a stored blob in one way and expects it lost, set aside, and healed.
fn check_damage(size: usize, damage: impl Fn(&std::path::Path), loss: Loss, seen_without_reading: bool) {
    let store = TestStore::new();
    let content = bytes(size);
    let digest = store.put_bytes(&content).unwrap();
    assert!(store.contains(&digest));
    damage(&store.path_of(&digest));
    // The process that wrote it must notice, and another one too.
    for store in [store.again(), store.store.clone()] {
        assert_eq!(store.contains(&digest), !seen_without_reading);
        let expected = if seen_without_reading { Loss::Missing } else { loss };
        let error = store.read(&digest).unwrap_err();
        assert!(matches!(error, StoreError::Lost { loss, .. } if loss == expected), "{error}");
        assert!(store.open_verified(&digest).is_err());
        assert!(!store.contains(&digest));
        assert_eq!(store.put_bytes(&content).unwrap(), digest);
        assert!(store.read(&digest).unwrap() == content);
        damage(&store.path_of(&digest));
    }
}

#[test]
fn damaged_blobs_are_lost_and_heal() {
    for size in [10, 200_000] {
        check_damage(size, |path| fs::remove_file(path).unwrap(), Loss::Missing, true);
        check_damage(size, |path| overwrite(path, &bytes(size / 2)), Loss::Damaged, true);
        check_damage(size, |path| overwrite(path, &vec![9; size]), Loss::Damaged, false);
    }
}

#[test]
fn copies_have_plain_modes_and_are_checked() {
    let store = TestStore::new();
    let digest = store.put_bytes(b"text").unwrap();
    for (name, executable, mode) in [("a", false, 0o644), ("b", true, 0o755)] {
        let copy = store.outside(name);
        store.copy_to(&digest, &copy, executable).unwrap();
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, mode);
        assert_eq!(fs::read(&copy).unwrap(), b"text");
    }
    overwrite(&store.path_of(&digest), b"tex!");
    assert!(store.copy_to(&digest, &store.outside("c"), false).is_err());
    assert!(!store.outside("c").exists());
}

#[test]
fn a_cache_that_cannot_be_written_says_so() {
    for cache in ["/dev/null/cache", "/proc/wiz-cache"] {
        let opened = Store::open(cache.as_ref(), DigestFunction::Blake3, &StoreOptions::default());
        let text = opened.unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("the cache folder `{cache}/v1-blake3` cannot be written")),
            "{text}"
        );
        assert!(text.contains("hint: "), "{text}");
    }
}

#[test]
fn after_a_crash_what_was_not_durable_is_hashed_before_it_counts() {
    let store = TestStore::new();
    let durable = store.put_bytes(b"durable").unwrap();
    store.next_tick();
    store.sync_batch().unwrap();
    let good = store.put_bytes(b"good").unwrap();
    let zeroed = store.put_bytes(b"zeroed").unwrap();
    overwrite(&store.path_of(&zeroed), &[0; 6]);
    store.next_tick();
    assert!(store.again().contains(&zeroed), "without a crash only the size is looked at");

    let restarted = store.again_after_boot("next");
    assert!(!restarted.contains(&zeroed));
    store.next_tick();
    assert!(restarted.contains(&good));
    overwrite(&store.path_of(&good), b"evil");
    // Good ones are not hashed again by the next process, damaged or not.
    overwrite(&store.path_of(&durable), &[0; 7]);
    let next = store.again_after_boot("next");
    assert!(next.contains(&durable) && next.contains(&good));
    // Another boot adds to what is suspect, and leaves out what is durable.
    next.put_bytes(b"more").unwrap();
    store.next_tick();
    next.sync_batch().unwrap();
    assert!(store.again_after_boot("third").contains(&durable));
}

#[test]
fn a_lost_durability_record_makes_everything_suspect() {
    let store = TestStore::new();
    let zeroed = store.put_bytes(b"zeroed").unwrap();
    store.sync_batch().unwrap();
    overwrite(&store.path_of(&zeroed), &[0; 6]);
    for garbage in ["", "garbage", "wiz-durability-1 next x y\n"] {
        overwrite(&store.layout().durable(), garbage.as_bytes());
        overwrite(&store.layout().boot(), garbage.as_bytes());
        let _ = store.again_after_boot("next");
    }
    assert!(!store.again_after_boot("next").contains(&zeroed));
}

#[test]
fn dead_processes_temporary_files_are_swept_and_living_ones_kept() {
    let store = TestStore::new();
    let scratch = store.scratch().unwrap();
    let dead = store.layout().temporary.join("1-0");
    fs::create_dir_all(dead.join("0/folder")).unwrap();
    fs::write(dead.join("0/folder/file"), "half").unwrap();
    fs::set_permissions(dead.join("0/folder"), fs::Permissions::from_mode(0o555)).unwrap();
    let other = store.again();
    other.put_bytes(b"x").unwrap();
    assert!(!dead.exists());
    assert!(scratch.path().exists());
    drop((other, scratch));
    assert_eq!(files_below(&store.layout().temporary).len(), 0);
}

#[test]
fn threads_and_stores_put_the_same_things_at_once() {
    let store = TestStore::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let own = store.again();
            scope.spawn(move || {
                for round in 0..50 {
                    let digest = own.put_bytes(&bytes(round * 100)).unwrap();
                    assert_eq!(own.read(&digest).unwrap().len(), round * 100);
                }
            });
        }
    });
    assert_eq!(files_below(&store.layout().blobs).len(), 49);
}
