//! Canonical bytes, held against values worked out from the protocol's text.

use super::*;
use crate::digest::DigestFunction;
use proptest::prelude::*;

#[test]
fn the_empty_directory_is_no_bytes() {
    assert_eq!(Directory::new().encode(), b"");
    assert_eq!(Directory::new().digest(DigestFunction::Sha256), DigestFunction::Sha256.empty());
}

#[test]
fn entries_are_grouped_by_kind_and_ordered_by_name() {
    let mut directory = Directory::new();
    directory.insert("link", Node::Symlink("target".into())).unwrap();
    directory.insert("b", Node::File { digest: DigestFunction::Sha256.empty(), executable: false }).unwrap();
    directory.insert("a", Node::File { digest: DigestFunction::Sha256.empty(), executable: true }).unwrap();
    let empty = DigestFunction::Sha256.empty().hex();
    let file = |name: &str, executable: bool| {
        let mut digest = vec![0x0a, 64];
        digest.extend(empty.as_bytes());
        let mut node = vec![0x0a, 1];
        node.extend(name.as_bytes());
        node.extend([0x12, 66]);
        node.extend(digest);
        if executable {
            node.extend([0x20, 1]);
        }
        let mut entry = vec![0x0a, u8::try_from(node.len()).unwrap()];
        entry.extend(node);
        entry
    };
    let mut expected = file("a", true);
    expected.extend(file("b", false));
    expected.extend(b"\x1a\x0e\x0a\x04link\x12\x06target");
    assert_eq!(directory.encode(), expected);
    assert_eq!(Directory::decode(&expected), Ok(directory));
}

#[test]
fn other_spellings_are_refused() {
    let twice = b"\x1a\x06\x0a\x01a\x12\x01b\x1a\x06\x0a\x01a\x12\x01b";
    assert_eq!(Directory::decode(twice), Err(EncodingError::NotCanonical));
    let slash = b"\x1a\x08\x0a\x03a/b\x12\x01b";
    assert!(matches!(Directory::decode(slash), Err(EncodingError::Name { .. })));
    assert!(matches!(Directory::decode(b"\xff"), Err(EncodingError::Decode(_))));
}

#[test]
fn results_round_trip() {
    let result = ActionResult {
        output_root: DigestFunction::Blake3.digest(b"root"),
        log: Some(DigestFunction::Blake3.digest(b"log")),
        wall_ms: 12_345,
    };
    assert_eq!(ActionResult::decode(&result.encode()), Ok(result));
    assert!(ActionResult::decode(b"").is_err());
}

proptest! {
    #[test]
    fn directories_round_trip(names in prop::collection::btree_map("[a-zé.]{1,9}x", 0..3u8, 0..12)) {
        let mut directory = Directory::new();
        for (name, kind) in &names {
            let digest = DigestFunction::Blake3.digest(name.as_bytes());
            let node = match kind {
                0 => Node::File { digest, executable: name.len() % 2 == 0 },
                1 => Node::Directory(digest),
                _ => Node::Symlink(name.clone()),
            };
            directory.insert(name, node).unwrap();
        }
        prop_assert_eq!(Directory::decode(&directory.encode()).unwrap(), directory);
    }
}
