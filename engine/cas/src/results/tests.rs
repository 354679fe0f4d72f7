//! Results, and what counts as having none.

use std::fs;

use wiz_base::DigestFunction;
use wiz_base::reapi::ActionResult;

use super::StoredResult;
use crate::testing::{TestStore, tree};

fn key(text: &str) -> wiz_base::Digest {
    DigestFunction::Blake3.digest(text.as_bytes())
}

fn stored(store: &TestStore) -> StoredResult {
    let output_root = tree(store, "usr/bin/a* elf\nusr/lib/b so");
    let log = Some(store.put_bytes(b"log").unwrap());
    StoredResult { result: ActionResult { output_root, log, wall_ms: 12 }, manifest: b"why".to_vec() }
}

#[test]
fn results_come_back_for_their_key_only() {
    let store = TestStore::new();
    let first = stored(&store);
    store.put_result(&key("a"), &first).unwrap();
    assert_eq!(store.again().get_result(&key("a")), Some(first.clone()));
    assert_eq!(store.get_result(&key("b")), None);
    let second = StoredResult { manifest: Vec::new(), ..first };
    store.put_result(&key("a"), &second).unwrap();
    assert_eq!(store.again().get_result(&key("a")), Some(second));
}

#[test]
fn a_defective_result_is_none_and_is_set_aside() {
    let store = TestStore::new();
    let good = stored(&store);
    let path = store.layout().result(&key("a"));
    store.put_result(&key("a"), &good).unwrap();
    let bytes = fs::read(&path).unwrap();
    let mut flipped = bytes.clone();
    flipped[20] ^= 1;
    store.put_result(&key("b"), &good).unwrap();
    let other = fs::read(store.layout().result(&key("b"))).unwrap();
    for defect in [&bytes[..bytes.len() - 1], b"", &flipped, b"garbage", &other] {
        fs::write(&path, defect).unwrap();
        assert_eq!(store.get_result(&key("a")), None);
        assert!(!path.exists());
        store.put_result(&key("a"), &good).unwrap();
        assert_eq!(store.get_result(&key("a")), Some(good.clone()));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(store.get_result(&key("a")), None);
}

#[test]
fn a_result_is_complete_only_with_every_blob() {
    let store = TestStore::new();
    let result = stored(&store).result;
    assert!(store.again().is_complete(&result));
    let usr = match store.subtree(&result.output_root, &crate::testing::path("usr")) {
        Ok(Some(wiz_base::Node::Directory(usr))) => usr,
        other => panic!("{other:?}"),
    };
    for blob in [result.output_root, usr, key("elf"), key("so"), key("log")] {
        let path = store.path_of(&blob);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!store.again().is_complete(&result), "{blob}");
        fs::write(&path, &bytes).unwrap();
        assert!(store.again().is_complete(&result));
    }
}
