//! Packages put into roots and taken out again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use expect_test::{Expect, expect};

use crate::repository::{ARCH, KEY, Package, Repository, package};
use crate::scratch::{Run, Scratch};

/// A root that trusts the key, and the repository `repo` beside it.
pub(crate) fn prepared(packages: &[Package]) -> Scratch {
    let scratch = Scratch::new();
    Repository::publish(&scratch.path().join("repo"), packages);
    trust(&scratch);
    scratch.write("etc/apk/repositories", &format!("{}\n", scratch.path().join("repo").display()));
    scratch
}

pub(crate) fn trust(scratch: &Scratch) {
    scratch.write(&format!("etc/apk/keys/{}", KEY.public_file_name()), &KEY.public().to_pem());
}

/// Runs `apk` and returns what it says with the status behind.
fn said(scratch: &Scratch, line: &str) -> String {
    let Run { output, status } = scratch.apk(line.split(' '));
    let output = output.replace(&scratch.path().display().to_string(), "DIR");
    format!("{output}[{}]\n", status.code().unwrap())
}

fn check(scratch: &Scratch, line: &str, expected: &Expect) {
    expected.assert_eq(&said(scratch, line));
}

/// Everything in a root but the database's lock: paths with mode and content.
pub(crate) fn listing(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                open.push(path);
                format!("{:o}/", metadata.permissions().mode() & 0o7777)
            } else {
                let bytes = fs::read(&path).unwrap();
                format!("{:o} {}", metadata.permissions().mode() & 0o7777, String::from_utf8_lossy(&bytes))
            };
            if !name.ends_with("db/lock") {
                found.insert(name, content);
            }
        }
    }
    found
}

fn file(scratch: &Scratch, path: &str) -> String {
    fs::read_to_string(scratch.root().join(path)).unwrap_or_else(|error| format!("<{}>", error.kind()))
}

fn shell() -> [Package; 3] {
    [
        package("base", "1-r0", &[("etc/", ""), ("usr/", ""), ("usr/bin/", ""), ("etc/motd", "hello\n")]),
        package(
            "sh",
            "1-r0",
            &[("usr/", ""), ("usr/bin/", ""), ("usr/bin/sh", "shell"), ("usr/bin/shell => usr/bin/sh", "")],
        )
        .depends("base")
        .entry("usr/bin/sh", |entry| entry.mode = 0o755)
        .entry("usr/bin/shell", |entry| entry.mode = 0o755),
        package("tool", "2-r1", &[("usr/bin/", ""), ("usr/bin/tool -> sh", "")]).depends("sh>=1"),
    ]
}

