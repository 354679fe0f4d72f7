//! The profile of a build, read as trace viewers read it.

use std::fs;

use crate::fixture::{Fixture, LOAD};

fn events(fixture: &Fixture) -> Vec<serde_json::Value> {
    let ended = fixture.wiz(&["build", "//c:last", "--jobs", "2", "--profile", "trace.json"]);
    assert_eq!(ended.status, 0, "{ended}");
    serde_json::from_str(&fs::read_to_string(fixture.path("trace.json")).unwrap()).unwrap()
}

fn names(events: &[serde_json::Value], sort: &str) -> Vec<String> {
    let named = events.iter().filter(|event| event["ph"] == sort);
    let mut names: Vec<String> = named.map(|event| event["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_phase_and_action_is_a_span_on_a_row_of_its_own() {
    let targets = "tool(name = \"a\", words = [\"nap\", \"20\"])\ntool(name = \"b\", words = [\"nap\", \"20\"])\n\
                   tool(name = \"last\", deps = [\":a\", \":b\"])\n";
    let fixture = Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{targets}"))]);
    let first = events(&fixture);
    let spans = names(&first, "X");
    assert_eq!(spans, ["//c:a tool", "//c:b tool", "//c:last tool", "analyse", "build", "deliver", "recall"]);
    let row_times = |row: u64| {
        let spans = first.iter().filter(|event| event["ph"] == "X" && event["tid"] == row);
        let times = spans.map(|span| (span["ts"].as_u64().unwrap(), span["dur"].as_u64().unwrap()));
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        times
    };
    for row in 1..=2 {
        let times = row_times(row);
        assert!(times.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{times:?}");
    }
    assert_eq!(row_times(1).len() + row_times(2).len(), 3);

    fs::remove_dir_all(fixture.cache().join("workspaces")).unwrap();
    let second = events(&fixture);
    assert_eq!(names(&second, "i"), ["//c:a tool", "//c:b tool", "//c:last tool"]);
    assert_eq!(names(&second, "X"), ["analyse", "build", "deliver", "recall"]);

    let third = events(&fixture);
    assert_eq!(names(&third, "X"), ["recall"]);
}

#[test]
fn a_profile_that_cannot_be_made_is_an_error() {
    let fixture = Fixture::new(&[("c/BUILD.star", &format!("{LOAD}tool(name = \"last\")\n"))]);
    let ended = fixture.wiz(&["build", "//c:last", "--profile", "no/such/folder"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("`--profile` takes a file in a folder that is there"), "{ended}");
}
