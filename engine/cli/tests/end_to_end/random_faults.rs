//! Faults at any moment: a disk that is full at any byte, an index damaged in any way. The next
//! build is right, nothing hangs, and no panic is shown.
//!
//! `WIZ_RANDOM_FAULTS` says how many faults of each sort there are, 8 by default.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use crate::fixture::{Fixture, LOAD, next_random, rounds};

/// Two chains that meet, each target's output larger than the one before.
fn definition() -> String {
    let mut text = LOAD.to_owned();
    for chain in ["p", "q"] {
        for step in 0..4u32 {
            let before = step.checked_sub(1).map(|before| format!("deps = [\":{chain}{before}\"], "));
            let before = before.unwrap_or_else(|| "srcs = [\"round.txt\"], ".to_owned());
            text +=
                &format!("tool(name = \"{chain}{step}\", {before}words = [\"say\", \"{chain}{step}\"])\n");
        }
    }
    text + "tool(name = \"all\", deps = [\":p3\", \":q3\"])\n"
}

fn workspace() -> Fixture {
    let source = "0123456789abcdef".repeat(4096);
    Fixture::new(&[("f/BUILD.star", &definition()), ("f/round.txt", &source)])
}

/// What the cache takes.
fn bytes(fixture: &Fixture) -> u64 {
    let ended = fixture.wiz(&["cache", "stats", "--json"]);
    let stats: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    stats["stores"]["blake3"]["bytes"].as_u64().unwrap()
}

fn says_no_panic(said: &str, place: &str) {
    assert!(!said.contains("panicked") && !said.contains("bug in wiz"), "{place}\n{said}");
}

#[test]
fn a_disk_that_fills_up_at_any_moment() {
    // The cache has a disk of its own, which grows before the second build.
    const SCRIPT: &str = r#"
        mkdir -p "$WIZ_CACHE_DIR"
        mount -t tmpfs -o "size=${SIZE}k" wiz-cache "$WIZ_CACHE_DIR"
        first=0
        "$@" --jobs 2 > first.out 2> first.err || first=$?
        echo "$first" > first.status
        mount -o remount,size=64m wiz-cache "$WIZ_CACHE_DIR"
        exec "$@" --json
    "#;
    let seed = RandomState::new().hash_one(0);
    let mut random = seed;
    let reference = workspace();
    let expected = reference.built("//f:all", &[]);
    let enough_kib = bytes(&reference) / 1024;
    let mut filled = 0;
    for round in 0..rounds("WIZ_RANDOM_FAULTS", 8) {
        let kib = 64 + next_random(&mut random) % enough_kib;
        let place = format!("seed {seed}, round {round}, a disk of {kib} KiB");
        let fixture = workspace();
        let mut command = fixture.surrounded(SCRIPT, &["build", "//f:all"]);
        let ended = fixture.run(command.env("SIZE", kib.to_string()));
        let said = fs::read_to_string(fixture.path("first.err")).unwrap();
        says_no_panic(&said, &place);
        says_no_panic(&ended.stderr, &place);
        match fs::read_to_string(fixture.path("first.status")).unwrap().trim() {
            "0" => {}
            "3" => filled += 1,
            other => panic!("{place}: status {other}\n{said}"),
        }
        assert_eq!(ended.status, 0, "{place}\n{ended}");
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(json["targets"][0]["outputs"][0]["digest"], expected.0, "{place}");
    }
    assert!(filled > 0, "seed {seed}: no disk was too small");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// Truncates a file, fills it with noise, removes it, puts a folder in its place, or makes it
/// unreadable to all but root.
fn damage(file: &Path, random: &mut u64) -> &'static str {
    let length = fs::metadata(file).unwrap().len();
    let kept = usize::try_from(next_random(random) % (length + 1)).unwrap();
    let bytes = fs::read(file).unwrap();
    match next_random(random) % 5 {
        0 => {
            fs::write(file, &bytes[..kept]).unwrap();
            "truncated"
        }
        1 => {
            let noise: Vec<u8> = bytes.iter().map(|_| next_random(random).to_le_bytes()[0]).collect();
            fs::write(file, noise).unwrap();
            "noise"
        }
        2 => {
            let mut bytes = bytes;
            bytes[kept..].fill(0);
            fs::write(file, bytes).unwrap();
            "zeroed to its end"
        }
        3 => {
            fs::remove_file(file).unwrap();
            "removed"
        }
        _ => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
            "a folder"
        }
    }
}

#[test]
fn an_index_damaged_in_any_way() {
    let seed = RandomState::new().hash_one(0);
    let mut random = seed;
    let fixture = workspace();
    let expected = fixture.built("//f:all", &[]);
    let collect = |place: &str| {
        // A budget just below what is there: the index is asked what was used last.
        let budget = bytes(&fixture) - 1;
        let ended = fixture.wiz(&["cache", "gc", "--budget", &budget.to_string()]);
        says_no_panic(&ended.stderr, place);
        assert_eq!(ended.status, 0, "{place}\n{ended}");
    };
    collect("undamaged");
    for round in 0..rounds("WIZ_RANDOM_FAULTS", 8) {
        let index = files(&fixture.cache().join("v1-blake3/index"));
        let which = usize::try_from(next_random(&mut random)).unwrap() % index.len();
        let how = damage(&index[which], &mut random);
        let place = format!("seed {seed}, round {round}, {}: {how}", index[which].display());
        let _ = fs::remove_dir_all(fixture.cache().join("workspaces"));
        assert_eq!(fixture.built("//f:all", &[]), expected, "{place}");
        collect(&place);
        assert_eq!(fixture.built("//f:all", &[]), expected, "{place}");
    }
}
