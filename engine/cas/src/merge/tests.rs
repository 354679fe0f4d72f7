//! Merged trees, held against a naive union.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::testing::{TestStore, describe, tree};

fn check(trees: &[&str], expected: Expect) {
    let store = TestStore::new();
    let roots: Vec<_> = trees.iter().map(|text| tree(&store, text)).collect();
    expected.assert_eq(&match store.merge(&roots) {
        Ok(root) => describe(&store, &root),
        Err(error) => format!("{error}\n"),
    });
}

#[test]
fn disjoint_files_in_shared_directories_stack() {
    check(
        &["usr/bin/a 1\netc/x 1", "usr/bin/b 2\nusr/lib/", "usr/bin/a 1"],
        expect![[r#"
            etc/
            etc/x 1
            usr/
            usr/bin/
            usr/bin/a 1
            usr/bin/b 2
            usr/lib/
        "#]],
    );
    check(&[], expect![""]);
}

#[test]
fn differences_name_path_and_trees() {
    check(
        &["a same\nb 1\nc/d 1\ne -> x\nf 1", "a same", "b 2\nc 1\ne -> y\nf* 1"],
        expect![[r#"
            the trees cannot be stacked
            `b` is a file in tree 0 and another file in tree 2
            `c` is a directory in tree 0 and a file in tree 2
            `e` is a link in tree 0 and another link in tree 2
            `f` is a file in tree 0 and another file in tree 2
        "#]],
    );
}

#[test]
fn many_differences_are_counted() {
    let many = |content: &str| (0..25).map(|index| format!("f{index:02} {content}\n")).collect::<String>();
    let store = TestStore::new();
    let roots = [tree(&store, &many("1")), tree(&store, &many("2"))];
    let text = store.merge(&roots).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 22);
    assert!(text.ends_with("and 5 more"), "{text}");
}

#[test]
fn a_failed_merge_is_not_remembered_as_a_good_one() {
    let store = TestStore::new();
    let roots = [tree(&store, "d/a 1"), tree(&store, "d/a 2")];
    assert!(store.merge(&roots).is_err());
    assert!(store.merge(&roots).is_err());
}

type Entries = BTreeMap<String, String>;

fn text_of(entries: &Entries) -> String {
    entries.iter().map(|(path, content)| format!("{path} {content}\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_the_union_of_paths(
        layers in prop::collection::vec(
            prop::collection::btree_map("([ab]/){0,2}[cd]", "[xy]", 0..5), 0..4)
    ) {
        let store = TestStore::new();
        let roots: Vec<_> = layers.iter().map(|layer| tree(&store, &text_of(layer))).collect();
        let mut union = Entries::new();
        let mut collides = false;
        for (path, content) in layers.iter().flatten() {
            let earlier = union.insert(path.clone(), content.clone());
            collides |= earlier.is_some_and(|earlier| earlier != *content);
        }
        match store.merge(&roots) {
            Ok(merged) => {
                prop_assert!(!collides);
                prop_assert_eq!(merged, tree(&store, &text_of(&union)));
            }
            Err(_) => prop_assert!(collides),
        }
    }
}
