//! apk-tools' own solver cases, as far as they start from nothing installed, and the
//! index of a real distribution.

use std::collections::{BTreeMap, BTreeSet};

use wiz_apk::index::archive::IndexArchive;
use wiz_apk::{Dependency, Record};
use wiz_testkit::reference_data;

use super::outcome;
use crate::{Request, solve};

/// Cases whose answer differs, and why that is wanted.
const DIFFERENT: [(&str, &str); 1] = [(
    "provides14",
    "what `install_if` brings in may provide a virtual name, in whatever order they are met",
)];

/// A case that only adds packages to an empty root.
struct Case {
    world: String,
    repositories: Vec<String>,
    expected: String,
}

/// `None` if the case is about upgrades, removal, pinning or command-line flags.
fn parse_case(text: &str) -> Option<Case> {
    let (head, expected) = text.split_once("@EXPECT\n")?;
    let (mut world, mut repositories) = (None, Vec::new());
    for line in head.lines() {
        match line.split_once(' ') {
            Some(("@ARGS", arguments)) => world = arguments.strip_prefix("add "),
            Some(("@REPO", file)) if !file.starts_with('@') => repositories.push(file.to_owned()),
            _ => return None,
        }
    }
    let world =
        world.filter(|world| !world.contains(['@']) && !world.contains(" -") && !world.starts_with('-'))?;
    Some(Case { world: world.to_owned(), repositories, expected: expected.to_owned() })
}

/// `(1/2) Installing b (2)` as `b-2`; `None` if an error is expected.
fn parse_expected(text: &str) -> Option<Vec<String>> {
    if text.contains("ERROR:") {
        return None;
    }
    let lines = text.lines().filter_map(|line| line.split_once(") Installing "));
    Some(lines.map(|(_, package)| package.replace(" (", "-").replace(')', "")).collect())
}

/// The records of a case, the first of each identity. Most identities are made up and
/// no base64, so they are left out; apk compares them without the bits beyond SHA-1.
fn distinct_records(text: &str) -> Vec<Record> {
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let (identity, lines): (Vec<&str>, Vec<&str>) =
            paragraph.trim().lines().partition(|line| line.starts_with("C:"));
        let identity = identity.concat();
        let last = identity.bytes().rev().nth(1).unwrap_or_default();
        let sextet = match last {
            b'A'..=b'Z' => last - b'A',
            b'a'..=b'z' => last - b'a' + 26,
            _ => last,
        };
        if seen.insert((identity[..identity.len().saturating_sub(2)].to_owned(), sextet / 4)) {
            records.push(Record::parse(&lines.join("\n")).unwrap());
        }
    }
    records
}

#[test]
fn apks_own_cases_have_apks_answers() {
    let Some(folder) = reference_data::folder() else { return };
    let mut cases = BTreeMap::new();
    for file in std::fs::read_dir(folder.join("apk/solver")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "test") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            cases.extend(parse_case(&std::fs::read_to_string(path).unwrap()).map(|case| (name, case)));
        }
    }
    let mut different = Vec::new();
    for (name, case) in &cases {
        let read = |file: &String| std::fs::read_to_string(folder.join("apk/solver").join(file)).unwrap();
        let text: Vec<String> = case.repositories.iter().map(read).collect();
        let records = distinct_records(&text.join("\n"));
        // A world that cannot be parsed never reaches the solver.
        if wiz_apk::dependency::parse_list::<Dependency>(&case.world).is_err() {
            assert!(case.expected.starts_with("ERROR"), "{name}");
            continue;
        }
        let found = outcome(&case.world, &records);
        if found.clone().ok() != parse_expected(&case.expected) {
            different.push((name.as_str(), format!("{found:?}\n{}", case.expected)));
        }
    }
    let names: Vec<&str> = different.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, DIFFERENT.map(|(name, _)| name), "{different:#?}");
    assert_eq!(cases.len(), 35);
}

#[test]
fn packages_of_a_real_distribution_are_solved() {
    let Some(folder) = reference_data::folder() else { return };
    let file = std::fs::read(folder.join("apk/fixtures/alpine-317--APKINDEX.tar.gz")).unwrap();
    let records: Vec<Record> = IndexArchive::read(file.as_slice()).unwrap().records().unwrap();
    for (wishes, least) in [("nginx postgresql15 python3", 20), ("gcc cmake git openssh", 30), ("busybox", 2)]
    {
        let world: Vec<Dependency> = wiz_apk::dependency::parse_list(wishes).unwrap();
        let solution = solve(&Request { world: &world, candidates: &records, arch: None }).unwrap();
        assert!(solution.packages.len() >= least, "{wishes}: {}", solution.packages.len());
        super::random::assert_sound(&world, &solution);
    }
}
