//! What is done again after a change, counted by the real binary.

use std::fs;

use crate::fixture::Fixture;

const CHAIN: &str = r#"load("//:rules.star", "tool")
tool(name = "first", srcs = ["a.txt"])
tool(name = "second", deps = [":first"], words = ["say", "two"])
tool(name = "other", srcs = ["b.txt"])
tool(name = "all-of-it", deps = [":second", ":other"])
"#;

fn chain() -> Fixture {
    Fixture::new(&[("c/BUILD.star", CHAIN), ("c/a.txt", "a\n"), ("c/b.txt", "b\n")])
}

#[test]
fn a_comment_executes_nothing() {
    let fixture = chain();
    assert_eq!(fixture.executed("//c:all-of-it"), 4);
    fixture.write("c/BUILD.star", &format!("# a comment\n{CHAIN}"));
    assert_eq!(fixture.executed("//c:all-of-it"), 0);
}

#[test]
fn a_changed_source_executes_what_reads_it() {
    let fixture = chain();
    assert_eq!(fixture.executed("//c:all-of-it"), 4);
    fixture.write("c/a.txt", "changed\n");
    assert_eq!(fixture.executed("//c:all-of-it"), 3);
    assert_eq!(
        fs::read_to_string(fixture.path("wiz-out/c/all-of-it/all-of-it.txt")).unwrap(),
        "changed\ntwo\nb\n"
    );
    fixture.write("c/a.txt", "a\n");
    assert_eq!(fixture.executed("//c:all-of-it"), 0, "the earlier result is still there");
}

#[test]
fn an_equal_output_stops_the_wave() {
    let fixture = chain();
    fixture.write("c/BUILD.star", &CHAIN.replace("srcs = [\"b.txt\"])", "srcs = [\"b.txt\"], words = [])"));
    assert_eq!(fixture.executed("//c:all-of-it"), 4);
    let edited = CHAIN.replace("srcs = [\"b.txt\"])", "words = [\"say\", \"b\"])");
    fixture.write("c/BUILD.star", &edited);
    assert_eq!(fixture.executed("//c:all-of-it"), 1);
}

#[test]
fn a_lost_or_damaged_cache_costs_time_only() {
    let fixture = chain();
    assert_eq!(fixture.executed("//c:all-of-it"), 4);
    fs::remove_dir_all(fixture.cache()).unwrap();
    assert_eq!(fixture.executed("//c:all-of-it"), 4);
    let result = fixture.path("wiz-out/c/all-of-it/all-of-it.txt");
    assert_eq!(fs::read_to_string(result).unwrap(), "a\ntwo\nb\n");
}
