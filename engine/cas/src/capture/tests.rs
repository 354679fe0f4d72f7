//! Folders as actions leave them, and the trees or refusals they become.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use expect_test::{Expect, expect};

use super::*;
use crate::testing::{TestStore, describe, files_below};

/// Makes a folder from lines: `path text`, `path -> target`, `path/`, `path = other`
/// for a hard link, `path | pipe`, each with an optional `0mode ` in front.
fn make(folder: &Path, text: &str) {
    fs::create_dir_all(folder).unwrap();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (mode, line) = match line.split_once(' ') {
            Some((mode, rest)) if mode.starts_with('0') => (u32::from_str_radix(mode, 8).ok(), rest),
            _ => (None, line),
        };
        let name = line.split(' ').next().unwrap();
        let path = folder.join(name.trim_end_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some((_, target)) = line.split_once(" -> ") {
            symlink(target, &path).unwrap();
        } else if let Some((_, other)) = line.split_once(" = ") {
            fs::hard_link(folder.join(other), &path).unwrap();
        } else if line.ends_with(" | pipe") {
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::from_raw_mode(0o644)).unwrap();
        } else if let Some((_, content)) = line.split_once(' ') {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        if let Some(mode) = mode {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn report(store: &Store, captured: Result<Captured, CaptureError>) -> String {
    match captured {
        Err(error) => format!("{error}\n"),
        Ok(captured) => {
            let mut text = describe(store, &captured.root);
            for oddity in captured.odd {
                text.push_str(&format!("odd: {oddity}\n"));
            }
            for (path, target) in captured.links {
                text.push_str(&format!("was: {path} -> {target}\n"));
            }
            text
        }
    }
}

fn check(policy: &Capture, folder: &str, expected: Expect) {
    let store = TestStore::new();
    let out = store.outside("out");
    make(&out, folder);
    expected.assert_eq(&report(&store, store.capture(&out, policy)));
}

const ROOT: &str = "
    0755 bin/sh elf
    bin/awk -> ../usr/bin/mawk
    lib64/ld.so loader
    lib/libz.so.1 zlib
    usr/lib/libz.so -> /lib/libz.so.1
    usr/lib/locale/
    0600 etc/secret x
    etc/mtab -> /proc/mounts
";

#[test]
fn plain_trees_keep_paths_and_links() {
    check(
        &Capture::sources(),
        ROOT,
        expect![[r#"
            bin/
            bin/awk -> ../usr/bin/mawk
            bin/sh* elf
            etc/
            etc/mtab -> /proc/mounts
            etc/secret x
            lib/
            lib/libz.so.1 zlib
            lib64/
            lib64/ld.so loader
            usr/
            usr/lib/
            usr/lib/libz.so -> /lib/libz.so.1
            usr/lib/locale/
            odd: `/etc/secret` has mode 0600
        "#]],
    );
}

#[test]
fn roots_move_under_usr_with_relative_links() {
    let declared = Oddity { path: crate::testing::path("etc/secret"), kind: OddityKind::Mode(0o600) };
    check(
        &Capture::root(BTreeSet::from([declared])),
        ROOT,
        expect![[r#"
            etc/
            etc/mtab -> ../proc/mounts
            etc/secret x
            usr/
            usr/bin/
            usr/bin/awk -> mawk
            usr/bin/sh* elf
            usr/lib/
            usr/lib/libz.so -> libz.so.1
            usr/lib/libz.so.1 zlib
            usr/lib/locale/
            usr/lib64/
            usr/lib64/ld.so loader
            odd: `/etc/secret` has mode 0600
            was: etc/mtab -> /proc/mounts
            was: usr/bin/awk -> ../usr/bin/mawk
            was: usr/lib/libz.so -> /lib/libz.so.1
        "#]],
    );
}

#[test]
fn aliases_are_dropped_unless_kept() {
    let folder = "bin -> usr/bin\nlib -> /usr/lib\nusr/bin/\n";
    check(
        &Capture::root(BTreeSet::new()),
        folder,
        expect![[r#"
            usr/
            usr/bin/
        "#]],
    );
    let keep = Capture { mode: CaptureMode::Root { keep_aliases: true }, ..Capture::root(BTreeSet::new()) };
    check(
        &keep,
        folder,
        expect![[r#"
            bin -> usr/bin
            lib -> usr/lib
            usr/
            usr/bin/
            was: lib -> /usr/lib
        "#]],
    );
    check(
        &keep,
        "lib64 -> lib",
        expect![[r#"
            `/lib64` is neither a directory nor the link to `usr/lib64`
        "#]],
    );
    check(
        &keep,
        "sbin file",
        expect![[r#"
            `/sbin` is neither a directory nor the link to `usr/sbin`
        "#]],
    );
}

#[test]
fn what_the_move_brings_together_must_differ() {
    check(
        &Capture::root(BTreeSet::new()),
        "lib/a/x 1\nusr/lib/a/x 1\n",
        expect![[r#"
            `/usr/lib/a/x` and `/lib/a/x` are the same file in a root where `/lib` is `/usr/lib`
        "#]],
    );
    check(
        &Capture::root(BTreeSet::new()),
        "lib/a/x 1\nusr/lib/a/y 1\n",
        expect![[r#"
            usr/
            usr/lib/
            usr/lib/a/
            usr/lib/a/x 1
            usr/lib/a/y 1
        "#]],
    );
}

#[test]
fn undeclared_oddities_are_all_listed() {
    check(
        &Capture::root(BTreeSet::new()),
        "04755 bin/su elf
         02755 a elf
         01777 tmp/
         0664 group-writable is fine
         0444 read-only is fine
         0666 b x
         0711 c x
         0700 private/
         one x
         two = one
         pipe | pipe",
        expect![[r#"
            the output holds what is not declared:
            `/a` has the set-group-id bit
            `/b` has mode 0666
            `/c` has mode 0711
            `/pipe` is a named pipe
            `/private` has mode 0700
            `/tmp` has the sticky bit
            `/tmp` has mode 0777
            `/two` is a hard link to `/one`
            `/usr/bin/su` has the set-user-id bit
        "#]],
    );
}

#[test]
fn levelling_reports_and_still_refuses_special_files() {
    check(
        &Capture::sources(),
        "04750 su elf\none x\ntwo = one",
        expect![[r#"
            one x
            su* elf
            two x
            odd: `/su` has the set-user-id bit
            odd: `/su` has mode 0750
            odd: `/two` is a hard link to `/one`
        "#]],
    );
    check(
        &Capture::sources(),
        "p | pipe",
        expect![[r#"
            the output holds what is not declared:
            `/p` is a named pipe
        "#]],
    );
}

#[test]
fn extended_attributes_are_reported_with_their_values() {
    let store = TestStore::new();
    let out = store.outside("out");
    make(&out, "a x");
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(out.join("a"), "user.wiz", b"value", flags).unwrap();
    rustix::fs::setxattr(out.join("a"), "user.overlay.origin", b"ignored", flags).unwrap();
    let captured = store.capture(&out, &Capture::sources()).unwrap();
    let value = b"value".to_vec();
    let kind = OddityKind::Attribute { name: "user.wiz".to_owned(), value };
    assert_eq!(captured.odd, [Oddity { path: crate::testing::path("a"), kind }]);
}

#[test]
fn names_and_targets_must_be_text() {
    for (name, target) in [(&b"\xff"[..], "x"), (b"line\nbreak", "x")] {
        let store = TestStore::new();
        let out = store.outside("out");
        fs::create_dir(&out).unwrap();
        symlink(target, out.join(std::ffi::OsStr::from_bytes(name))).unwrap();
        let error = store.capture(&out, &Capture::sources()).unwrap_err();
        assert!(matches!(error, CaptureError::Name { .. }), "{error}");
    }
    let store = TestStore::new();
    let out = store.outside("out");
    fs::create_dir(&out).unwrap();
    symlink(std::ffi::OsStr::from_bytes(b"\xff"), out.join("link")).unwrap();
    let error = store.capture(&out, &Capture::sources()).unwrap_err();
    assert!(matches!(error, CaptureError::Target { .. }), "{error}");
}

#[test]
fn a_refused_folder_keeps_its_files_and_a_captured_one_loses_them() {
    let store = TestStore::new();
    let out = store.outside("out");
    make(&out, "04755 su elf\n0400 dir/a 1\nb 2");
    fs::set_permissions(out.join("dir"), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(store.capture(&out, &Capture::root(BTreeSet::new())).is_err());
    assert_eq!(files_below(&out).len(), 3);
    let policy = Capture { undeclared: Undeclared::Level, ..Capture::root(BTreeSet::new()) };
    let captured = store.capture(&out, &policy).unwrap();
    assert_eq!(files_below(&out).len(), 0);
    assert_eq!(describe(&store.again(), &captured.root), "b 2\ndir/\ndir/a 1\nsu* elf\n");
}

#[test]
fn both_ways_and_many_files_give_the_same_tree() {
    let store = TestStore::new();
    let text: String = (0..300).map(|index| format!("d{}/f{index} {index}\n", index % 7)).collect();
    let out = store.outside("out");
    make(&out, &text);
    let kept = store.capture(&out, &Capture::sources()).unwrap();
    assert_eq!(files_below(&out).len(), 300);
    let policy = Capture { transfer: Transfer::Consume, ..Capture::sources() };
    let consumed = store.capture(&out, &policy).unwrap();
    assert_eq!(kept, consumed);
    assert_eq!(kept.root, crate::testing::tree(&store, &text));
}
