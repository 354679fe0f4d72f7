//! `apk` killed in the middle of its work: the next one sets the root right.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::repository::{Package, Repository, package};
use crate::roots::{listing, trust};
use crate::scratch::Scratch;

const JOURNAL: &str = "usr/lib/apk/db/journal";

fn packages(version: &str) -> Vec<Package> {
    let text = format!("text of {version}");
    let files: Vec<(String, &str)> =
        (0..20).map(|number| (format!("usr/share/data/f{number:02}"), text.as_str())).collect();
    let mut listed = vec![("usr/", ""), ("usr/share/", ""), ("usr/share/data/", "")];
    listed.extend(files.iter().map(|(path, text)| (path.as_str(), *text)));
    let own = format!("usr/only-{version}");
    vec![
        package("data", version, &listed),
        package("tool", version, &[("usr/", ""), (&own, "text"), ("usr/link -> share", "")]).depends("data"),
    ]
}

fn prepared() -> Scratch {
    let scratch = Scratch::new();
    trust(&scratch);
    scratch.write("etc/apk/repositories", &format!("{}\n", scratch.path().join("repo").display()));
    scratch
}

fn publish(scratch: &Scratch, version: &str) {
    Repository::publish(&scratch.path().join("repo"), &packages(version));
}

/// Starts `apk` and kills it as soon as its journal has this many lines; whether it was
/// killed before it had come to its end.
fn killed_at(scratch: &Scratch, arguments: &[&str], lines: usize) -> bool {
    let mut child =
        scratch.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = scratch.root().join(JOURNAL);
    let has_come = |child: &mut Child| child.try_wait().unwrap().is_some();
    while count(&journal) < lines {
        if has_come(&mut child) {
            return false;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

fn count(journal: &Path) -> usize {
    fs::read(journal).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Whether `fix` alone brings what was interrupted to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    Complete,
    /// What is asked for is fulfilled either way, so the command is given again.
    Repeated,
}

/// Runs `arguments` on roots made by `before`, killing it at every other line of its
/// journal, and compares each root, once mended, with one where nothing was killed.
fn check(arguments: &[&str], afterwards: Afterwards, before: &dyn Fn(&Scratch)) {
    let whole = prepared();
    before(&whole);
    let done = whole.apk(arguments.iter().copied());
    assert!(done.status.success(), "{}", done.output);
    let expected = listing(&whole.root());
    let mut kills = 0;
    for lines in (1..).step_by(2) {
        let scratch = prepared();
        before(&scratch);
        if !killed_at(&scratch, arguments, lines) {
            break;
        }
        kills += 1;
        let mended = scratch.apk(["fix", "--no-cache"]);
        assert!(mended.status.success(), "{lines}: {}", mended.output);
        let audit = scratch.apk(["audit", "--system"]);
        assert_eq!(audit.output, "", "{lines}: every file is as its package has it");
        if afterwards == Afterwards::Repeated {
            let again = scratch.apk(arguments.iter().copied());
            assert!(again.status.success(), "{lines}: {}", again.output);
        }
        let found = listing(&scratch.root());
        let is_same = |path: &&String| {
            path.as_str() == "etc/apk/repositories" || found.get(*path) == expected.get(*path)
        };
        let different: Vec<&String> =
            expected.keys().chain(found.keys()).filter(|path| !is_same(path)).collect();
        assert!(different.is_empty(), "{lines}: {different:?}\n{}", mended.output);
    }
    assert!(kills > 2, "{kills} kills");
}

#[test]
fn an_interrupted_installation_is_finished_by_fix() {
    check(&["add", "--initdb", "--no-cache", "tool"], Afterwards::Complete, &|scratch| publish(scratch, "1"));
}

#[test]
fn an_interrupted_upgrade_is_made_whole_by_fix() {
    check(&["upgrade", "--no-cache"], Afterwards::Repeated, &|scratch| {
        publish(scratch, "1");
        let added = scratch.apk(["add", "--initdb", "--no-cache", "tool"]);
        assert!(added.status.success(), "{}", added.output);
        publish(scratch, "2");
    });
}

#[test]
fn an_interrupted_removal_is_finished_by_fix() {
    check(&["del", "tool"], Afterwards::Complete, &|scratch| {
        publish(scratch, "1");
        let added = scratch.apk(["add", "--initdb", "--no-cache", "tool"]);
        assert!(added.status.success(), "{}", added.output);
    });
}
