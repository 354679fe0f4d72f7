//! Builds at the same time: in one workspace, and in two over one cache.

use std::fs;
use std::process::Stdio;

use crate::fixture::{Fixture, LOAD};

/// Actions that take long enough for two builds to meet in them.
const CHAIN: &str = r#"
tool(name = "first", srcs = ["a.txt"], words = ["nap", "50", "say", "one"])
tool(name = "second", deps = [":first"], words = ["nap", "50", "say", "two"])
tool(name = "other", words = ["nap", "50", "say", "other"])
tool(name = "last", deps = [":second", ":other"], words = ["say", "three"])
"#;

const TEXT: &str = "a\none\ntwo\nother\nthree\n";

fn fixture() -> Fixture {
    Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{CHAIN}")), ("c/a.txt", "a\n")])
}

/// Starts a build in each workspace, all over the first one's cache, and checks what each of
/// them prints and makes.
fn check(workspaces: &[&Fixture]) {
    let cache = workspaces[0].cache();
    let start = |workspace: &&Fixture| {
        let mut command = workspace.command(&["build", "--json", "//c:last"]);
        command.env("WIZ_CACHE_DIR", &cache).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let builds: Vec<_> = workspaces.iter().map(start).collect();
    let mut digests = Vec::new();
    for (build, workspace) in builds.into_iter().zip(workspaces) {
        let ended = workspace.ended(build.wait_with_output().unwrap());
        assert_eq!(ended.status, 0, "{ended}");
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let target = &json["targets"][0];
        assert_eq!(target["label"], "//c:last");
        assert_eq!(target["outputs"][0]["path"], "wiz-out/c/last/last.txt");
        assert_eq!(json["actions"]["total"], 4);
        digests.push(target["outputs"][0]["digest"].as_str().unwrap().to_owned());
        assert_eq!(fs::read_to_string(workspace.path("wiz-out/c/last/last.txt")).unwrap(), TEXT);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
    let after = workspaces[0].wiz(&["build", "//c:last"]);
    assert_eq!(after.stderr, "nothing to do for 4 actions  [TIME]\n");
    let alone = fixture();
    assert_eq!(alone.built("//c:last", &[]), (digests.remove(0), TEXT.to_owned()));
}

#[test]
fn two_builds_in_one_workspace() {
    let workspace = fixture();
    check(&[&workspace, &workspace]);
}

#[test]
fn two_workspaces_over_one_cache() {
    let (one, other) = (fixture(), fixture());
    check(&[&one, &other]);
}

#[test]
fn eight_builds_at_once() {
    let workspaces = [fixture(), fixture(), fixture(), fixture()];
    let [one, two, three, four] = workspaces.each_ref();
    check(&[one, two, three, four, one, two, three, four]);
}
