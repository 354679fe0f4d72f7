//! How runs end, and that nothing outlives them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use expect_test::expect;
use wiz_base::RelPath;
use wiz_sandbox::{CancelToken, Ending, SandboxError, interactive, run};

use crate::rig::Rig;

fn ending(questions: &[&str]) -> Ending {
    Rig::new().ask(questions).try_run().unwrap().finished.ending
}

#[test]
fn statuses_and_signals_are_told() {
    assert_eq!(ending(&[]), Ending::Exited(0));
    assert_eq!(ending(&["exit=7"]), Ending::Exited(7));
    assert_eq!(ending(&["exit=255"]), Ending::Exited(255));
    assert_eq!(ending(&["signal=6"]), Ending::Signaled(6));
    assert_eq!(ending(&["signal=9"]), Ending::Signaled(9));
    // A kill of everything spares the init, which reports it.
    assert_eq!(ending(&["signal=15"]), Ending::Signaled(15));
}

#[test]
fn output_and_errors_share_a_log() {
    let rig = Rig::new().ask(&["echo=one", "stderr=two", "echo=three"]);
    expect![[r#"
        one
        two
        three
    "#]]
    .assert_eq(&rig.log());
}

#[test]
fn use_is_measured() {
    let finished = Rig::new().ask(&["eat=64"]).try_run().unwrap().finished;
    let resident = finished.max_rss.unwrap();
    assert!((64 << 20..96 << 20).contains(&resident), "{resident}");
    assert!(finished.user + finished.system > Duration::ZERO);
    assert!(finished.wall > Duration::ZERO);
}

#[test]
fn a_missing_program_is_named() {
    let mut rig = Rig::new();
    rig.spec.argv = vec!["/bin/none".into()];
    let error = rig.try_run().err().unwrap();
    assert!(
        matches!(&error, SandboxError::Program { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    );
    expect![[r#"
        cannot start `/bin/none` in the sandbox: No such file or directory (os error 2)
        hint: the path is looked up in the root: it, and the interpreter or loader it names, have to be in one of the root's trees"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut rig = Rig::new();
    expect!["cannot make a sandbox: the program `` is not an absolute path"]
        .assert_eq(&rig.try_run().err().unwrap().to_string());
    rig.spec.argv = vec!["bin/witness".into()];
    expect!["cannot make a sandbox: the program `bin/witness` is not an absolute path"]
        .assert_eq(&rig.try_run().err().unwrap().to_string());
    rig.spec.argv = vec!["/bin/wit\0ness".into()];
    expect!["cannot make a sandbox: `/bin/wit^ness` contains a NUL byte"]
        .assert_eq(&rig.try_run().err().unwrap().to_string().replace('\0', "^"));
    let mut rig = Rig::new().ask(&["who"]);
    rig.spec.scratch = "scratch".into();
    expect!["cannot make a sandbox: `scratch` is not an absolute path"]
        .assert_eq(&rig.try_run().err().unwrap().to_string());
}

#[test]
fn steps_that_fail_name_their_object() {
    let mut rig = Rig::new().ask(&["who"]);
    rig.spec.working_directory = RelPath::new("build/none").unwrap();
    expect![[r#"
        cannot enter the working directory `/build/none`: No such file or directory (os error 2)
        hint: `wiz doctor` tests every part of the sandbox"#]]
    .assert_eq(&rig.try_run().err().unwrap().to_string());
    let mut rig = Rig::new().ask(&["who"]);
    rig.spec.layers.push(RelPath::new("none").unwrap());
    let error = rig.try_run().err().unwrap().to_string();
    expect![[r#"
        cannot mount the root overlay `HOME/layers/none`: No such file or directory (os error 2)
        hint: `wiz doctor` tests every part of the sandbox"#]]
    .assert_eq(&error.replace(rig.home.path().to_str().unwrap(), "HOME"));
}

#[test]
fn time_is_limited() {
    let mut rig = Rig::new().ask(&["echo=before", "wait"]);
    rig.spec.limits.wall = Some(Duration::from_millis(80));
    let ran = rig.try_run().unwrap();
    assert_eq!((ran.finished.ending, ran.log.as_str()), (Ending::TimedOut, "before\n"));
}

#[test]
fn memory_is_limited() {
    let mut rig = Rig::new().ask(&["eat=8"]);
    rig.spec.limits.memory_bytes = Some(64 << 20);
    assert_eq!(rig.try_run().unwrap().finished.ending, Ending::Exited(0));
    let rig = rig.ask(&["eat=256", "wait"]);
    assert_eq!(rig.try_run().unwrap().finished.ending, Ending::OutOfMemory);
}

#[test]
fn processes_are_limited() {
    let mut rig = Rig::new().ask(&["fork=30"]);
    rig.spec.limits.processes = Some(20);
    let ran = rig.try_run().unwrap();
    if ran.finished.ending != Ending::TooManyProcesses {
        assert_eq!((ran.finished.ending, ran.log.as_str()), (Ending::Exited(0), "forks: 19 EAGAIN\n"));
    }
}

#[test]
fn a_cancelled_run_ends() {
    let rig = Rig::new().ask(&["echo=ready", "wait"]);
    let (read, write) = pipe().unwrap();
    let log = File::from(OwnedFd::from(write));
    let cancel = CancelToken::new().unwrap();
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&rig.spec, &log, &cancel).unwrap());
        let mut line = String::new();
        BufReader::new(&read).read_line(&mut line).unwrap();
        cancel.cancel();
        running.join().unwrap()
    });
    assert_eq!(finished.ending, Ending::Cancelled);
    assert!(cancel.is_cancelled());
    assert_eq!(run(&rig.spec, &log, &cancel).unwrap().ending, Ending::Cancelled);
}

/// The end of a pipe is seen once everybody who could write to it is gone.
#[test]
fn nothing_outlives_the_program() {
    let rig = Rig::new().ask(&["orphan=/build/out/beat", "exit=3"]);
    let (mut read, write) = pipe().unwrap();
    let log = File::from(OwnedFd::from(write));
    let finished = run(&rig.spec, &log, &CancelToken::new().unwrap()).unwrap();
    assert_eq!(finished.ending, Ending::Exited(3));
    drop(log);
    // Blocks for ever if anything of the sandbox lives on.
    assert_eq!(read.read(&mut [0; 8]).unwrap(), 0);
}

/// Set for the process that is to be killed.
const VICTIM: &str = "WIZ_SANDBOX_TEST_VICTIM";

/// Set for the process whose standard input and output a sandbox is to have.
const USER: &str = "WIZ_SANDBOX_TEST_USER";

#[test]
fn a_user_can_talk_to_a_program() {
    if std::env::var_os(USER).is_some() {
        let rig = Rig::new().ask(&["echo=hello", "stdin", "terminal", "exit=5"]);
        let finished = interactive(&rig.spec, &CancelToken::new().unwrap()).unwrap();
        assert_eq!(finished.ending, Ending::Exited(5));
        return;
    }
    let mut user = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "endings::a_user_can_talk_to_a_program", "--nocapture"])
        .env(USER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    user.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = user.wait_with_output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("hello\ntyped\nterminal 0 foreground 0 group 1\n"), "{output}");
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
fn the_sandbox_dies_with_its_parent() {
    if std::env::var_os(VICTIM).is_some() {
        let rig = Rig::new().ask(&["orphan=/build/out/beat", "echo=ready", "wait"]);
        let log = File::from(std::io::stderr().as_fd().try_clone_to_owned().unwrap());
        run(&rig.spec, &log, &CancelToken::new().unwrap()).unwrap();
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "endings::the_sandbox_dies_with_its_parent", "--nocapture"])
        .env(VICTIM, "1")
        .env("TMPDIR", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(victim.stderr.take().unwrap());
    let mut line = String::new();
    while line != "ready\n" {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the victim ended early");
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    // Blocks for ever if anything of the sandbox lives on.
    log.read_to_end(&mut Vec::new()).unwrap();
    wiz_sandbox::remove_tree(home.path()).unwrap();
}
