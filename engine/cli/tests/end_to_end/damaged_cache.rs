//! A cache that was damaged: what was lost is made again, nothing is said of it, and the result
//! is the same.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

const CHAIN: &str = r#"
tool(name = "first", srcs = ["a.txt"])
tool(name = "second", deps = [":first"], words = ["say", "two"])
tool(name = "last", deps = [":second"], words = ["say", "three"])
"#;

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Builds, has `damage` done to the store, and checks how each result was then come by.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(damage: fn(&Path), expected: Expect) {
    let fixture = Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{CHAIN}")), ("c/a.txt", "a\n")]);
    let before = fixture.built("//c:last", &[]);
    damage(&fixture.cache().join("v1-blake3"));
    // Without what the last build left behind, everything is looked up.
    let _ = fs::remove_dir_all(fixture.cache().join("workspaces"));
    expected.assert_eq(&fixture.events("//c:last"));
    let ended = fixture.wiz(&["build", "//c:last"]);
    let quiet = "status 0\n//c:last\twiz-out/c/last/last.txt\nnothing to do for 3 actions  [TIME]\n";
    assert_eq!(ended.to_string(), quiet);
    assert_eq!(fixture.built("//c:last", &[]), before);
}

fn remove_trees(store: &Path) {
    wiz_sandbox::remove_tree(&store.join("trees")).unwrap();
}

fn replace(file: &Path, bytes: &[u8]) {
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn truncated_blobs() {
    fn truncate(store: &Path) {
        for blob in files(&store.join("blobs")) {
            let bytes = fs::read(&blob).unwrap();
            replace(&blob, &bytes[..bytes.len() / 2]);
        }
        remove_trees(store);
    }
    check(
        truncate,
        expect![[r#"
            //c:first tool: executed
            //c:first tool: local_hit
            //c:first tool: rewound
            //c:last tool: executed
            //c:last tool: local_hit
            //c:last tool: rewound
            //c:second tool: executed
            //c:second tool: local_hit
            //c:second tool: rewound
            3 of 3 actions executed
        "#]],
    );
}

#[test]
fn a_truncated_blob_that_an_edited_action_reads() {
    let fixture = Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{CHAIN}")), ("c/a.txt", "a\n")]);
    let _ = fixture.built("//c:last", &[]);
    let store = fixture.cache().join("v1-blake3");
    let is_it = |blob: &PathBuf| fs::read(blob).unwrap() == b"a\ntwo\n";
    replace(&files(&store.join("blobs")).into_iter().find(is_it).unwrap(), b"a\n");
    remove_trees(&store);
    fixture.write("c/BUILD.star", &format!("{LOAD}{}", CHAIN.replace("three", "drei")));
    expect![[r#"
        //c:first tool: local_hit
        //c:last tool: executed
        //c:second tool: cut_off
        //c:second tool: local_hit
        //c:second tool: rewound
        0 of 3 actions executed
        2 of 3 actions executed
    "#]]
    .assert_eq(&fixture.events("//c:last"));
    assert_eq!(fixture.built("//c:last", &[]).1, "a\ntwo\ndrei\n");
}

#[test]
fn garbage_in_results() {
    fn scribble(store: &Path) {
        files(&store.join("results")).iter().for_each(|result| replace(result, b"garbage"));
    }
    check(
        scribble,
        expect![[r#"
            //c:first tool: executed
            //c:last tool: executed
            //c:second tool: executed
            3 of 3 actions executed
        "#]],
    );
}

#[test]
fn garbage_in_the_index() {
    fn scribble(store: &Path) {
        for name in ["db/db", "db/conf", "db/blobs/1", "journal", "journal.folding", "lock"] {
            let file = store.join("index").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, b"\xff\x00garbage\n").unwrap();
        }
    }
    check(
        scribble,
        expect![[r#"
            //c:first tool: local_hit
            //c:last tool: local_hit
            //c:second tool: local_hit
            0 of 3 actions executed
        "#]],
    );
}

#[test]
fn garbage_in_state_and_beside_the_store() {
    fn scribble(store: &Path) {
        let cache = store.parent().unwrap();
        for folder in [store.join("state"), cache.join("workspaces"), cache.join("sources")] {
            files(&folder).iter().for_each(|file| replace(file, b"\xff\x00garbage\n"));
        }
    }
    check(
        scribble,
        expect![[r#"
        //c:first tool: local_hit
        //c:last tool: local_hit
        //c:second tool: local_hit
        0 of 3 actions executed
    "#]],
    );
}

#[test]
fn no_cache_at_all() {
    fn remove(store: &Path) {
        wiz_sandbox::remove_tree(store.parent().unwrap()).unwrap();
    }
    check(
        remove,
        expect![[r#"
        //c:first tool: executed
        //c:last tool: executed
        //c:second tool: executed
        3 of 3 actions executed
    "#]],
    );
}
