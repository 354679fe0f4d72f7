//! Actions that fail: all that is said, where, and with which status.

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

/// Builds `//a:x` of these definitions, which stand from line 2 on, and checks all that is said.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(definitions: &str, expected: Expect) {
    let fixture = Fixture::new(&[("a/BUILD.star", &format!("{LOAD}{definitions}\n"))]);
    fixture.write("a/clash/usr/bin/tool", "another");
    fixture.write("a/empty/usr/share/empty", "");
    expected.assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
}

#[test]
fn one_that_fails() {
    check(
        "tool(name = \"x\", words = [\"note\", \"\", \"what\"])",
        expect![[r#"
            status 1
            failed: //a:x tool [WIZ1001]
              defined at a/BUILD.star:2:1
              the command exited with status 64
              the end of its log:
              | what is `what`?
              log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
              enter its sandbox: wiz shell //a:x --failed
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn one_that_fails_beneath_another() {
    check(
        "tool(name = \"y\", words = [\"exit\", \"7\"])\ntool(name = \"x\", deps = [\":y\"])",
        expect![[r#"
            status 1
            failed: //a:y tool [WIZ1001]
              defined at a/BUILD.star:2:1
              the command exited with status 7
              log: [FOLDER]/cache/failed/%2f%2fa%3ay@[ARCH]/log
              enter its sandbox: wiz shell //a:y --failed
            0 of 2 actions executed, 1 failed, 1 not started  [TIME]
        "#]],
    );
}

#[test]
fn one_that_tries_the_network() {
    check(
        "tool(name = \"x\", words = [\"network\"])",
        expect![[r#"
            status 1
            failed: //a:x tool [WIZ1001]
              defined at a/BUILD.star:2:1
              the command exited with status 1
              the end of its log:
              | connect: Network is unreachable
              log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
              enter its sandbox: wiz shell //a:x --failed
              hint: actions have no network: declare what it fetches as a source
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn one_that_outlives_its_time_limit() {
    check(
        "tool(name = \"x\", words = [\"sleep\", \"60\"], timeout = \"1s\")",
        expect![[r#"
            status 1
            failed: //a:x tool [WIZ1003]
              defined at a/BUILD.star:2:1
              the command took longer than its limit of 1 s
              log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
              enter its sandbox: wiz shell //a:x --failed
              hint: if it is right, give the action a longer `timeout`
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn one_that_does_not_make_what_it_declares() {
    check(
        "tool(name = \"x\", words = [\"remove\", \"/build/out/x.txt\"])",
        expect![[r#"
            status 1
            failed: //a:x tool [WIZ1010]
              defined at a/BUILD.star:2:1
              the action did not make what it declares:
              the file `x.txt` is missing
              it left nothing in /build/out
              log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
              enter its sandbox: wiz shell //a:x --failed
              hint: have the action make it below /build/out, or declare what it really makes
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn one_that_sets_an_undeclared_set_id_bit() {
    check(
        "tool(name = \"x\", words = [\"mode\", \"4755\", \"/build/out/x.txt\"])",
        expect![[r#"
            status 1
            failed: //a:x tool [WIZ1012]
              defined at a/BUILD.star:2:1
              the output holds what is not declared:
              `/x.txt` has the set-user-id bit
              log: [FOLDER]/cache/failed/%2f%2fa%3ax@[ARCH]/log
              enter its sandbox: wiz shell //a:x --failed
              hint: if it is meant, add to the action: modes = {"x.txt": "4755"}
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn one_whose_root_has_trees_that_collide() {
    check(
        "folder(name = \"clash\", src = \"clash\")\ntool(name = \"x\", trees = [\":clash\"])",
        expect![[r#"
        status 2
        failed: //a:x tool [WIZ1020]
          defined at a/BUILD.star:3:1
          the trees of the root cannot be stacked
          `/usr/bin/tool` is a file of `root/tree` and a file of `a/clash`, which differ
          hint: leave one of them out of the root, or let only one of them own the path
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn one_whose_program_is_not_in_its_root() {
    let fixture = Fixture::new(&[("a/BUILD.star", &format!("{LOAD}tool(name = \"x\")\n"))]);
    fixture.write("root/tree/usr/bin/other", "");
    std::fs::remove_file(fixture.path("root/tree/usr/bin/tool")).unwrap();
    expect![[r#"
        status 1
        failed: //a:x tool [WIZ1006]
          defined at a/BUILD.star:2:1
          cannot start `/usr/bin/tool` in the sandbox: No such file or directory (os error 2)
          hint: the path is looked up in the root: it, and the interpreter or loader it names, have to be in one of the root's trees
        0 of 1 actions executed, 1 failed  [TIME]
    "#]].assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
}
