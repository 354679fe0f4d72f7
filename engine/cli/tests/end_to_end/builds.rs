//! What a build makes, prints and links.

use std::fs;

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

const HELLO: &str = "load(\"//:rules.star\", \"tool\")\ntool(name = \"hello\", words = [\"say\", \"hi\"])\n";

#[test]
fn a_target_is_built_linked_and_then_there_is_nothing_to_do() {
    let fixture = Fixture::new(&[("a/BUILD.star", HELLO)]);
    let ended = fixture.wiz(&["build", "//a:hello"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "//a:hello\twiz-out/a/hello/hello.txt\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(fixture.path("wiz-out/a/hello/hello.txt")).unwrap(), "hi\n");
    assert_eq!(fixture.executed("//a:hello"), 0);
}

#[test]
fn json_names_targets_outputs_and_counts() {
    let fixture = Fixture::new(&[("a/BUILD.star", HELLO)]);
    let ended = fixture.wiz(&["build", "--json", "//a:all"]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["targets"][0]["label"], "//a:hello");
    assert_eq!(json["targets"][0]["outputs"][0]["path"], "wiz-out/a/hello/hello.txt");
    assert_eq!(json["actions"]["executed"], 1);
    assert!(json["wall_ms"].is_u64());
}

#[test]
fn copies_go_where_they_are_asked_for() {
    let fixture = Fixture::new(&[("a/BUILD.star", HELLO)]);
    let ended = fixture.wiz(&["build", "//a:hello", "-o", "copies"]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(fs::read_to_string(fixture.path("copies/hello.txt")).unwrap(), "hi\n");
}

#[test]
fn a_failure_shows_the_log_and_how_to_enter() {
    let failing = "load(\"//:rules.star\", \"tool\")\ntool(name = \"bad\", words = [\"exit\", \"3\"])\n";
    let fixture = Fixture::new(&[("a/BUILD.star", failing)]);
    let ended = fixture.wiz(&["build", "//a:bad"]);
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("failed: //a:bad tool"), "{}", ended.stderr);
    assert!(ended.stderr.contains("wiz shell //a:bad --failed"), "{}", ended.stderr);
    let entered = fixture.wiz(&["shell", "//a:bad", "--failed", "--", "/usr/bin/tool", "say", "inside"]);
    assert_eq!((entered.status, entered.stdout.as_str()), (0, "inside\n"), "{}", entered.stderr);
}

#[test]
fn queries_answer_with_labels() {
    let two = "load(\"//:rules.star\", \"tool\")\ntool(name = \"x\")\ntool(name = \"y\", deps = [\":x\"])\n";
    let fixture = Fixture::new(&[("a/BUILD.star", two)]);
    assert_eq!(fixture.wiz(&["query", "//a:all"]).stdout, "//a:x\n//a:y\n");
    assert_eq!(fixture.wiz(&["query", "deps(//a:y)"]).stdout, "//a:x\n//a:y\n//root\n");
}

#[test]
fn testing_leaves_results_where_they_are() {
    let fixture = Fixture::new(&[("a/BUILD.star", HELLO)]);
    assert_eq!(fixture.executed("//a:hello"), 1);
    let ended = fixture.wiz(&["test", "//a:hello"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "//a:hello\tpassed\ttest.log\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_to_string(fixture.path("wiz-out/a/hello/hello.txt")).unwrap(), "hi\n");
}

#[test]
fn a_sandbox_can_be_entered_before_anything_has_failed() {
    let targets = "tool(name = \"first\", srcs = [\"f\"])\ntool(name = \"x\", deps = [\":first\"], words = [\"note\", \"x\"])\n";
    let fixture =
        Fixture::new(&[("a/BUILD.star", &format!("{LOAD}{targets}")), ("a/f", "from the source\n")]);
    let enter = |arguments: &[&str]| {
        let rest =
            ["--", "/usr/bin/tool", "copy", "/build/in/first.txt", "out", "/build/out/new", "say", "written"];
        fixture.wiz(&[&["shell", "//a:x"], arguments, &rest].concat()).to_string()
    };
    expect![[r#"
        status 0
        from the source
        [1/1] //a:first tool  [TIME]
    "#]]
    .assert_eq(&enter(&[]));
    expect![[r#"
        status 2
        WIZ2053

          x no command of category `compile` makes anything for `//a:x`
          help: there are commands of category test, tool
    "#]]
    .assert_eq(&enter(&["--action", "compile"]));
    // Nothing of it was kept.
    assert_eq!(fixture.executed("//a:x"), 1);
}
