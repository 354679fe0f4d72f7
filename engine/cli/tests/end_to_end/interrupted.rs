//! Builds that are ended from outside, at any moment: nothing of them runs on, and the next
//! one is right.
//!
//! `WIZ_RANDOM_KILLS` says how often a build is killed, 20 times by default.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Fixture, LOAD, next_random, rounds};

/// A word for command lines that no other process has.
fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("marker-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How many processes have `marker` in their command lines.
fn running(marker: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let command_lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    command_lines.filter(|line| String::from_utf8_lossy(line).contains(marker)).count()
}

/// A dozen actions in two chains that meet; each writes half of its output, takes its time,
/// and writes the rest.
fn chains(marker: &str) -> String {
    let mut text = LOAD.to_owned();
    for (chain, nap) in [("p", 50), ("q", 5)] {
        for step in 0..6u32 {
            let before = match step.checked_sub(1) {
                None => "srcs = [\"round.txt\"]".to_owned(),
                Some(before) => format!("deps = [\":{chain}{before}\"]"),
            };
            let words = format!(
                "[\"note\", \"{marker}\", \"say\", \"half\", \"nap\", \"{nap}\", \"say\", \"{chain}{step}\"]"
            );
            text += &format!("tool(name = \"{chain}{step}\", {before}, words = {words})\n");
        }
    }
    text + "tool(name = \"all\", deps = [\":p5\", \":q5\"])\n"
}

fn spawn(fixture: &Fixture, arguments: &[&str]) -> Child {
    fixture
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a process go on for so long, or to its end if that comes before.
fn wait_at_most(child: &mut Child, patience: Duration) {
    let mut stdout = child.stdout.take().unwrap();
    let (ended, end) = channel();
    std::thread::spawn(move || {
        let _ = stdout.read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    let _ = end.recv_timeout(patience);
}

#[test]
fn killed_at_any_moment() {
    let seed = RandomState::new().hash_one(0);
    let (fixture, reference) = (Fixture::new(&[]), Fixture::new(&[]));
    let marker = marker();
    for workspace in [&fixture, &reference] {
        workspace.write("k/BUILD.star", &chains(&marker));
        workspace.write("k/round.txt", "undisturbed\n");
    }
    let begun = Instant::now();
    let _ = fixture.built("//k:all", &["--jobs", "2"]);
    let undisturbed = begun.elapsed();
    let (mut random, mut killed) = (seed, 0);
    for round in 0..rounds("WIZ_RANDOM_KILLS", 20) {
        let thousandths = u32::try_from(next_random(&mut random) % 1000).unwrap();
        let place = format!("seed {seed}, round {round}, killed after {thousandths}/1000 of {undisturbed:?}");
        for workspace in [&fixture, &reference] {
            workspace.write("k/round.txt", &format!("{round}\n"));
        }
        let mut child = spawn(&fixture, &["build", "//k:all", "--jobs", "2"]);
        wait_at_most(&mut child, undisturbed * thousandths / 1000);
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal().is_some());
        let after = fixture.built("//k:all", &["--jobs", "2"]);
        assert_eq!(running(&marker), 0, "{place}");
        assert_eq!(after, reference.built("//k:all", &["--jobs", "2"]), "{place}");
        assert!(after.1.starts_with(&format!("{round}\nhalf\np0\n")), "{place}: {}", after.1);
    }
    assert!(killed > 0, "seed {seed}: every build had ended before it was to be killed");
}

/// Sends a signal to a build whose second action sleeps, and checks how it ends and what the
/// next build does.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(signal: Signal, ended: Expect, next: Expect) {
    let marker = marker();
    let sleeping = format!(
        "{LOAD}tool(name = \"first\")\ntool(name = \"x\", deps = [\":first\"], words = [\"note\", \"{marker}\", \"sleep\", \"600\"])\n"
    );
    let fixture = Fixture::new(&[("a/BUILD.star", &sleeping)]);
    let mut command = fixture.command(&["build", "//a:x", "--jobs", "2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while running(&marker) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it slept");
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    ended.assert_eq(&fixture.ended(child.wait_with_output().unwrap()).to_string());
    assert_eq!(running(&marker), 0);
    fixture.write("a/BUILD.star", &sleeping.replace("\"sleep\", \"600\"", "\"say\", \"awake\""));
    next.assert_eq(&fixture.events("//a:x"));
    assert_eq!(fixture.built("//a:x", &[]).1, "awake\n");
}

#[test]
fn interrupted_by_the_user() {
    check(
        Signal::INT,
        expect![[r#"
        status 1
        [1/2] //a:first tool  [TIME]
        1 of 2 actions executed, 1 not started  [TIME]
        WIZ2023

          x interrupted
          help: what was finished is kept: the same command goes on from there
    "#]],
        expect![[r#"
        //a:first tool: local_hit
        //a:x tool: executed
        1 of 2 actions executed
    "#]],
    );
}

#[test]
fn terminated_by_the_system() {
    check(
        Signal::TERM,
        expect![[r#"
        status 1
        [1/2] //a:first tool  [TIME]
        1 of 2 actions executed, 1 not started  [TIME]
        WIZ2023

          x interrupted
          help: what was finished is kept: the same command goes on from there
    "#]],
        expect![[r#"
        //a:first tool: local_hit
        //a:x tool: executed
        1 of 2 actions executed
    "#]],
    );
}

#[test]
fn left_by_its_terminal() {
    check(
        Signal::HUP,
        expect![[r#"
        status 1
        [1/2] //a:first tool  [TIME]
        1 of 2 actions executed, 1 not started  [TIME]
        WIZ2023

          x interrupted
          help: what was finished is kept: the same command goes on from there
    "#]],
        expect![[r#"
        //a:first tool: local_hit
        //a:x tool: executed
        1 of 2 actions executed
    "#]],
    );
}
