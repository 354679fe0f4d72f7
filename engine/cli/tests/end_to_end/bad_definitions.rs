//! Wrong definitions and arguments: all that is said, and where.

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

/// Builds `//a:x` of these definitions, which stand from line 2 on, and checks all that is said.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(definitions: &str, expected: Expect) {
    let fixture = Fixture::new(&[("a/BUILD.star", &format!("{LOAD}{definitions}\n"))]);
    expected.assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
}

#[test]
fn unknown_attribute() {
    check(
        "tool(name = \"x\", wrods = [])",
        expect![[r#"
        status 2
        WIZ0305

          x `tool` has no attribute `wrods`
           ,-[a/BUILD.star:2:18]
         1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
         2 | tool(name = "x", wrods = [])
           :                  ^^^^^^
           `----
          help: did you mean `words`?
    "#]],
    );
}

#[test]
fn wrong_type() {
    check(
        "tool(name = \"x\", words = \"say\")",
        expect![[r#"
            status 2
            WIZ0307

              x attribute `words` expects a list of texts, got `"say"` (string)
               ,-[a/BUILD.star:2:26]
             1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
             2 | tool(name = "x", words = "say")
               :                          ^^^^^
               `----
              help: put it in brackets: `[...]`
        "#]],
    );
}

#[test]
fn all_faults_of_a_file_at_once() {
    check(
        "tool(name = \"x\", words = 3, dep = [])\ntool(name = \"y\", srcs = [\"nothing.txt\"])",
        expect![[r#"
            status 2
            WIZ0307

              x attribute `words` expects a list of texts, got `3` (int)
               ,-[a/BUILD.star:2:18]
             1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
             2 | tool(name = "x", words = 3, dep = [])
               :                  ^^^^^^^
             3 | tool(name = "y", srcs = ["nothing.txt"])
               `----
              help: put it in brackets: `[...]`
            WIZ0305

              x `tool` has no attribute `dep`
               ,-[a/BUILD.star:2:29]
             1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
             2 | tool(name = "x", words = 3, dep = [])
               :                             ^^^^
             3 | tool(name = "y", srcs = ["nothing.txt"])
               `----
              help: did you mean `deps`?
            WIZ0308

              x attribute `srcs[0]`: `nothing.txt` does not exist in `//a`
               ,-[a/BUILD.star:3:26]
             2 | tool(name = "x", words = 3, dep = [])
             3 | tool(name = "y", srcs = ["nothing.txt"])
               :                          ^^^^^^^^^^^^^
               `----
              help: make the file, or write a label, which starts with `//` or `:`
        "#]],
    );
}

#[test]
fn unknown_label() {
    check(
        "tool(name = \"x\", deps = [\":xx\"])\ntool(name = \"xy\")",
        expect![[r#"
        status 2
        WIZ0302

          x `//a` defines no target `xx`
           ,-[a/BUILD.star:2:26]
         1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
         2 | tool(name = "x", deps = [":xx"])
           :                          ^^^^^
         3 | tool(name = "xy")
           `----
          help: did you mean `x`?
    "#]],
    );
}

#[test]
fn cycle() {
    check(
        "tool(name = \"x\", deps = [\":y\"])\ntool(name = \"y\", deps = [\":x\"])",
        expect![[r#"
            status 2
            WIZ0401

              x targets depend on each other: //a:x -> //a:y -> //a:x
               ,-[a/BUILD.star:2:26]
             1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
             2 | tool(name = "x", deps = [":y"])
               :                          ^^^^
             3 | tool(name = "y", deps = [":x"])
               `----
              help: `//a:x` depends on `//a:y` at a/BUILD.star:2:26
                    `//a:y` depends on `//a:x` at a/BUILD.star:3:26
                    take one of these dependencies away, or move what they share to a third target
        "#]],
    );
}

#[test]
fn files_that_load_each_other() {
    let fixture = Fixture::new(&[
        ("a/BUILD.star", "load(\"//:one.star\", \"one\")\n"),
        ("one.star", "load(\"//:two.star\", \"two\")\none = two\n"),
        ("two.star", "load(\"//:one.star\", \"one\")\ntwo = one\n"),
    ]);
    expect![[r#"
        status 2
        WIZ0108

          x files load each other: one.star -> two.star -> one.star
           ,-[one.star:1:6]
         1 | load("//:two.star", "two")
           :      ^^^^^^^^^^^^^
         2 | one = two
           `----
          help: `one.star` loads `two.star` at one.star:1:6
                `two.star` loads `one.star` at two.star:1:6
                move what they share to a third file
    "#]]
    .assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
}

#[test]
fn a_malformed_sha256() {
    check(
        "fetched(name = \"x\", urls = [\"file:x\"], sha256 = \"abc\")",
        expect![[r#"
            status 2
            WIZ0506

              x the SHA-256 of `file` is not 64 hexadecimal digits: `abc`
               ,-[a/BUILD.star:2:49]
             1 | load("//:rules.star", "fetched", "folder", "tool", "unpacked")
             2 | fetched(name = "x", urls = ["file:x"], sha256 = "abc")
               :                                                 ^^^^^
               `----
              help: analysing `//a:x ([ARCH])` at a/BUILD.star:2:1
                    take it from where the publisher signs it, or run `sha256sum` on the file
        "#]],
    );
}

#[test]
fn what_is_no_label() {
    let fixture = Fixture::new(&[]);
    expect![[r#"
        status 2
        WIZ2022

          x `images` is not a label: a label starts with `//` or `:`
          help: labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`
        WIZ2022

          x `//a:b:c` is not a label: a target name has letters, digits and `_ - . + ~ / @ =`
          help: labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`
    "#]]
    .assert_eq(&fixture.wiz(&["build", "images", "//a:b:c"]).to_string());
}

#[test]
fn no_workspace() {
    let fixture = Fixture::new(&[]);
    expect![[r#"
        status 2
        WIZ2006

          x neither `/` nor a folder above it has a WORKSPACE.star
          help: a file with `workspace(name = "mine")` makes a folder a workspace
    "#]]
    .assert_eq(&fixture.run(fixture.command(&["build", "//a"]).current_dir("/")).to_string());
}

#[test]
fn an_event_file_that_cannot_be_written() {
    let fixture = Fixture::new(&[]);
    expect![[r#"
        status 2
        WIZ2020

          x `[FOLDER]/workspace/nowhere/events.json` cannot be written: No such file or directory (os error 2)
          help: `--events` takes a file in a folder that is there
    "#]]
    .assert_eq(&fixture.wiz(&["build", "//a", "--events", "nowhere/events.json"]).to_string());
}