#[test]
fn packages_come_with_what_they_need_and_go_with_it() {
    let scratch = prepared(&shell());
    check(
        &scratch,
        "add --initdb --no-cache tool",
        &expect![[r#"
            (1/3) Installing base (1-r0)
            (2/3) Installing sh (1-r0)
            (3/3) Installing tool (2-r1)
            OK: 11 B in 3 packages
            [0]
        "#]],
    );
    assert_eq!(file(&scratch, "usr/bin/tool"), "shell");
    let (sh, shell) = (scratch.root().join("usr/bin/sh"), scratch.root().join("usr/bin/shell"));
    assert_eq!(fs::metadata(&sh).unwrap().ino(), fs::metadata(&shell).unwrap().ino());
    assert_eq!(fs::metadata(&sh).unwrap().permissions().mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(&sh).unwrap().mtime(), 1_700_000_000);
    assert_eq!(file(&scratch, "etc/apk/world"), "tool\n");
    assert_eq!(file(&scratch, "etc/apk/arch"), format!("{ARCH}\n"));
    check(&scratch, "audit --system", &expect!["[0]\n"]);
    check(
        &scratch,
        "info -e sh tool>2 nothing",
        &expect![[r#"
            sh
            tool
            [1]
        "#]],
    );
    check(
        &scratch,
        "info -W /usr/bin/shell",
        &expect![[r#"
            /usr/bin/shell is owned by sh-1-r0
            [0]
        "#]],
    );
    check(
        &scratch,
        "del sh",
        &expect![[r#"
            World updated, but the following packages are not removed due to:
              sh: tool

            OK: 11 B in 3 packages
            [0]
        "#]],
    );
    check(
        &scratch,
        "del tool",
        &expect![[r#"
            (1/3) Purging tool (2-r1)
            (2/3) Purging sh (1-r0)
            (3/3) Purging base (1-r0)
            OK: 0 B in 0 packages
            [0]
        "#]],
    );
    assert!(!scratch.root().join("usr/bin").exists());
    assert!(!scratch.root().join("usr/lib/apk/db/journal").exists());
}

#[test]
fn what_nobody_vouches_for_is_refused() {
    let scratch = prepared(&shell());
    fs::remove_dir_all(scratch.root().join("etc/apk/keys")).unwrap();
    let refused = said(&scratch, "add --initdb --no-cache base");
    assert!(refused.contains("UNTRUSTED signature: signed with"), "{refused}");
    assert!(refused.ends_with("[1]\n"), "{refused}");
    trust(&scratch);
    let path = scratch.path().join("repo").join(ARCH).join("base-1-r0.apk");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() - 30;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let before = listing(&scratch.root());
    let refused = said(&scratch, "add --no-cache base");
    assert!(refused.starts_with("ERROR: base-1-r0: "), "{refused}");
    assert_eq!(listing(&scratch.root()), before, "nothing was touched");
}

#[test]
fn users_changes_of_etc_are_kept() {
    let version = |version: &str, text: &str| {
        package(
            "base",
            version,
            &[("etc/", ""), ("etc/conf", text), ("etc/other", text), ("etc/same", "same")],
        )
    };
    let scratch = prepared(&[version("1", "one")]);
    said(&scratch, "add --initdb --no-cache base");
    scratch.write("etc/conf", "mine");
    Repository::publish(&scratch.path().join("repo"), &[version("2", "two")]);
    check(
        &scratch,
        "upgrade --no-cache",
        &expect![[r#"
            (1/1) Upgrading base (1 -> 2)
              Installing file to etc/conf.apk-new
            OK: 10 B in 1 packages
            [0]
        "#]],
    );
    assert_eq!(
        (file(&scratch, "etc/conf"), file(&scratch, "etc/conf.apk-new")),
        ("mine".into(), "two".into())
    );
    assert_eq!(file(&scratch, "etc/other"), "two");
    check(
        &scratch,
        "audit",
        &expect![[r#"
            D etc/apk/
            U etc/conf
            [0]
        "#]],
    );
    said(&scratch, "del base");
    assert_eq!(file(&scratch, "etc/conf"), "mine");
    assert_eq!(file(&scratch, "etc/conf.apk-new"), "<entity not found>");
    assert_eq!(file(&scratch, "etc/other"), "<entity not found>");
}

#[test]
fn what_is_broken_is_mended() {
    let scratch = prepared(&shell());
    said(&scratch, "add --initdb --no-cache tool");
    let before = listing(&scratch.root());
    scratch.write("usr/bin/sh", "other");
    fs::remove_file(scratch.root().join("usr/bin/tool")).unwrap();
    check(
        &scratch,
        "audit --system",
        &expect![[r#"
            U usr/bin/sh
            U usr/bin/shell
            X usr/bin/tool
            [0]
        "#]],
    );
    check(
        &scratch,
        "fix --no-cache",
        &expect![[r#"
            (1/2) Reinstalling sh (1-r0)
            (2/2) Reinstalling tool (2-r1)
            OK: 11 B in 3 packages
            [0]
        "#]],
    );
    assert_eq!(listing(&scratch.root()), before);
}

#[test]
fn a_file_of_two_packages_needs_a_reason() {
    let files = [("usr/", ""), ("usr/a", "text")];
    let scratch = prepared(&[
        package("one", "1", &files),
        package("two", "1", &files),
        package("three", "1", &[("usr/", ""), ("usr/a", "three")])
            .with(|info| info.replaces = vec!["one".parse().unwrap()]),
    ]);
    said(&scratch, "add --initdb --no-cache one");
    check(
        &scratch,
        "add --no-cache two",
        &expect![[r#"
            (1/1) Installing two (1)
            ERROR: two-1: `/usr/a` belongs to `one-1`, hint: --force-overwrite takes it over
            1 error; 4 B in 1 packages
            [1]
        "#]],
    );
    said(&scratch, "del two");
    check(
        &scratch,
        "add --no-cache three",
        &expect![[r#"
            (1/1) Installing three (1)
            OK: 9 B in 2 packages
            [0]
        "#]],
    );
    assert_eq!(file(&scratch, "usr/a"), "three");
    check(
        &scratch,
        "info -qW /usr/a",
        &expect![[r#"
            three
            [0]
        "#]],
    );
}

#[test]
fn links_in_the_root_do_not_lead_out_of_it() {
    let scratch = prepared(&[package("a", "1", &[("usr/", ""), ("usr/out/", ""), ("usr/out/file", "text")])]);
    let outside = scratch.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir_all(scratch.root().join("usr")).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.root().join("usr/out")).unwrap();
    let refused = said(&scratch, "add --initdb --no-cache a");
    assert!(refused.ends_with("[1]\n"), "{refused}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // A link that stays within the root, though absolute, is followed there.
    fs::remove_file(scratch.root().join("usr/out")).unwrap();
    fs::create_dir(scratch.root().join("inside")).unwrap();
    std::os::unix::fs::symlink("/inside", scratch.root().join("usr/out")).unwrap();
    let done = said(&scratch, "add --no-cache a");
    assert!(done.ends_with("[0]\n"), "{done}");
    assert_eq!(file(&scratch, "inside/file"), "text");
}

#[test]
fn virtual_packages_hold_others() {
    let scratch = prepared(&shell());
    check(
        &scratch,
        "add --initdb --no-cache -t .build=1 tool",
        &expect![[r#"
            (1/4) Installing base (1-r0)
            (2/4) Installing sh (1-r0)
            (3/4) Installing tool (2-r1)
            (4/4) Installing .build (1)
            OK: 11 B in 4 packages
            [0]
        "#]],
    );
    check(&scratch, "del --quiet .build", &expect!["[0]\n"]);
    check(&scratch, "info", &expect!["[0]\n"]);
}

#[test]
fn package_files_can_be_added_fetched_and_verified() {
    let scratch = prepared(&shell());
    let out = scratch.path().join("out");
    fs::create_dir(&out).unwrap();
    check(
        &scratch,
        &format!("fetch --no-cache --recursive -o {} tool", out.display()),
        &expect![[r#"
            Downloading base-1-r0
            Downloading sh-1-r0
            Downloading tool-2-r1
            [0]
        "#]],
    );
    let path = out.join("base-1-r0.apk");
    check(
        &scratch,
        &format!("verify {}", path.display()),
        &expect![[r#"
            DIR/out/base-1-r0.apk: OK
            [0]
        "#]],
    );
    check(
        &scratch,
        &format!("add --initdb --no-cache {}", path.display()),
        &expect![[r#"
            (1/1) Installing base (1-r0)
            OK: 6 B in 1 packages
            [0]
        "#]],
    );
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let refused = said(&scratch, &format!("verify {}", path.display()));
    assert!(refused.ends_with("[1]\n"), "{refused}");
}
