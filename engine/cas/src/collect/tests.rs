//! What a collection keeps and drops, and what verification finds.

use std::collections::BTreeSet;
use std::fs;

use expect_test::{Expect, expect};
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction};

use crate::testing::{TestStore, files_below, overwrite, tree};
use crate::{IndexRecord, Item, Store, StoredResult, Use, Verified};

fn key(name: &str) -> Digest {
    DigestFunction::Blake3.digest(name.as_bytes())
}

/// Results `a`, `b`, `c` of 100 kB each, used at 1, 2 and 3 hours after each other,
/// later than their files were made; `b` and `c` share half of it.
fn three_results() -> TestStore {
    let store = TestStore::new();
    let shared = "s".repeat(50_000);
    for (hour, name) in [(1, "a"), (2, "b"), (3, "c")] {
        let half = name.repeat(50_000);
        let other = if name == "a" { "x".repeat(50_000) } else { shared.clone() };
        put_result(&store, name, &format!("own {half}\nother {other}"));
        let record = IndexRecord { used: 4_000_000_000 + hour * 3600, ..IndexRecord::default() };
        store.note_uses(&[Use { key: key(name), record }]).unwrap();
    }
    store.end_lease();
    store
}

fn put_result(store: &Store, name: &str, files: &str) {
    let result = ActionResult { output_root: tree(store, files), log: None, wall_ms: 0 };
    store.put_result(&key(name), &StoredResult { result, manifest: Vec::new() }).unwrap();
}

fn name(item: &Item) -> String {
    match item {
        Item::Tree(_) => "a tree".to_owned(),
        Item::Result(found) => {
            let known = ["a", "b", "c"].into_iter().find(|name| key(name) == *found);
            known.unwrap_or("an unreadable result").to_owned()
        }
    }
}

/// Collects and checks that exactly what is kept can still be used.
fn check(store: &TestStore, budget: u64, expected: Expect) {
    let collector = store.again();
    let mut text = String::new();
    let mut kept = BTreeSet::new();
    let collected = collector.collect(budget, &mut |decision| {
        text.push_str(&format!(
            "{}, {} kB, {}\n",
            name(&decision.item),
            decision.bytes / 1000,
            decision.verdict
        ));
        if decision.verdict.keeps() {
            kept.insert(name(&decision.item));
        }
    });
    assert!(collected.unwrap().is_some());
    expected.assert_eq(&text);
    let user = store.again();
    for name in ["a", "b", "c"].into_iter().filter(|_| !text.is_empty()) {
        let found = user.get_result(&key(name));
        assert_eq!(found.is_some(), kept.contains(name), "{name}");
        assert!(found.is_none_or(|found| user.is_complete(&found.result)), "{name}");
    }
}

