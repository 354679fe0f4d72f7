//! Roots that a killed process has left.

use std::fs;
use std::path::Path;

use expect_test::expect;
use tempfile::TempDir;
use wiz_apk::database::installed;

use super::recover;
use crate::root::Root;
use crate::state::State;

const OLD: &str = "C:Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=\nP:a\nV:1\nS:1\nI:1\nF:usr\nR:old\nR:same\n\n";
const NEW: &str = "C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=\nP:a\nV:2\nS:1\nI:1\nF:usr\nR:new\nR:same\n";

/// A root with a database, the package `OLD`, and this journal.
fn root(journal: &str) -> (TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    State::create(&root).unwrap();
    let packages = installed::parse(OLD).unwrap();
    State { packages, ..State::default() }.write(&root).unwrap();
    for name in ["old", "same", ".apk.new", ".apk.same"] {
        fs::write(folder.path().join("usr").join(name), name).unwrap();
    }
    fs::create_dir(folder.path().join("usr/made")).unwrap();
    fs::write(folder.path().join("usr/lib/apk/db/journal"), journal).unwrap();
    (folder, root)
}

fn begin() -> String {
    r#"{"begin":{"version":1,"world":["a","b@edge>1"]}}"#.to_owned() + "\n"
}

fn staged() -> String {
    let lines = [r#"{"folder":"usr/made"}"#, r#"{"stage":"usr/.apk.new"}"#, r#"{"stage":"usr/.apk.same"}"#];
    lines.map(|line| format!("{line}\n")).concat()
}

fn commit() -> String {
    let installed = serde_json::to_string(NEW).unwrap();
    let steps = r#"[{"rename":{"folder":"usr","from":".apk.new","to":"new"}},{"rename":{"folder":"usr","from":".apk.same","to":"same"}},{"remove":"usr/old"},{"remove-folder":"usr/none"}]"#;
    let removed = "Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=";
    format!("{{\"commit\":{{\"installed\":{installed},\"removed\":\"{removed}\",\"steps\":{steps}}}}}\n")
}

/// The files in `usr`, the folder of libraries left out, and the installed versions.
fn outcome(folder: &Path, root: &Root) -> String {
    let mut names: Vec<String> = fs::read_dir(folder.join("usr"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lib")
        .collect();
    names.sort();
    let state = State::read(root).unwrap().unwrap();
    let versions: Vec<String> = state.packages.iter().map(|package| package.record.display_name()).collect();
    assert!(!folder.join("usr/lib/apk/db/journal").exists());
    format!("{} | {}", names.join(" "), versions.join(" "))
}

#[test]
fn what_was_only_staged_is_undone() {
    let (folder, root) = root(&(begin() + &staged()));
    let recovery = recover(&root).unwrap().unwrap();
    assert_eq!(recovery.finished, 0);
    assert_eq!(recovery.world.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b@edge>1"]);
    expect!["old same | a-1"].assert_eq(&outcome(folder.path(), &root));
    assert_eq!(recover(&root).unwrap(), None);
}

#[test]
fn what_was_committed_is_finished() {
    let (folder, root) = root(&(begin() + &staged() + &commit()));
    assert_eq!(recover(&root).unwrap().unwrap().finished, 1);
    expect!["made new same | a-2"].assert_eq(&outcome(folder.path(), &root));
    assert_eq!(fs::read_to_string(folder.path().join("usr/same")).unwrap(), ".apk.same");
}

#[test]
fn what_was_done_is_not_done_again() {
    let (folder, root) = root(&(begin() + &staged() + &commit() + "\"done\"\n"));
    recover(&root).unwrap();
    // The steps are not repeated: these files came later.
    expect![".apk.new .apk.same made old same | a-2"].assert_eq(&outcome(folder.path(), &root));
}

#[test]
fn steps_that_were_done_do_no_harm_again() {
    let (folder, root) = root(&(begin() + &staged() + &commit()));
    fs::rename(folder.path().join("usr/.apk.new"), folder.path().join("usr/new")).unwrap();
    fs::remove_file(folder.path().join("usr/old")).unwrap();
    recover(&root).unwrap();
    expect!["made new same | a-2"].assert_eq(&outcome(folder.path(), &root));
}

#[test]
fn a_torn_line_does_not_count() {
    let torn = commit();
    let (folder, root) = root(&(begin() + &staged() + &torn[..torn.len() - 1]));
    recover(&root).unwrap();
    expect!["old same | a-1"].assert_eq(&outcome(folder.path(), &root));
}

#[test]
fn a_journal_that_is_none_is_refused() {
    for (journal, message) in [
        ("{\n", "the journal of the root is malformed"),
        (
            "{\"begin\":{\"version\":2,\"world\":[]}}\n",
            "the journal of the root is of version 2, hint: this program knows version 1",
        ),
    ] {
        let (folder, root) = root(journal);
        assert_eq!(recover(&root).unwrap_err().to_string(), message);
        assert!(folder.path().join("usr/lib/apk/db/journal").exists());
    }
}
