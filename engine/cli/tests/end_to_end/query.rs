//! Questions about targets and actions, over the real binary.

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

/// `top` needs `left` and `right`, which need `bottom`; nobody needs `alone`.
fn fixture() -> Fixture {
    let a = r#"
tool(name = "top", deps = ["//a:left", "//b:right"])
tool(name = "left", deps = ["//b:bottom"], words = ["say", "left"])
tool(name = "alone")
"#;
    let b = r#"
tool(name = "right", deps = [":bottom"])
tool(name = "bottom", srcs = ["f"])
"#;
    Fixture::new(&[
        ("a/BUILD.star", &format!("{LOAD}{a}")),
        ("b/BUILD.star", &format!("{LOAD}{b}")),
        ("b/f", "f\n"),
    ])
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(arguments: &[&str], expected: Expect) {
    let ended = fixture().wiz(&[&["query"], arguments].concat());
    expected.assert_eq(&ended.to_string());
}

#[test]
fn sets_of_targets() {
    check(
        &["//a:all"],
        expect![[r#"
        status 0
        //a:alone
        //a:left
        //a:top
    "#]],
    );
    check(
        &["deps(//a:left)"],
        expect![[r#"
        status 0
        //a:left
        //b:bottom
        //root
    "#]],
    );
    check(
        &["deps(//a:top, 1) - //a/..."],
        expect![[r#"
        status 0
        //b:right
        //root
    "#]],
    );
    check(
        &["rdeps(//b:bottom)"],
        expect![[r#"
        status 0
        //a:left
        //a:top
        //b:bottom
        //b:right
    "#]],
    );
    check(
        &["rdeps(//a:left, //b:bottom, 1)"],
        expect![[r#"
        status 0
        //a:left
        //b:bottom
    "#]],
    );
}

#[test]
fn sets_chosen_and_put_together() {
    check(
        &["allpaths(//a:top, //b:bottom) ^ //b:all"],
        expect![[r#"
        status 0
        //b:bottom
        //b:right
    "#]],
    );
    check(
        &["somepath(//a:top, //root)"],
        expect![[r#"
        status 0
        //a:top
        //root
    "#]],
    );
    check(
        &["kind(folder, deps(//a:top))"],
        expect![[r#"
        status 0
        //root
    "#]],
    );
    check(
        &["attr(words, left, //...)"],
        expect![[r#"
        status 0
        //a:left
    "#]],
    );
    check(
        &["filter('o', //a:all + //b:all)"],
        expect![[r#"
        status 0
        //a:alone
        //a:top
        //b:bottom
    "#]],
    );
}

#[test]
fn sets_of_actions() {
    check(
        &["--actions", "kind(tool, deps(//a:left))"],
        expect![[r#"
        status 0
        //a:left tool
        //b:bottom tool
    "#]],
    );
    check(
        &["--actions", "somepath(//a:top, //b:bottom)"],
        expect![[r#"
        status 0
        //a:top tool
        //b:right tool
        //b:bottom tool
    "#]],
    );
    check(
        &["--actions", "rdeps(//b:bottom, 1)"],
        expect![[r#"
        status 2
        WIZ2030

          x `1` is not a label: a label starts with `//` or `:`
           ,-[question:1:19]
         1 | rdeps(//b:bottom, 1)
           :                   ^
           `----
          help: labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`
    "#]],
    );
    check(
        &["--actions", "attr(sort, run, //a:alone)"],
        expect![[r#"
        status 0
        //a:alone test
        //a:alone tool
    "#]],
    );
}

#[test]
fn as_documents() {
    check(
        &["--output", "json", "//b:bottom"],
        expect![[r#"
        status 0
        {"targets":[{"dependencies":["//root"],"label":"//b:bottom","place":"b/BUILD.star:4:1","platform":"[ARCH]","rule":"tool"}]}
    "#]],
    );
    check(
        &["--output", "dot", "allpaths(//a:top, //b:bottom)"],
        expect![[r#"
        status 0
        digraph targets {
          "//a:left ([ARCH])" [label="//a:left\ntool"];
          "//a:left ([ARCH])" -> "//b:bottom ([ARCH])";
          "//a:top ([ARCH])" [label="//a:top\ntool"];
          "//a:top ([ARCH])" -> "//a:left ([ARCH])";
          "//a:top ([ARCH])" -> "//b:right ([ARCH])";
          "//b:bottom ([ARCH])" [label="//b:bottom\ntool"];
          "//b:right ([ARCH])" [label="//b:right\ntool"];
          "//b:right ([ARCH])" -> "//b:bottom ([ARCH])";
        }
    "#]],
    );
    check(
        &["--actions", "--output", "json", "kind(^test$, //b:bottom)"],
        expect![[r#"
        status 0
        {"actions":[{"category":"test","dependencies":[],"identifier":null,"label":"//b:bottom","name":"//b:bottom test","outputs":["test.log"],"platform":"[ARCH]","sort":"run"}]}
    "#]],
    );
}

#[test]
fn wrong_questions() {
    check(
        &["deps(//a:left"],
        expect![[r#"
        status 2
        WIZ2030

          x what is opened here is not closed
           ,-[question:1:1]
         1 | deps(//a:left
           : ^^^^
           `----
          help: `)` is missing
    "#]],
    );
    check(
        &["dep(//a:left)"],
        expect![[r#"
        status 2
        WIZ2030

          x there is no function `dep`
           ,-[question:1:1]
         1 | dep(//a:left)
           : ^^^
           `----
          help: there are allpaths, attr, deps, filter, kind, rdeps, somepath
    "#]],
    );
    check(
        &["//a:left + zlib"],
        expect![[r#"
        status 2
        WIZ2030

          x `zlib` is not a label: a label starts with `//` or `:`
           ,-[question:1:12]
         1 | //a:left + zlib
           :            ^^^^
           `----
          help: labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`
    "#]],
    );
}

#[test]
fn questions_about_what_is_not_there() {
    check(
        &["kind('(', //a:all)"],
        expect![[r#"
        status 2
        WIZ2030

          x `(` is not a regular expression: unclosed group
           ,-[question:1:6]
         1 | kind('(', //a:all)
           :      ^^^
           `----
    "#]],
    );
    check(
        &["//a:left //a:top"],
        expect![[r#"
        status 2
        WIZ2030

          x `//a:top` cannot stand here
           ,-[question:1:10]
         1 | //a:left //a:top
           :          ^^^^^^^
           `----
          help: between two sets stands `+`, `-` or `^`, with a space before it
    "#]],
    );
    check(
        &["//a:missing"],
        expect![[r#"
        status 2
        WIZ0302

          x `//a` defines no target `missing`
          help: it defines `:alone`, `:left`, `:top`
    "#]],
    );
}
