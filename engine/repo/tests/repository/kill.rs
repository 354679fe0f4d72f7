//! A publication killed before each of its changes: whatever a reader finds is whole,
//! and the next publication finishes the work. The process that is killed is this
//! test's own binary, told by an environment variable where to die.

#![expect(clippy::disallowed_methods, reason = "what a process is to do is told by its environment")]

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rustix::process::{Signal, getpid, kill_process};

use crate::bench::{ARCH, Bench, KEYS_VARIABLE, faults, keys_folder, names};

/// `<change> <folder>` for the process that publishes: where it dies, where it works.
const ROLE: &str = "WIZ_REPO_TEST_ROLE";

/// Whether that process revokes the key `first`.
const REVOKING: &str = "WIZ_REPO_TEST_REVOKING";

const BEFORE: [&str; 2] = ["base 1-r0 /etc/base:one", "tool 1-r0 depends=base"];
const AFTER: [&str; 3] = ["base 1-r1 /etc/base:two", "more 1-r0 depends=tool", "tool 1-r0 depends=base"];

/// Publishes `after`, signed by `second`, over what `first` published.
fn publish(bench: &Bench, revoking: bool, die_at: Option<usize>) {
    let mut seen = 0;
    let (trusting, revoked): (&[&str], &[&str]) =
        if revoking { (&["second"], &["first"]) } else { (&["first", "second"], &[]) };
    let published = bench.publish_with(&bench.path("after"), "second", trusting, revoked, &mut |_| {
        if die_at == Some(seen) {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        seen += 1;
    });
    published.unwrap();
}

/// What the started process does; nothing in the test run itself, which starts it.
#[test]
fn the_process_that_dies() {
    let Ok(role) = env::var(ROLE) else { return };
    let (change, folder) = role.split_once(' ').unwrap();
    publish(&Bench::at(Path::new(folder)), env::var_os(REVOKING).is_some(), Some(change.parse().unwrap()));
}

fn start(bench: &Bench, revoking: bool, change: usize) -> ExitStatus {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["kill::the_process_that_dies", "--exact"]).env(KEYS_VARIABLE, keys_folder());
    command.env(ROLE, format!("{change} {}", bench.path("").display()));
    if revoking {
        command.env(REVOKING, "yes");
    }
    command.output().unwrap().status
}

/// Kills a publication before change after change until it has no more, and returns how
/// often. `old` brings the published repository to where the publication begins.
fn kill_everywhere(revoking: bool, old: impl Fn(&Bench)) -> usize {
    for change in 0.. {
        let bench = Bench::new();
        old(&bench);
        bench.signed("after", "second", &AFTER);
        let status = start(&bench, revoking, change);
        let folder = bench.path("published");
        // A file that is signed anew may be a few bytes longer than the old index says:
        // its identity, which readers go by, is the same.
        let found = faults(&folder, &["first", "second"], None);
        let serious = found.lines().filter(|fault| !(revoking && fault.contains(" bytes, the index says ")));
        assert_eq!(serious.collect::<Vec<_>>(), [""; 0], "killed before change {change}");
        if status.signal() != Some(9) {
            assert!(status.success(), "{status}");
            return change;
        }
        publish(&bench, revoking, None);
        assert_eq!(faults(&folder, if revoking { &["second"] } else { &["first", "second"] }, None), "");
        let expected =
            ["APKINDEX.tar.gz", "base-1-r0.apk", "base-1-r1.apk", "more-1-r0.apk", "tool-1-r0.apk"];
        assert_eq!(names(&folder.join(ARCH)), expected);
        let left = fs::read_dir(folder.join(ARCH)).unwrap().map(|entry| entry.unwrap().file_name());
        let left = left.filter(|name| name.to_string_lossy().starts_with('.'));
        assert_eq!(left.count(), 0, "nothing is left in the making");
    }
    unreachable!("a publication has an end")
}

#[test]
fn additions_survive_a_kill_at_every_change() {
    let kills = kill_everywhere(false, |bench| {
        bench.publish(&bench.signed("before", "first", &BEFORE), "first").unwrap();
    });
    // Journal, keys, two packages copied and put in place, index, removal.
    assert_eq!(kills, 8);
}

#[test]
fn a_first_publication_survives_a_kill_at_every_change() {
    // There is no index until everything is there, so there is nothing to check before.
    for change in 0.. {
        let bench = Bench::new();
        bench.signed("after", "second", &AFTER);
        let status = start(&bench, false, change);
        let index = bench.path("published").join(ARCH).join("APKINDEX.tar.gz");
        if index.exists() {
            assert_eq!(faults(&bench.path("published"), &["second"], None), "");
        }
        if status.success() {
            assert!(index.exists());
            return;
        }
        publish(&bench, false, None);
        assert_eq!(faults(&bench.path("published"), &["second"], None), "");
    }
}

#[test]
fn revocation_survives_a_kill_at_every_change() {
    let kills = kill_everywhere(true, |bench| {
        bench.publish(&bench.signed("before", "first", &BEFORE), "first").unwrap();
        let by_second = bench.signed("between", "second", &BEFORE);
        bench.publish_with(&by_second, "second", &["first", "second"], &[], &mut |_| {}).unwrap();
    });
    // As above, and two packages signed anew.
    assert_eq!(kills, 12);
}
