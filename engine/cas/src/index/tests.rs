//! One suite over every index, and what a broken one costs.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction};

use super::*;
use crate::testing::TestStore;
use crate::{Store, StoredResult};

fn key(text: &str) -> Digest {
    DigestFunction::Blake3.digest(text.as_bytes())
}

fn record(used: u64, note: &str) -> IndexRecord {
    IndexRecord { used, bytes: used * 10, note: note.to_owned() }
}

fn contents(index: &dyn Index) -> BTreeMap<Digest, IndexRecord> {
    let mut all = Vec::new();
    index.visit(&mut |key, record| all.push((key, record))).unwrap();
    assert!(all.is_sorted_by_key(|(key, _)| *key));
    all.into_iter().collect()
}

/// What every index must do; `reopen` gives the index back as a new process sees it.
fn conforms<I: Index>(mut index: I, reopen: impl Fn(I) -> I) {
    assert_eq!(index.get(&key("a")).unwrap(), None);
    assert!(contents(&index).is_empty());
    index.put(&key("a"), &record(1, "one")).unwrap();
    index.put(&key("b"), &record(2, "zwei\tü")).unwrap();
    index.put(&key("a"), &record(3, "")).unwrap();
    index.remove(&key("missing")).unwrap();
    assert_eq!(index.get(&key("a")).unwrap(), Some(record(3, "")));
    index.flush().unwrap();
    let mut index = reopen(index);
    let both = BTreeMap::from([(key("a"), record(3, "")), (key("b"), record(2, "zwei\tü"))]);
    assert_eq!(contents(&index), both);
    index.remove(&key("a")).unwrap();
    assert_eq!(index.get(&key("a")).unwrap(), None);
    index.flush().unwrap();
    assert_eq!(contents(&reopen(index)).len(), 1);
}

#[test]
fn the_index_in_memory_conforms() {
    conforms(MemoryIndex::new(), |index| index);
}

#[test]
fn the_index_in_sled_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(SledIndex::open(folder.path()).unwrap(), |index| {
        drop(index);
        SledIndex::open(folder.path()).unwrap()
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_indexes_answer_alike(steps in prop::collection::vec(("[a-f]", 0..100u64, 0..4u8), 0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = MemoryIndex::new();
        let mut sled = SledIndex::open(folder.path()).unwrap();
        for (name, used, step) in steps {
            for index in [&mut memory as &mut dyn Index, &mut sled] {
                if step == 0 {
                    index.remove(&key(&name)).unwrap();
                } else {
                    index.put(&key(&name), &record(used, &name)).unwrap();
                }
            }
            prop_assert_eq!(memory.get(&key(&name)).unwrap(), sled.get(&key(&name)).unwrap());
        }
        prop_assert_eq!(contents(&memory), contents(&sled));
    }
}

fn put_result(store: &Store, name: &str) {
    let result = ActionResult { output_root: store.function().empty(), log: None, wall_ms: 0 };
    store.put_result(&key(name), &StoredResult { result, manifest: Vec::new() }).unwrap();
}

#[test]
fn uses_are_folded_in_by_whoever_holds_the_index() {
    let store = TestStore::new();
    let uses = |used, note| [Use { key: key("a"), record: record(used, note) }];
    store.note_uses(&uses(5, "zlib")).unwrap();
    let held = store.hold_index().unwrap().unwrap();
    assert_eq!(held.get(&key("a")).unwrap(), Some(record(5, "zlib")));
    assert!(store.again().hold_index().unwrap().is_none(), "one process at a time");
    store.note_uses(&uses(9, "")).unwrap();
    store.note_uses(&uses(7, "older")).unwrap();
    drop(held);
    let held = store.again().hold_index().unwrap().unwrap();
    assert_eq!(held.get(&key("a")).unwrap(), Some(record(9, "older")));
    assert!(!held.was_rebuilt());
    assert!(!store.layout().journal().exists());
}

#[test]
fn damaged_journal_lines_are_left_out() {
    let store = TestStore::new();
    let journal = store.layout().journal();
    fs::write(&journal, "garbage\n\u{0}\n0123456789abcdef 1 2 x y\n").unwrap();
    store.note_uses(&[Use { key: key("a"), record: record(5, "a b") }]).unwrap();
    let text = fs::read_to_string(&journal).unwrap();
    let cut = &text[..text.len() - 3];
    fs::write(&journal, format!("{text}{cut}")).unwrap();
    assert_eq!(read_journal(&journal), [Use { key: key("a"), record: record(5, "a b") }]);
}

#[test]
fn a_journal_left_by_a_killed_process_is_folded() {
    let store = TestStore::new();
    store.note_uses(&[Use { key: key("a"), record: record(5, "") }]).unwrap();
    let journal = store.layout().journal();
    fs::rename(&journal, journal.with_extension("folding")).unwrap();
    store.note_uses(&[Use { key: key("b"), record: record(6, "") }]).unwrap();
    assert_eq!(contents(&*store.hold_index().unwrap().unwrap()).len(), 2);
}

/// Breaks the index in one way and expects it to be made again from the results.
fn check_broken(break_it: impl Fn(&std::path::Path)) {
    let store = TestStore::new();
    put_result(&store, "a");
    put_result(&store, "b");
    let mut held = store.hold_index().unwrap().unwrap();
    held.flush().unwrap();
    drop(held);
    break_it(&store.layout().index.join("db"));
    let mut held = store.hold_index().unwrap().unwrap();
    assert!(held.was_rebuilt());
    assert_eq!(contents(&*held).into_keys().collect::<Vec<_>>(), {
        let mut keys = vec![key("a"), key("b")];
        keys.sort_unstable();
        keys
    });
    held.put(&key("c"), &record(1, "")).unwrap();
    held.flush().unwrap();
    drop(held);
    let held = store.hold_index().unwrap().unwrap();
    assert!(!held.was_rebuilt());
    assert_eq!(contents(&*held).len(), 3);
}

#[test]
fn a_broken_index_is_made_again() {
    check_broken(|db| fs::remove_dir_all(db).unwrap());
    check_broken(|db| {
        fs::remove_dir_all(db).unwrap();
        fs::write(db, "a file in its place").unwrap();
    });
    check_broken(|db| fs::write(db.join("conf"), "garbage, long enough to be read as settings").unwrap());
    check_broken(|db| {
        for entry in fs::read_dir(db).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                fs::write(entry.path(), vec![0x5a; 100_000]).unwrap();
            }
        }
    });
}

#[test]
fn a_lock_about_to_be_given_back_is_waited_for() {
    let store = TestStore::new();
    let mut held = store.hold_index().unwrap().unwrap();
    held.put(&key("a"), &record(1, "")).unwrap();
    held.flush().unwrap();
    drop(held);
    let database = fs::File::open(store.layout().index.join("db/db")).unwrap();
    database.lock().unwrap();
    let held = std::thread::scope(|scope| {
        let opening = scope.spawn(|| store.hold_index().unwrap().unwrap());
        drop(database);
        opening.join().unwrap()
    });
    assert!(!held.was_rebuilt());
    assert_eq!(contents(&*held).len(), 1);
}

#[test]
fn a_value_of_another_key_is_absent() {
    let value = record(1, "x").encode(&key("a"));
    assert_eq!(IndexRecord::decode(&key("a"), &value), Some(record(1, "x")));
    assert_eq!(IndexRecord::decode(&key("b"), &value), None);
}
