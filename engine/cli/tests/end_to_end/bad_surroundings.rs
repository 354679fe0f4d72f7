//! Machines that refuse: all that is said, and that nothing is lost by it. Each is made from
//! this one, in namespaces that only the `wiz` under test is in.

use std::fs;

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

fn fixture(definition: &str) -> Fixture {
    let fixture = Fixture::new(&[("a/BUILD.star", &format!("{LOAD}{definition}\n"))]);
    fs::create_dir_all(fixture.cache()).unwrap();
    fixture
}

#[test]
fn user_namespaces_refused() {
    let fixture = fixture("tool(name = \"x\")");
    let script = "echo 0 >/proc/sys/user/max_user_namespaces; exec \"$@\"";
    expect![[r#"
        status 3
        failed: //a:x tool [WIZ1050]
          defined at a/BUILD.star:2:1
          cannot create a user namespace: No space left on device (os error 28); `user.max_user_namespaces` is 0
          hint: set `sysctl user.max_user_namespaces=65536`
        0 of 1 actions executed, 1 failed  [TIME]
    "#]].assert_eq(&fixture.run(&mut fixture.surrounded(script, &["build", "//a:x"])).to_string());
    expect![[r#"
        status 3
        ok      cache folder `[FOLDER]/cache`
        FAILED  create a user namespace: cannot create a user namespace: No space left on device (os error 28); `user.max_user_namespaces` is 0
                hint: set `sysctl user.max_user_namespaces=65536`
        ok      limit memory by a control group
        ok      limit processes by a control group
        WIZ2011

          x 1 of the things wiz needs do not work here
          help: the lines that say FAILED end in what to do
    "#]].assert_eq(&fixture.run(&mut fixture.surrounded(script, &["doctor"])).to_string());
    assert_eq!(fixture.built("//a:x", &[]).1, "");
}

/// Builds on a disk of 8 MiB, then again once it has grown.
const SMALL_DISK: &str = r#"
mount -t tmpfs -o size=8m wiz "$WIZ_CACHE_DIR"
"$@" || echo "status $?" >&2
mount -o remount,size=64m "$WIZ_CACHE_DIR"
exec "$@"
"#;

#[test]
fn a_disk_that_a_source_does_not_fit_on() {
    let fixture = fixture("tool(name = \"x\", srcs = [\"large.bin\"])");
    fixture.write("a/large.bin", &"\0".repeat(16 << 20));
    let ended = fixture.run(&mut fixture.surrounded(SMALL_DISK, &["build", "//a:x"]));
    expect![[r#"
        status 0
        //a:x	wiz-out/a/x/x.txt
        failed: //a:x tool [WIZ1070]
          defined at a/BUILD.star:2:1
          no space left while writing `[FOLDER]/cache/v1-blake3/tmp/[AREA]/3`: No space left on device (os error 28)
          hint: free some space, or empty the cache with `wiz clean --cache`, then build again
        0 of 1 actions executed, 1 failed  [TIME]
        status 3
        [1/1] //a:x tool  [TIME]
        1 of 1 actions executed  [TIME]
    "#]].assert_eq(&ended.to_string());
}

#[test]
fn a_disk_that_an_output_does_not_fit_on() {
    let fixture = fixture("tool(name = \"x\", words = [\"fill\", \"16\"])");
    let ended = fixture.run(&mut fixture.surrounded(SMALL_DISK, &["build", "//a:x"]));
    expect![[r#"
        status 0
        //a:x	wiz-out/a/x/x.txt
        failed: //a:x tool [WIZ1070]
          defined at a/BUILD.star:2:1
          the command exited with status 1, and no space is left on the disk of the cache
          log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
          enter its sandbox: wiz shell //a:x --failed
          hint: free some space, or empty the cache with `wiz clean --cache`, then build again
        0 of 1 actions executed, 1 failed  [TIME]
        status 3
        [1/1] //a:x tool  [TIME]
        1 of 1 actions executed  [TIME]
    "#]]
    .assert_eq(&ended.to_string());
}

#[test]
fn a_full_disk_that_a_program_does_not_notice() {
    let fixture = fixture("tool(name = \"x\", words = [\"blind\", \"16\"])");
    let ended = fixture.run(&mut fixture.surrounded(SMALL_DISK, &["build", "//a:x"]));
    expect![[r#"
        status 0
        //a:x	wiz-out/a/x/x.txt
        failed: //a:x tool [WIZ1070]
          defined at a/BUILD.star:2:1
          the command exited with status 0, and no space is left on the disk of the cache
          log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
          enter its sandbox: wiz shell //a:x --failed
          hint: free some space, or empty the cache with `wiz clean --cache`, then build again
        0 of 1 actions executed, 1 failed  [TIME]
        status 3
        [1/1] //a:x tool  [TIME]
        1 of 1 actions executed  [TIME]
    "#]]
    .assert_eq(&ended.to_string());
}

#[test]
fn a_disk_that_was_full_before() {
    let fixture = fixture("tool(name = \"x\")");
    let script = "mount -t tmpfs -o size=8m wiz \"$WIZ_CACHE_DIR\"
        cp /dev/zero \"$WIZ_CACHE_DIR/zeros\" 2>/dev/null || exec \"$@\"";
    let ended = fixture.run(&mut fixture.surrounded(script, &["build", "//a:x"]));
    expect![[r#"
        status 3
        WIZ2010

          x no space left while writing `[FOLDER]/cache/v1-blake3/state/boot.new`: No space left on device (os error 28)
          help: free some space, or empty the cache with `wiz clean --cache`, then build again
    "#]].assert_eq(&ended.to_string());
}

#[test]
fn a_cache_on_a_read_only_disk() {
    let fixture = fixture("tool(name = \"x\")");
    let script = "mount -t tmpfs -o ro wiz \"$WIZ_CACHE_DIR\"; exec \"$@\"";
    let ended = fixture.run(&mut fixture.surrounded(script, &["build", "//a:x"]));
    expect![[r#"
        status 3
        WIZ2010

          x the cache folder `[FOLDER]/cache/v1-blake3` cannot be written: Read-only file system (os error 30)
          help: make it writable, or name another with `WIZ_CACHE_DIR` or `--cache-dir`
    "#]]
    .assert_eq(&ended.to_string());
}

#[test]
fn a_cache_where_no_folder_can_be() {
    let fixture = fixture("tool(name = \"x\")");
    let ended = fixture.run(fixture.command(&["build", "//a:x"]).env("WIZ_CACHE_DIR", "/proc/nowhere"));
    expect![[r#"
        status 3
        WIZ2010

          x the cache folder `/proc/nowhere/v1-blake3` cannot be written: No such file or directory (os error 2)
          help: make it writable, or name another with `WIZ_CACHE_DIR` or `--cache-dir`
    "#]].assert_eq(&ended.to_string());
}

#[test]
fn results_that_cannot_be_linked() {
    let fixture = fixture("tool(name = \"x\")");
    fixture.write("wiz-out", "a file in the way");
    expect![[r#"
        status 3
        [1/1] //a:x tool  [TIME]
        WIZ2045

          x cannot write `[FOLDER]/workspace/wiz-out/a/x/x.txt`: File exists (os error 17)
          help: make the folder writable, or move away what is in its place
    "#]]
    .assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
}
