//! `apk` killed in the middle of its work: the next one sets the root right.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::repository::{Package, Repository, package};
use crate::roots::{listing, trust};
use crate::scratch::Scratch;

/// The signal of the kernel for a file that is longer than allowed.
const SIGXFSZ: i32 = 25;
/// Bytes: long enough for the files of the packages, and the step from one limit to the
/// next, which is no multiple of a line's length.
const FIRST: usize = 61;
const STEP: usize = 223;

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

/// Runs `apk` with a limit on the length of files, at which the kernel kills it: in the
/// middle of a line of the journal, or of the database. Whether it was killed.
fn killed_at(scratch: &Scratch, arguments: &[&str], bytes: usize) -> bool {
    let apk = scratch.command();
    let mut command = Command::new("prlimit");
    command.env_clear().arg(format!("--fsize={bytes}")).arg("--core=0").arg(apk.get_program());
    command.args(apk.get_args()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().unwrap();
    assert!(status.success() || status.signal() == Some(SIGXFSZ), "{status}");
    !status.success()
}

/// Whether the program that sets limits is there.
fn has_prlimit() -> bool {
    let found = Command::new("prlimit").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("skipped: prlimit is not installed");
    }
    found
}

/// Whether `fix` alone brings what was interrupted to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Afterwards {
    Complete,
    /// What is asked for is fulfilled either way, so the command is given again.
    Repeated,
}

/// Runs `arguments` on roots made by `before`, killing it at ever longer files, and
/// compares each root, once mended, with one where nothing was killed.
fn check(arguments: &[&str], afterwards: Afterwards, before: &dyn Fn(&Scratch)) {
    if !has_prlimit() {
        return;
    }
    let whole = prepared();
    before(&whole);
    let done = whole.apk(arguments.iter().copied());
    assert!(done.status.success(), "{}", done.output);
    let expected = listing(&whole.root());
    let mut kills = 0;
    for bytes in (FIRST..).step_by(STEP) {
        let scratch = prepared();
        before(&scratch);
        if !killed_at(&scratch, arguments, bytes) {
            break;
        }
        kills += 1;
        let mended = scratch.apk(["fix", "--no-cache"]);
        assert!(mended.status.success(), "{bytes}: {}", mended.output);
        let audit = scratch.apk(["audit", "--system"]);
        assert_eq!(audit.output, "", "{bytes}: every file is as its package has it");
        if afterwards == Afterwards::Repeated {
            let again = scratch.apk(arguments.iter().copied());
            assert!(again.status.success(), "{bytes}: {}", again.output);
        }
        let found = listing(&scratch.root());
        let is_same = |path: &&String| {
            path.as_str() == "etc/apk/repositories" || found.get(*path) == expected.get(*path)
        };
        let different: Vec<&String> =
            expected.keys().chain(found.keys()).filter(|path| !is_same(path)).collect();
        assert!(different.is_empty(), "{bytes}: {different:?}\n{}", mended.output);
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
