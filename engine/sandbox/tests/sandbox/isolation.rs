//! What a program sees of the machine, and what it is refused.

use std::sync::Arc;

use expect_test::{Expect, expect};

use wiz_sandbox::{Finding, probe};

use crate::rig::Rig;

fn check(questions: &[&str], expected: Expect) {
    expected.assert_eq(&Rig::new().ask(questions).log());
}

#[test]
fn identity_is_fixed() {
    check(
        &["who", "status=CapEff", "status=CapPrm", "status=CapAmb", "status=Seccomp:"],
        expect![[r#"
        uid 1000 1000 gid 1000 1000
        host wiz domain (none)
        cwd /build
        umask 022
        personality 0x40000
        no new privileges 1
        pid 2 ppid 1 sid 1 pgrp 1
        env LANG=C.UTF-8
        CapEff:	0000000000000000
        CapPrm:	0000000000000000
        CapAmb:	0000000000000000
        Seccomp:	2
    "#]],
    );
}

#[test]
fn only_its_own_processes_and_descriptors_are_seen() {
    check(
        &["pids", "fds"],
        expect![[r#"
            pids: 1 2
            fds: 0 1 2
        "#]],
    );
}

#[test]
fn the_root_has_what_was_given_and_little_else() {
    check(
        &[
            "ls=/",
            "ls=/build",
            "ls=/dev",
            "ls=/dev/pts",
            "ls=/tmp",
            "ls=/build/src",
            "mode=/",
            "mode=/tmp",
            "mode=/build/out",
            "mode=/dev/shm",
        ],
        expect![[r#"
            /: bin build dev proc tmp
            /build: in out src
            /dev: fd full null ptmx pts random shm stderr stdin stdout tty urandom zero
            /dev/pts: ptmx
            /tmp:
            /build/src:
            /: 40755 1000:1000
            /tmp: 41777 1000:1000
            /build/out: 40755 1000:1000
            /dev/shm: 41777 1000:1000
        "#]],
    );
}

#[test]
fn devices_and_terminals_work() {
    check(
        &[
            "put=x>/dev/null",
            "put=x>/dev/full",
            "put=x>/dev/tty",
            "mode=/dev/zero",
            "put=x>/dev/shm/file",
            "cat=/dev/shm/file",
            "put=x>/dev/ptmx",
        ],
        expect![[r#"
            put /dev/null: ok
            put /dev/full: ENOSPC
            put /dev/tty: ENXIO
            /dev/zero: 20666
            put /dev/shm/file: ok
            /dev/shm/file: x
            put /dev/ptmx: ok
        "#]],
    );
}

#[test]
fn the_kernels_settings_are_out_of_reach() {
    check(
        &["put=x>/proc/sys/kernel/core_pattern", "put=0>/proc/self/oom_score_adj", "ls=/sys"],
        expect![[r#"
            put /proc/sys/kernel/core_pattern: EROFS
            put /proc/self/oom_score_adj: EROFS
            /sys: ENOENT
        "#]],
    );
}

#[test]
fn control_groups_start_at_its_own() {
    let mut rig = Rig::new().ask(&["cat=/proc/self/cgroup"]);
    rig.spec.limits.memory_bytes = Some(1 << 30);
    rig.spec.limits.processes = Some(100);
    let log = rig.log();
    let groups: Vec<_> = log.lines().filter(|line| line.contains(':')).collect();
    assert!(!groups.is_empty() && groups.iter().all(|group| group.ends_with(":/")), "{log}");
}

#[test]
fn there_is_no_network_but_loopback() {
    check(
        &["network", "sockets"],
        expect![[r#"
        outside: ENETUNREACH
        loopback: ok
        socket unix: ok
        socket inet: ok
        socket route: ok
        socket audit: EPROTONOSUPPORT
        socket packet: EAFNOSUPPORT
        socket vsock: EAFNOSUPPORT
        socket alg: EAFNOSUPPORT
        socket raw: EPERM
    "#]],
    );
}

#[test]
fn dangerous_calls_are_refused() {
    check(
        &["calls"],
        expect![[r#"
            io_uring_setup: ENOSYS
            bpf: EPERM
            keyctl: ENOSYS
            userfaultfd: EPERM
            perf_event_open: EPERM
            clone3: ENOSYS
            syslog: EPERM
            getgroups: 0
            clone user: EPERM
            unshare user: EPERM
            unshare mount: EPERM
            mount: EPERM
            chroot: EPERM
            sethostname: EPERM
            mknod: EPERM
            TIOCSTI: EPERM
            TIOCSTI with high bits: EPERM
            x32: ENOSYS
            trace init: EPERM
            kill init: ok
            init's memory: EACCES
        "#]],
    );
}

#[test]
fn limits_and_signals_are_reset() {
    check(
        &["limits", "signals"],
        expect![[r#"
        limit core: 0
        limit nofile: 1024
        limit stack: 8388608
    "#]],
    );
}

#[test]
fn inherited_descriptors_start_at_four() {
    let (read, write) = std::io::pipe().unwrap();
    let mut rig = Rig::new().ask(&["fds", "write4=token"]);
    rig.spec.inherited = vec![Arc::new(write.into()), Arc::new(read.try_clone().unwrap().into())];
    expect![[r#"
        fds: 0 1 2 4 5
        write: ok
    "#]]
    .assert_eq(&rig.log());
    rig.spec.inherited.clear();
    expect!["token"].assert_eq(&std::io::read_to_string(read).unwrap());
}

#[test]
fn the_doctor_finds_what_these_tests_rely_on() {
    let home = tempfile::tempdir().unwrap();
    let checks = probe(home.path());
    let refused: Vec<_> =
        checks.iter().filter(|check| matches!(check.finding, Finding::Refused(_))).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let names: Vec<_> = checks.iter().map(|check| format!("{}\n", check.name)).collect();
    expect![[r#"
        create a user namespace
        create a mount namespace
        create a pid namespace
        create a network namespace
        create an ipc namespace
        create a uts namespace
        map uid and gid 1000 to the caller
        create a cgroup namespace
        bring the loopback interface up
        set the host name
        prepare the scratch folder
        mount a tmpfs
        mount the root overlay
        mount the source overlay
        bind `/dev`
        bind a device node
        mount devpts
        mount a fresh `/proc`
        change the root
        install the system call filter
        start the sandbox's init
        limit memory by a control group
        limit processes by a control group
    "#]]
    .assert_eq(&names.concat());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn the_doctor_names_what_fails() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let checks = probe(&file);
    let last = checks.iter().rfind(|check| matches!(check.finding, Finding::Refused(_))).unwrap();
    expect![[r#"Check { name: "prepare the scratch folder", finding: Refused("cannot make a scratch folder: Not a directory (os error 20)") }"#]].assert_eq(&format!("{last:?}"));
}
