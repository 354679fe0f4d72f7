//! Looking after the cache: what takes space, what goes first, what is never dropped, what a
//! damaged file costs.

use std::fs;
use std::time::Duration;

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

/// A workspace with two targets of a megabyte each.
fn fixture() -> Fixture {
    let targets = "tool(name = \"one\", srcs = [\"one.txt\"])\ntool(name = \"two\", srcs = [\"two.txt\"])\n";
    let files = [
        ("c/BUILD.star", format!("{LOAD}{targets}")),
        ("c/one.txt", "1".repeat(1_000_000)),
        ("c/two.txt", "2".repeat(1_000_000)),
    ];
    Fixture::new(&files.each_ref().map(|(path, text)| (*path, text.as_str())))
}

fn bytes(fixture: &Fixture) -> u64 {
    let ended = fixture.wiz(&["cache", "stats", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    json["stores"]["blake3"]["bytes"].as_u64().unwrap()
}

/// Ages everything in the cache by a day, then has a target looked up again.
fn age_all_but(fixture: &Fixture, label: &str) {
    for folder in ["results", "trees"] {
        for file in files(&fixture.cache().join("v1-blake3").join(folder)) {
            let file = fs::File::open(file).unwrap();
            let day_before = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(86_400);
            file.set_modified(day_before).unwrap();
        }
    }
    let _ = fs::remove_dir_all(fixture.cache().join("v1-blake3/index"));
    let _ = fs::remove_dir_all(fixture.cache().join("workspaces"));
    assert_eq!(fixture.executed(label), 0);
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_was_used_lately_stays() {
    let fixture = fixture();
    let _ = (fixture.executed("//c:one"), fixture.executed("//c:two"));
    age_all_but(&fixture, "//c:one");
    let name = |target: &str| format!("//c:{target} ([ARCH])/{target}.txt");
    let mut budget = bytes(&fixture);
    let kept = loop {
        budget = budget.checked_sub(400_000).expect("less than both results need is too little for one");
        let ended = fixture.wiz(&["cache", "gc", "--budget", &budget.to_string(), "--explain"]);
        assert_eq!(ended.status, 0, "{ended}");
        assert!(bytes(&fixture) <= budget, "{ended}");
        let is_kept = |target: &str| {
            let line = ended.stdout.lines().find(|line| line.ends_with(&name(target)));
            // Below the budget nothing is decided.
            line.is_none_or(|line| line.starts_with("kept"))
        };
        let kept = ["one", "two"].map(is_kept);
        if kept != [true, true] {
            break kept;
        }
    };
    assert_eq!(kept, [true, false]);
    let _ = fs::remove_dir_all(fixture.cache().join("workspaces"));
    assert_eq!([fixture.executed("//c:one"), fixture.executed("//c:two")], [0, 1]);
}

#[test]
fn a_build_keeps_to_the_budget_by_itself() {
    let fixture = fixture();
    let settings = fixture.home().join(".config/wiz");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.toml"), "[cache]\nbudget = \"1M\"\n").unwrap();
    let _ = (fixture.executed("//c:one"), fixture.executed("//c:two"));
    assert!(bytes(&fixture) < 5_000_000, "{}", bytes(&fixture));
    // What was dropped is made again, and what was linked is whole.
    assert_eq!(fixture.built("//c:one", &[]).1, "1".repeat(1_000_000));
}

#[test]
fn without_a_budget_nothing_is_collected() {
    let fixture = fixture();
    let ended = fixture.wiz(&["cache", "gc"]);
    expect![[r#"
        status 2
        WIZ2100

          x nothing says how large the cache may be
          help: give `--budget 20G`, or write `budget = "20G"` under `[cache]` in config.toml
    "#]]
    .assert_eq(&ended.to_string());
    let ended = fixture.wiz(&["cache", "gc", "--budget", "lots"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("sizes look like"), "{ended}");
}

#[test]
fn what_is_damaged_is_found_and_made_again() {
    let fixture = fixture();
    let (digest, _) = fixture.built("//c:one", &[]);
    assert_eq!(fixture.wiz(&["cache", "verify"]).status, 0);
    let hash = digest.split_once('/').unwrap().0;
    let blob = fixture.cache().join("v1-blake3/blobs").join(&hash[..2]).join(hash);
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "3".repeat(1_000_000)).unwrap();
    let ended = fixture.wiz(&["cache", "verify"]);
    assert_eq!(ended.status, 1, "{ended}");
    assert!(ended.stdout.contains(&format!("damaged blob {hash}")), "{ended}");
    assert_eq!(fixture.wiz(&["cache", "verify"]).status, 0);
    let _ = fs::remove_dir_all(fixture.cache().join("workspaces"));
    assert_eq!(fixture.built("//c:one", &[]).0, digest);
}
