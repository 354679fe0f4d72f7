//! How fast the store is at what every build does most: hits, small blobs, looking
//! at an expanded tree, hashing. Prints figures; judges nothing.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs;
use std::time::Instant;

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction, Node};
use wiz_cas::{Store, StoreOptions, StoredResult, Transfer, TreeBuilder};

const RESULTS: u32 = 10_000;
const TREE_FILES: u32 = 10_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open =
        || Store::open(folder.path(), DigestFunction::Blake3, &StoreOptions::default()).expect("a store");
    let store = open();
    let keys = rate("results stored, each with its tree of 2 files", RESULTS, || fill(&store));
    store.sync_batch().expect("a durable batch");

    let reader = open();
    rate("hits: result read, tree complete", RESULTS, || {
        for key in &keys {
            let hit = reader.get_result(key).expect("a stored result");
            assert!(reader.is_complete(&hit.result), "everything is there");
        }
    });

    let root = large_tree(&store);
    rate("files expanded", TREE_FILES, || store.expand(&root).expect("a tree"));
    let looker = open();
    rate("files of an expanded tree looked at", TREE_FILES, || looker.expand(&root).expect("a tree"));

    let large = folder.path().join("large");
    fs::write(&large, vec![0x5a; 512 << 20]).expect("a large file");
    rate("MiB hashed and moved into the store", 512, || {
        store.put_file(&large, Transfer::Consume).expect("a blob")
    });
}

fn rate<T>(what: &str, count: u32, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{:>10.0}/s  {what} ({:.1} ms)", f64::from(count) / seconds, seconds * 1000.0);
    value
}

fn fill(store: &Store) -> Vec<Digest> {
    let mut keys = Vec::new();
    for index in 0..RESULTS {
        let mut tree = TreeBuilder::new();
        for name in ["bin/tool", "share/doc"] {
            let digest = store.put_bytes(format!("{name} {index}").as_bytes()).expect("a blob");
            let node = Node::File { digest, executable: false };
            tree.insert(store, &name.parse().expect("a path"), node).expect("a free path");
        }
        let output_root = tree.build(store).expect("a tree");
        let key = store.function().digest(&index.to_le_bytes());
        let result = ActionResult { output_root, log: None, wall_ms: 1 };
        store.put_result(&key, &StoredResult { result, manifest: vec![0; 500] }).expect("a result");
        keys.push(key);
    }
    keys
}

fn large_tree(store: &Store) -> Digest {
    let mut tree = TreeBuilder::new();
    for index in 0..TREE_FILES {
        let digest = store.put_bytes(format!("file {index} ").repeat(200).as_bytes()).expect("a blob");
        let path = format!("d{}/f{index}", index % 100).parse().expect("a path");
        tree.insert(store, &path, Node::File { digest, executable: false }).expect("a free path");
    }
    tree.build(store).expect("a tree")
}
