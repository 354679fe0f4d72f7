//! What is done again after a change, by the event log of the real binary: which results were
//! there, which actions were executed, and which of those made what they had made before.

use std::fs;

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

const CHAIN: &str = r#"
tool(name = "first", srcs = ["a.txt"])
tool(name = "second", deps = [":first"], words = ["say", "two"])
tool(name = "other", srcs = ["b.txt"])
tool(name = "last", deps = [":second", ":other"])
"#;

/// A workspace whose `//c:last` has not been built yet.
fn fresh() -> Fixture {
    Fixture::new(&[("c/BUILD.star", &definition(CHAIN)), ("c/a.txt", "a\n"), ("c/b.txt", "b\n")])
}

/// A workspace whose `//c:last` has been built.
fn built() -> Fixture {
    let fixture = fresh();
    let _ = fixture.events("//c:last");
    fixture
}

fn definition(targets: &str) -> String {
    format!("{LOAD}{targets}")
}

/// Builds, has something edited, and checks how each result is come by.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(edit: impl Fn(&Fixture), expected: Expect, text: &str) {
    let fixture = built();
    edit(&fixture);
    expected.assert_eq(&fixture.events("//c:last"));
    assert_eq!(fs::read_to_string(fixture.path("wiz-out/c/last/last.txt")).unwrap(), text);
}

#[test]
fn nothing_built_before() {
    let fixture = fresh();
    expect![[r#"
        //c:first tool: executed
        //c:last tool: executed
        //c:other tool: executed
        //c:second tool: executed
        4 of 4 actions executed
    "#]]
    .assert_eq(&fixture.events("//c:last"));
}

#[test]
fn nothing_edited() {
    check(
        |_| (),
        expect![[r#"
        0 of 4 actions executed
    "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn a_comment_executes_nothing() {
    check(
        |fixture| fixture.write("c/BUILD.star", &format!("# a comment\n{}", definition(CHAIN))),
        expect![[r#"
            0 of 4 actions executed
        "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn a_rule_written_differently_executes_nothing() {
    check(
        |fixture| {
            let rules = fs::read_to_string(fixture.path("rules.star")).unwrap();
            fixture
                .write("rules.star", &rules.replace("for src in ctx", "# The sources.\n    for src in ctx"));
        },
        expect![[r#"
            0 of 4 actions executed
        "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn an_edited_source_executes_what_reads_it() {
    check(
        |fixture| fixture.write("c/a.txt", "changed\n"),
        expect![[r#"
            //c:first tool: executed
            //c:last tool: executed
            //c:second tool: executed
            3 of 4 actions executed
        "#]],
        "changed\ntwo\nb\n",
    );
}

#[test]
fn a_source_edited_there_and_back_executes_nothing() {
    check(
        |fixture| {
            fixture.write("c/a.txt", "changed\n");
            let _ = fixture.events("//c:last");
            fixture.write("c/a.txt", "a\n");
        },
        expect![[r#"
            //c:first tool: local_hit
            //c:last tool: local_hit
            //c:second tool: local_hit
            0 of 4 actions executed
        "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn an_edited_definition_executes_its_action_and_what_reads_it() {
    check(
        |fixture| fixture.write("c/BUILD.star", &definition(&CHAIN.replace("two", "zwei"))),
        expect![[r#"
            //c:last tool: executed
            //c:second tool: executed
            2 of 4 actions executed
        "#]],
        "a\nzwei\nb\n",
    );
}

#[test]
fn an_equal_output_stops_the_wave() {
    check(
        |fixture| {
            let edited = CHAIN.replace("srcs = [\"b.txt\"])", "words = [\"say\", \"b\"])");
            fixture.write("c/BUILD.star", &definition(&edited));
        },
        expect![[r#"
            //c:last tool: local_hit
            //c:other tool: cut_off
            1 of 4 actions executed
        "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn limits_and_jobs_execute_nothing() {
    check(
        |fixture| {
            fixture.write(
                "c/BUILD.star",
                &definition(&CHAIN.replace("\"first\",", "\"first\", timeout = \"5m\",")),
            );
            let ended = fixture.wiz(&["build", "//c:last", "--jobs", "7", "--keep-going"]);
            assert!(ended.stderr.starts_with("nothing to do for 4 actions"), "{}", ended.stderr);
        },
        expect![[r#"
            0 of 4 actions executed
        "#]],
        "a\ntwo\nb\n",
    );
}

#[test]
fn a_failure_keeps_what_was_made_and_is_executed_again() {
    let fixture = built();
    let failing = CHAIN.replace("[\"say\", \"two\"]", "[\"exit\", \"1\"]");
    fixture.write("c/BUILD.star", &definition(&failing));
    for _ in 0..2 {
        let ended = fixture.wiz(&["build", "//c:last"]);
        assert_eq!(ended.status, 1);
        assert!(
            ended.stderr.ends_with("0 of 4 actions executed, 1 failed, 1 not started  [TIME]\n"),
            "{ended}"
        );
    }
    fixture.write("c/BUILD.star", &definition(CHAIN));
    expect![[r#"
        0 of 4 actions executed
    "#]]
    .assert_eq(&fixture.events("//c:last"));
}

#[test]
fn what_another_request_has_built_meanwhile() {
    let first = |word: &str| format!("{LOAD}tool(name = \"x\", words = [\"say\", \"{word}\"])\n");
    let fixture = Fixture::new(&[
        ("a/BUILD.star", &first("one")),
        ("b/BUILD.star", &format!("{LOAD}tool(name = \"y\", deps = [\"//a:x\"])\n")),
    ]);
    assert_eq!(fixture.built("//a:x", &[]).1, "one\n");
    fixture.write("a/BUILD.star", &first("two"));
    assert_eq!(fixture.built("//b:y", &[]).1, "two\n");
    assert_eq!(fixture.built("//a:x", &[]).1, "two\n");
}

#[test]
fn a_build_that_was_ended_before_it_kept_its_graph() {
    let fixture = built();
    let state = fs::read_dir(fixture.cache().join("workspaces")).unwrap().next().unwrap().unwrap().path();
    let graph = fs::read(state.join("graph")).unwrap();
    fixture.write("c/a.txt", "changed\n");
    let _ = fixture.events("//c:last");
    // As if that build had been killed between its receipt and its graph.
    fs::write(state.join("graph"), graph).unwrap();
    fixture.write("c/a.txt", "a\n");
    let _ = fixture.events("//c:last");
    assert_eq!(fs::read_to_string(fixture.path("wiz-out/c/last/last.txt")).unwrap(), "a\ntwo\nb\n");
}
