//! What passes the gate.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use wiz_base::Node;
use wiz_graph::native::NativeKind;

use crate::native::testing::{Bench, elf};

fn check(require: &Value, exceptions: &Value, expected: &Expect) {
    let mut bench = Bench::new();
    let tree = bench.tree("");
    let files: [(&str, &[u8]); 2] =
        [("usr/bin/tool", &elf::program(&["libz.so.1"])), ("usr/lib/old", &elf::unprotected())];
    let tree = bench.with_files(&tree, &files);
    let tree = bench.input("tree", Node::Directory(tree));
    let params = json!({ "tree": tree, "report": {"$output": "report.json"} });
    let output = bench.run(NativeKind::Inspect, &params).unwrap();
    let report = bench.input_bytes("report.json", bench.read(&output, "report.json").as_slice());
    let params = json!({
        "report": report, "require": require, "exceptions": exceptions, "verdict": {"$output": "verdict.json"},
    });
    let text = match bench.run(NativeKind::Gate, &params) {
        Ok(output) => format!("{}{}", bench.text(&output, "verdict.json"), output.log),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&text);
}

#[test]
fn what_is_missing_is_named_with_the_line_to_add() {
    let all = json!([
        "pie",
        "relro",
        "now",
        "canary",
        "fortify",
        "cet",
        "stack-clash",
        "noexecstack",
        "norpath",
        "notextrel"
    ]);
    check(
        &all,
        &json!({}),
        &expect![[r#"
        error: 2 files are not as hardened as required:
        `usr/bin/tool` lacks `canary`: guards no stack frame, and no debugging information says how it was compiled
        `usr/bin/tool` lacks `cet`: control flow is not protected
        `usr/bin/tool` lacks `stack-clash`: large stack frames are not probed, and no debugging information says how it was compiled
        `usr/lib/old` lacks `pie`: the program has a fixed address
        `usr/lib/old` lacks `relro`: no part is read-only after relocation
        `usr/lib/old` lacks `now`: symbols are bound while it runs
        `usr/lib/old` lacks `canary`: guards no stack frame, and no debugging information says how it was compiled
        `usr/lib/old` lacks `cet`: control flow is not protected
        `usr/lib/old` lacks `stack-clash`: large stack frames are not probed, and no debugging information says how it was compiled
        `usr/lib/old` lacks `noexecstack`: the stack may hold code
        `usr/lib/old` lacks `norpath`: libraries are searched in `/opt/lib`, `/tmp`
        `usr/lib/old` lacks `notextrel`: code is changed by relocation
        hint: build them with the toolchain's flags, or say in the definition why not:
        hardening = {
            "usr/bin/tool": {"skip": ["canary", "cet", "stack-clash"], "reason": "..."},
            "usr/lib/old": {"skip": ["pie", "relro", "now", "canary", "cet", "stack-clash", "noexecstack", "norpath", "notextrel"], "reason": "..."},
        }
    "#]],
    );
}

#[test]
fn exceptions_need_a_reason_and_a_use() {
    let old = json!({"skip": ["relro", "now", "noexecstack", "pie"], "reason": "it is a test"});
    let unused = json!({"skip": ["pie"], "reason": "never needed"});
    let require = json!(["relro", "noexecstack", "pie"]);
    check(
        &require,
        &json!({ "usr/lib/*": old, "usr/bin/gone": unused }),
        &expect![[r#"
        {
         "require": [
          "pie",
          "relro",
          "noexecstack"
         ],
         "files": 2,
         "excepted": [
          {
           "path": "usr/lib/old",
           "missing": "pie",
           "reason": "it is a test"
          },
          {
           "path": "usr/lib/old",
           "missing": "relro",
           "reason": "it is a test"
          },
          {
           "path": "usr/lib/old",
           "missing": "noexecstack",
           "reason": "it is a test"
          }
         ],
         "unused": [
          "usr/bin/gone"
         ]
        }
        warning: nothing needs the hardening exception `usr/bin/gone`: remove it
    "#]],
    );
    check(
        &require,
        &json!({ "usr/lib/*": {"skip": ["pie"], "reason": " "} }),
        &expect![[r#"
        error: the parameters of `gate` are wrong: the exception `usr/lib/*` has no reason
        hint: the table of native actions in docs/design/starlark-api.md says what it takes
    "#]],
    );
    check(
        &json!(["everything"]),
        &json!({}),
        &expect![[r#"
        error: the parameters of `gate` are wrong: unknown variant `everything`, expected one of `pie`, `relro`, `now`, `canary`, `fortify`, `cet`, `stack-clash`, `noexecstack`, `norpath`, `notextrel`, `readable`
        hint: the table of native actions in docs/design/starlark-api.md says what it takes
    "#]],
    );
}

/// A change here needs a new version of the kind.
#[test]
fn golden_gate() {
    let mut bench = Bench::new();
    let report = bench.input_bytes("report.json", b"{\"files\": []}");
    let params = json!({ "report": report, "require": ["pie"], "verdict": {"$output": "verdict.json"} });
    let output = bench.run(NativeKind::Gate, &params).unwrap();
    assert_eq!(NativeKind::Gate.version(), 1);
    expect!["f501adba561ddb0e48933bbf9bbbc64f7ed7d9c7eda8edcac82a229f6b77519e/86"]
        .assert_eq(&output.root.to_string());
}
