//! What packages provide and need.

use expect_test::{Expect, expect};
use serde_json::json;
use wiz_base::Node;
use wiz_graph::native::NativeKind;

use crate::native::testing::{Bench, elf};

fn check(bench: &Bench, tree: &serde_json::Value, expected: &Expect) {
    let params = json!({ "tree": tree, "version": "1.3.1-r0", "found": {"$output": "found.json"} });
    let output = bench.run(NativeKind::Scan, &params).unwrap();
    expected.assert_eq(&bench.text(&output, "found.json"));
}

#[test]
fn libraries_provide_their_sonames() {
    let mut bench = Bench::new();
    let library = elf::shared("libz.so.1", &["libc.so.6"]);
    let plugin = elf::shared("plugin.so", &["libz.so.1", "libprivate.so"]);
    let program = elf::program(&["libz.so.1", "libm.so.6", "libc.so.6"]);
    let tree = bench.tree("usr/lib/libz.so.1 -> libz.so.1.3.1\nusr/lib/tool/libprivate.so x");
    let tree = bench.with_files(
        &tree,
        &[
            ("usr/lib/libz.so.1.3.1", &library),
            ("usr/lib/tool/plugin.so", &plugin),
            ("usr/bin/tool", &program),
        ],
    );
    let tree = bench.input("tree", Node::Directory(tree));
    check(
        &bench,
        &tree,
        &expect![[r#"
        {
         "provides": [
          "cmd:tool=1.3.1-r0",
          "so:libz.so.1=1.3.1"
         ],
         "depends": [
          "so:ld-linux-x86-64.so.2",
          "so:libc.so.6",
          "so:libm.so.6"
         ]
        }
    "#]],
    );
}

#[test]
fn programs_scripts_and_modules_are_found() {
    let mut bench = Bench::new();
    let tree = bench.input_tree(
        "tree",
        "
        usr/bin/busybox* binary
        usr/bin/sh -> busybox
        usr/bin/cat -> ../bin/busybox
        usr/bin/editor -> /etc/alternatives/editor
        usr/bin/readme -> ../share/README
        usr/bin/script* #!/usr/bin/env perl\\n
        usr/bin/own* #!/bin/sh\\n
        usr/sbin/notes text
        usr/share/README text
        usr/share/doc/example* #!/usr/bin/ruby\\n
        usr/lib/pkgconfig/zlib.pc Version: 1.3.1\\nRequires: foo >= 2\\n
        usr/share/pkgconfig/odd.pc Version: latest\\nRequires: zlib\\n
        usr/lib/python3.13/site-packages/six.py text
        ",
    );
    check(
        &bench,
        &tree,
        &expect![[r#"
            {
             "provides": [
              "cmd:busybox=1.3.1-r0",
              "cmd:cat=1.3.1-r0",
              "cmd:editor=1.3.1-r0",
              "cmd:own=1.3.1-r0",
              "cmd:script=1.3.1-r0",
              "cmd:sh=1.3.1-r0",
              "pc:odd",
              "pc:zlib=1.3.1"
             ],
             "depends": [
              "cmd:perl",
              "pc:foo>=2",
              "python3~3.13"
             ]
            }
        "#]],
    );
}

#[test]
fn an_interpreter_does_not_need_itself() {
    let mut bench = Bench::new();
    let tree = bench.input_tree(
        "tree",
        "usr/bin/python3 -> python3.13\nusr/bin/python3.13* binary\nusr/lib/python3.13/site-packages/README text",
    );
    check(
        &bench,
        &tree,
        &expect![[r#"
        {
         "provides": [
          "cmd:python3.13=1.3.1-r0",
          "cmd:python3=1.3.1-r0"
         ],
         "depends": []
        }
    "#]],
    );
}

/// A change here needs a new version of the kind.
#[test]
fn golden_scan() {
    let mut bench = Bench::new();
    let tree = bench.input_tree("tree", "usr/bin/a* #!/bin/sh\\n\nusr/lib/pkgconfig/a.pc Version: 1\\n");
    let params = json!({ "tree": tree, "version": "1-r0", "found": {"$output": "found.json"} });
    let output = bench.run(NativeKind::Scan, &params).unwrap();
    assert_eq!(NativeKind::Scan.version(), 2);
    expect!["1b2569a826a5c551be0581d2bcd2f73f6517320bb4b95edf3eb00e27bcef77c0/84"]
        .assert_eq(&output.root.to_string());
}

#[test]
fn only_the_commands_that_are_named_are_provided() {
    let mut bench = Bench::new();
    let tree = bench.input_tree("tree", "usr/bin/busybox* binary\nusr/bin/ls -> busybox");
    let params =
        json!({"tree": tree, "version": "1-r0", "commands": ["busybox"], "found": {"$output": "found.json"}});
    let output = bench.run(NativeKind::Scan, &params).unwrap();
    let found: serde_json::Value = serde_json::from_str(&bench.text(&output, "found.json")).unwrap();
    assert_eq!(found["provides"], json!(["cmd:busybox=1-r0"]));
}

#[test]
fn a_link_to_a_module_is_one() {
    let mut bench = Bench::new();
    let tree = bench.input_tree(
        "tree",
        "usr/lib/pkgconfig/wide.pc Name: wide\\nVersion: 6.6\\n\nusr/lib/pkgconfig/plain.pc -> wide.pc\nusr/lib/pkgconfig/else.pc -> ../missing.pc",
    );
    let params = json!({"tree": tree, "version": "1-r0", "found": {"$output": "found.json"}});
    let output = bench.run(NativeKind::Scan, &params).unwrap();
    let found: serde_json::Value = serde_json::from_str(&bench.text(&output, "found.json")).unwrap();
    assert_eq!(found["provides"], json!(["pc:plain=6.6", "pc:wide=6.6"]));
}
