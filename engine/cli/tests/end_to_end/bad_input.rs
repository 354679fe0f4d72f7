//! Wrong input: what is said, where, and with which status.

use crate::fixture::{Ended, Fixture};

/// Builds `//a:x` of this definition and checks the status and what is said.
#[track_caller]
fn check(definition: &str, status: i32, said: &[&str]) {
    let definition = format!("load(\"//:rules.star\", \"tool\")\n{definition}");
    let fixture = Fixture::new(&[("a/BUILD.star", &definition)]);
    let ended = fixture.wiz(&["build", "//a:x"]);
    assert_eq!(ended.status, status, "{}", ended.stderr);
    for part in said {
        assert!(ended.stderr.contains(part), "{part:?} is not in:\n{}", ended.stderr);
    }
}

#[test]
fn unknown_attribute() {
    check("tool(name = \"x\", wrods = [])", 2, &["a/BUILD.star:2", "wrods", "words"]);
}

#[test]
fn wrong_type() {
    check("tool(name = \"x\", words = \"say\")", 2, &["a/BUILD.star:2", "words", "list"]);
}

#[test]
fn unknown_label() {
    check(
        "tool(name = \"x\", deps = [\":xx\"])\ntool(name = \"xy\")",
        2,
        &["a/BUILD.star:2", "defines no target `xx`", "did you mean"],
    );
}

#[test]
fn cycle() {
    check(
        "tool(name = \"x\", deps = [\":y\"])\ntool(name = \"y\", deps = [\":x\"])",
        2,
        &["a/BUILD.star:2", "//a:x -> //a:y -> //a:x"],
    );
}

#[test]
fn an_action_that_fails() {
    check("tool(name = \"x\", words = [\"exit\", \"7\"])", 1, &["7"]);
}

#[test]
fn an_action_that_tries_the_network() {
    check("tool(name = \"x\", words = [\"network\"])", 1, &["unreachable", "no network"]);
}

#[test]
fn an_action_that_outlives_its_limit() {
    check("tool(name = \"x\", words = [\"sleep\", \"60\"], timeout = \"1s\")", 1, &["1 s"]);
}

#[test]
fn an_undeclared_set_id_bit() {
    check(
        "tool(name = \"x\", words = [\"mode\", \"4755\", \"/build/out/x.txt\"])",
        1,
        &["x.txt", "4755", "modes"],
    );
}

#[test]
fn not_a_label_and_no_workspace() {
    let fixture = Fixture::new(&[]);
    let ended = fixture.wiz(&["build", "images"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("`images` is not a label"), "{}", ended.stderr);
    let ended = fixture.command(&["build", "//a"]).current_dir("/").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}

#[test]
fn a_cache_that_cannot_be_written() {
    let fixture =
        Fixture::new(&[("a/BUILD.star", "load(\"//:rules.star\", \"tool\")\ntool(name = \"x\")\n")]);
    let ended = Ended::from(
        fixture.command(&["build", "//a:x"]).env("WIZ_CACHE_DIR", "/proc/nowhere").output().unwrap(),
    );
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("/proc/nowhere"), "{}", ended.stderr);
}
