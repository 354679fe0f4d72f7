//! What files, links and trees become.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::testing::Bench;

fn check(bench: &Bench, params: &Value, expected: &Expect) {
    let text = match bench.run(NativeKind::Tree, params) {
        Ok(output) => bench.describe(&output.root),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&text);
}

fn captured(capture: &str, expected: &Expect) {
    let mut bench = Bench::new();
    let script = bench.input_bytes("script", b"#!/bin/sh\n");
    let tree = bench.input_tree("tree", "etc/hosts localhost\nempty/");
    let params = json!({
        "files": [
            {"path": "etc/os-release", "text": "ID=wizos\n"},
            {"path": "bin/run", "artifact": script, "executable": true},
            {"path": "sbin", "target": "usr/sbin"},
            {"path": "etc/mtab", "target": "/proc/mounts"},
            {"path": "copy", "artifact": tree},
        ],
        "directories": ["home", "lib64"],
        "trees": [tree],
        "capture": capture,
        "tree": {"$output": "out/tree"},
    });
    check(&bench, &params, expected);
}

#[test]
fn a_tree_is_put_together_as_it_is_said() {
    captured(
        "plain",
        &expect![[r#"
        out/
        out/tree/
        out/tree/bin/
        out/tree/bin/run* #!/bin/sh\n
        out/tree/copy/
        out/tree/copy/empty/
        out/tree/copy/etc/
        out/tree/copy/etc/hosts localhost
        out/tree/empty/
        out/tree/etc/
        out/tree/etc/hosts localhost
        out/tree/etc/mtab -> /proc/mounts
        out/tree/etc/os-release ID=wizos\n
        out/tree/home/
        out/tree/lib64/
        out/tree/sbin -> usr/sbin
    "#]],
    );
}

#[test]
fn a_piece_of_a_root_lies_under_usr() {
    captured(
        "root",
        &expect![[r#"
        out/
        out/tree/
        out/tree/copy/
        out/tree/copy/empty/
        out/tree/copy/etc/
        out/tree/copy/etc/hosts localhost
        out/tree/empty/
        out/tree/etc/
        out/tree/etc/hosts localhost
        out/tree/etc/mtab -> ../proc/mounts
        out/tree/etc/os-release ID=wizos\n
        out/tree/home/
        out/tree/usr/
        out/tree/usr/bin/
        out/tree/usr/bin/run* #!/bin/sh\n
        out/tree/usr/lib64/
    "#]],
    );
}

#[test]
fn the_base_of_a_root_has_the_links_to_usr() {
    captured(
        "base",
        &expect![[r#"
        out/
        out/tree/
        out/tree/copy/
        out/tree/copy/empty/
        out/tree/copy/etc/
        out/tree/copy/etc/hosts localhost
        out/tree/empty/
        out/tree/etc/
        out/tree/etc/hosts localhost
        out/tree/etc/mtab -> ../proc/mounts
        out/tree/etc/os-release ID=wizos\n
        out/tree/home/
        out/tree/sbin -> usr/sbin
        out/tree/usr/
        out/tree/usr/bin/
        out/tree/usr/bin/run* #!/bin/sh\n
        out/tree/usr/lib64/
    "#]],
    );
}

#[test]
fn what_collides_or_says_nothing_is_refused() {
    let mut bench = Bench::new();
    let tree = bench.input_tree("tree", "a text");
    let file = bench.input_bytes("file", b"other");
    let output = json!({"$output": "tree"});
    let cases = [
        json!({"files": [{"path": "a", "text": "1"}, {"path": "a", "text": "2"}], "tree": output}),
        json!({"files": [{"path": "a", "text": "1"}], "trees": [tree], "tree": output}),
        json!({"files": [{"path": "a"}], "tree": output}),
        json!({"files": [{"path": "/a", "text": ""}], "tree": output}),
        json!({"files": [{"path": "a", "target": "b", "executable": true}], "tree": output}),
        json!({"trees": [file], "tree": output}),
    ];
    let text: String = cases
        .iter()
        .map(|params| format!("{}\n", bench.run(NativeKind::Tree, params).unwrap_err()))
        .collect();
    expect![[r#"
        something else stands at `a` already
        trees differ at the same path:
        `a` is a file in `what the definition adds` and a file, not the same one, in `tree`
        the parameters of `tree` are wrong: `files`, `a`: one of `artifact`, `text` and `target` has to be given
        hint: the table of native actions in docs/design/starlark-api.md says what it takes
        the parameters of `tree` are wrong: `/a` is not a relative path: it has an empty segment
        hint: the table of native actions in docs/design/starlark-api.md says what it takes
        the parameters of `tree` are wrong: `files`, `a`: `executable` is for files only
        hint: the table of native actions in docs/design/starlark-api.md says what it takes
        `file` is not a folder
    "#]].assert_eq(&text);
}

/// A change here needs a new version of the kind.
#[test]
fn golden_tree() {
    let mut bench = Bench::new();
    let tree = bench.input_tree("tree", "lib/x text\nlib64/y* text\nusr/lib/z -> /lib/x");
    let params = json!({
        "files": [{"path": "etc/os-release", "text": "ID=wizos\n"}],
        "directories": ["home"], "trees": [tree], "capture": "root", "tree": {"$output": "tree"},
    });
    let output = bench.run(NativeKind::Tree, &params).unwrap();
    assert_eq!(NativeKind::Tree.version(), 1);
    expect!["4b7a13e91458e8ef9542dd5cb640e265ad8a3500fcd977386e477327829b3cf6/79"]
        .assert_eq(&output.root.to_string());
}