#[test]
fn below_the_budget_nothing_goes() {
    check(&three_results(), 10_000_000, expect![[""]]);
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    check(
        &three_results(),
        230_000,
        expect![[r#"
            c, 109 kB, kept: it fits into the budget
            b, 57 kB, kept: it fits into the budget
            a, 109 kB, dropped: what was used later fills the budget
        "#]],
    );
    check(
        &three_results(),
        150_000,
        expect![[r#"
            c, 109 kB, kept: it fits into the budget
            b, 57 kB, dropped: what was used later fills the budget
            a, 109 kB, dropped: what was used later fills the budget
        "#]],
    );
    check(
        &three_results(),
        0,
        expect![[r#"
            c, 109 kB, dropped: what was used later fills the budget
            b, 109 kB, dropped: what was used later fills the budget
            a, 109 kB, dropped: what was used later fills the budget
        "#]],
    );
}

#[test]
fn pins_and_leases_keep_what_would_go() {
    let store = three_results();
    store.pin("release 1", &BTreeSet::from([key("a")])).unwrap();
    let build = store.again();
    assert!(build.get_result(&key("b")).is_some());
    check(
        &store,
        0,
        expect![[r#"
            b, 109 kB, kept: a running build uses it
            a, 109 kB, kept: it is pinned
            c, 57 kB, dropped: what was used later fills the budget
        "#]],
    );
    store.unpin("release 1").unwrap();
    drop(build);
    check(
        &store,
        0,
        expect![[r#"
            b, 109 kB, dropped: what was used later fills the budget
            a, 109 kB, dropped: what was used later fills the budget
        "#]],
    );
}

#[test]
fn what_a_running_build_has_just_made_stays() {
    let store = three_results();
    let build = store.again();
    let _ = build.get_result(&key("new"));
    store.next_tick();
    let fresh = build.put_bytes(b"not yet in any result").unwrap();
    store.collect(0, &mut |_| {}).unwrap();
    assert!(build.contains(&fresh));
    drop(build);
    store.collect(0, &mut |_| {}).unwrap();
    assert!(!store.again().contains(&fresh));
    assert_eq!(files_below(&store.layout().blobs).len(), 0);
}

#[test]
fn unused_trees_go_and_used_ones_stay() {
    let store = three_results();
    let root = store.get_result(&key("a")).unwrap().result.output_root;
    store.end_lease();
    let build = store.again();
    let path = build.expand(&root).unwrap().path;
    store.collect(0, &mut |_| {}).unwrap();
    assert!(path.join("own").exists());
    drop(build);
    store.collect(0, &mut |_| {}).unwrap();
    assert!(!path.exists());
    assert_eq!(fs::read_dir(store.trees_folder()).unwrap().count(), 0);
}

#[test]
fn incomplete_and_unreadable_results_are_dropped() {
    let store = three_results();
    let lost = DigestFunction::Blake3.digest("c".repeat(50_000).as_bytes());
    fs::remove_file(store.path_of(&lost)).unwrap();
    overwrite(&store.layout().result(&key("a")), b"garbage");
    check(&store, 250_000, expect![""]);
}

#[test]
fn cleaning_leaves_nothing_but_what_is_in_use() {
    let store = three_results();
    store.pin("x", &BTreeSet::from([key("a")])).unwrap();
    drop(store.hold_index().unwrap());
    store.expand(&tree(&store, "a b")).unwrap();
    store.end_lease();
    let cleaned = store.again().clean().unwrap().unwrap();
    assert_eq!(
        (cleaned.after.blobs.count, cleaned.after.results.count, cleaned.after.trees.count),
        (0, 0, 0)
    );
    assert!(cleaned.before.bytes() > 250_000 && cleaned.after.bytes() < 100_000, "{cleaned:?}");
}

#[test]
fn one_collection_at_a_time() {
    let store = three_results();
    let gate = store.layout().state.join("collect.lock");
    let held = crate::temp_area::lock_file(&gate).unwrap();
    assert!(store.collect(0, &mut |_| {}).unwrap().is_none());
    drop(held);
    assert!(store.collect(0, &mut |_| {}).unwrap().is_some());
}

#[test]
fn verification_finds_what_is_bad_and_sets_it_aside() {
    let store = three_results();
    let root = store.get_result(&key("a")).unwrap().result.output_root;
    let path = store.expand(&root).unwrap().path;
    let good = store.again().verify().unwrap();
    assert_eq!((good.blobs.count, good.results.count), (8, 3));
    let counted = Verified { blobs: good.blobs, results: good.results, ..Verified::default() };
    assert_eq!(good, counted);

    let blob = DigestFunction::Blake3.digest("x".repeat(50_000).as_bytes());
    overwrite(&store.path_of(&blob), "y".repeat(50_000).as_bytes());
    let result = store.layout().result(&key("b"));
    fs::rename(store.layout().result(&key("c")), &result).unwrap();
    fs::write(path.join("own"), "edited").unwrap();
    let bad = store.again().verify().unwrap();
    assert_eq!(bad.bad_blobs, [blob.hex()]);
    assert_eq!(bad.bad_results, [key("b").hex()]);
    assert_eq!(bad.bad_trees, [path.file_name().unwrap().to_str().unwrap()]);
    assert!(!store.again().contains(&blob) && !result.exists());
}
