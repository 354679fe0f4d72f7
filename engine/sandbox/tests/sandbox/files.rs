//! What a program finds in its root, may change there, and leaves behind.

use std::fs;
use std::path::Path;

use expect_test::expect;
use wiz_base::RelPath;
use wiz_sandbox::{Bind, remove_tree};

use crate::rig::{Rig, write};

/// A folder's files with their content, sorted.
fn listing(folder: &Path) -> String {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let name = entry.path().strip_prefix(folder).unwrap().display().to_string();
            if entry.file_type().unwrap().is_dir() {
                lines.push(format!("{name}/\n"));
                folders.push(entry.path());
            } else {
                lines.push(format!("{name}: {}\n", fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    lines.sort();
    lines.concat()
}

#[test]
fn layers_are_changed_in_the_upper_layer_only() {
    let rig =
        Rig::new().layer("one", &[("etc/one", "1"), ("etc/gone", "x")]).layer("two", &[("etc/two", "2")]);
    let rig = rig.ask(&[
        "ls=/etc",
        "put=changed>/etc/one",
        "rm=/etc/gone",
        "put=new>/etc/new",
        "cat=/etc/one",
        "ls=/etc",
    ]);
    expect![[r#"
        /etc: gone one two
        put /etc/one: ok
        rm /etc/gone: ok
        put /etc/new: ok
        /etc/one: changed
        /etc: new one two
    "#]]
    .assert_eq(&rig.log());
    expect![[r#"
        etc/
        etc/gone: x
        etc/one: 1
    "#]]
    .assert_eq(&listing(&rig.spec.layers_dir.join("one")));
    let rig = rig.ask(&["ls=/etc", "cat=/etc/one"]);
    expect![[r#"
        /etc: new one two
        /etc/one: changed
    "#]]
    .assert_eq(&rig.log());
}

#[test]
fn the_first_layer_wins() {
    let rig = Rig::new().layer("high", &[("file", "high")]).layer("low", &[("file", "low")]);
    expect![[r#"
        /file: high
    "#]]
    .assert_eq(&rig.ask(&["cat=/file"]).log());
}

#[test]
fn names_that_need_escaping_are_layers_too() {
    let rig = Rig::new().layer("a:b,c\\d", &[("file", "odd")]);
    expect![[r#"
        /file: odd
    "#]]
    .assert_eq(&rig.ask(&["cat=/file"]).log());
}

#[test]
fn a_layers_own_mount_points_are_covered() {
    let rig = Rig::new()
        .layer("own", &[("tmp/old", "x"), ("proc/old", "x"), ("dev/old", "x"), ("build", "a file")]);
    expect![[r#"
        /tmp: old
        /build: in out src
        /dev/old: ENOENT
        /proc/old: ENOENT
    "#]]
    .assert_eq(&rig.ask(&["ls=/tmp", "ls=/build", "mode=/dev/old", "mode=/proc/old"]).log());
}

#[test]
fn the_source_is_writable_and_stays_as_it_is() {
    let mut rig = Rig::new().ask(&[
        "ls=/build/src",
        "put=2>/build/src/a",
        "rm=/build/src/b",
        "put=3>/build/src/c",
        "ls=/build/src",
        "mv=/build/src/a>/build/src/d",
    ]);
    let source = rig.home.path().join("source:,");
    write(&source.join("a"), "1");
    write(&source.join("b"), "1");
    rig.spec.source = Some(source.clone());
    expect![[r#"
        /build/src: a b
        put /build/src/a: ok
        rm /build/src/b: ok
        put /build/src/c: ok
        /build/src: a c
        mv /build/src/a: ok
    "#]]
    .assert_eq(&rig.log());
    expect![[r#"
        a: 1
        b: 1
    "#]]
    .assert_eq(&listing(&source));
}

#[test]
fn inputs_are_read_only() {
    let mut rig = Rig::new();
    let input = rig.home.path().join("input");
    write(&input.join("folder/file"), "content");
    let bind = |source: &str, at: &str| Bind { source: input.join(source), at: RelPath::new(at).unwrap() };
    rig.spec.binds = vec![bind("folder", "a/folder"), bind("folder/file", "a/one")];
    let rig = rig.ask(&[
        "ls=/build/in",
        "ls=/build/in/a",
        "cat=/build/in/a/folder/file",
        "cat=/build/in/a/one",
        "put=x>/build/in/a/folder/file",
        "put=x>/build/in/a/folder/new",
        "put=x>/build/in/a/one",
        "rm=/build/in/a/one",
    ]);
    expect![[r#"
        /build/in: a
        /build/in/a: folder one
        /build/in/a/folder/file: content
        /build/in/a/one: content
        put /build/in/a/folder/file: EROFS
        put /build/in/a/folder/new: EROFS
        put /build/in/a/one: EROFS
        rm /build/in/a/one: EBUSY
    "#]]
    .assert_eq(&rig.log());
}

#[test]
fn inputs_must_not_overlap() {
    let mut rig = Rig::new().ask(&["who"]);
    let source = rig.home.path().to_path_buf();
    let bind = |at: &str| Bind { source: source.clone(), at: RelPath::new(at).unwrap() };
    rig.spec.binds = vec![bind("a"), bind("a/b/c")];
    expect!["cannot make a sandbox: the inputs `a` and `a/b/c` overlap"]
        .assert_eq(&rig.try_run().err().unwrap().to_string());
}

#[test]
fn outputs_are_left_in_scratch() {
    let rig = Rig::new().ask(&[
        "put=result>/build/out/file",
        "mkdir=/build/out/folder",
        "mode=/build/out/file",
        "put=x>/tmp/file",
    ]);
    expect![[r#"
        put /build/out/file: ok
        mkdir /build/out/folder: ok
        /build/out/file: 100644 1000:1000
        put /tmp/file: ok
    "#]]
    .assert_eq(&rig.log());
    expect![[r#"
        file: result
        folder/
    "#]]
    .assert_eq(&listing(&rig.scratch("out")));
    expect![[r#"
        file: x
    "#]]
    .assert_eq(&listing(&rig.scratch("upper/tmp")));
}

#[test]
fn odd_modes_do_not_stop_removal() {
    let rig = Rig::new().ask(&[
        "mkdir=/build/out/a",
        "mkdir=/build/out/a/b",
        "put=x>/build/out/a/b/c",
        "chmod0=/build/out/a/b",
        "chmod0=/build/out/a",
        "chmod0=/bin",
    ]);
    rig.log();
    remove_tree(&rig.spec.scratch).unwrap();
    assert!(!rig.spec.scratch.exists());
}

#[test]
fn a_scratch_folder_can_be_entered_again() {
    let rig = Rig::new().ask(&[
        "put=kept>/etc",
        "put=kept>/tmp/a",
        "put=kept>/build/out/b",
        "put=kept>/build/src/c",
    ]);
    rig.log();
    expect![[r#"
        /etc: kept
        /tmp: a
        /build/out: b
        /build/src: c
    "#]]
    .assert_eq(&rig.ask(&["cat=/etc", "ls=/tmp", "ls=/build/out", "ls=/build/src"]).log());
}

#[test]
fn mount_points_cannot_be_moved_away() {
    let rig = Rig::new().ask(&["mv=/build>/elsewhere", "rm=/build/out", "mv=/dev>/elsewhere", "rm=/proc"]);
    expect![[r#"
        mv /build: EXDEV
        rm /build/out: EBUSY
        mv /dev: EBUSY
        rm /proc: EBUSY
    "#]]
    .assert_eq(&rig.log());
}

#[test]
fn an_untouched_scratch_folder_stays_small() {
    let rig = Rig::new().ask(&["who"]);
    rig.log();
    expect![[""]].assert_eq(&listing(&rig.scratch("upper")));
}
