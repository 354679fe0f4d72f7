//! Solutions, and what is said where there is none.

use expect_test::expect;
use serde_json::json;
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{base_and_tool, pack};
use crate::native::testing::Bench;

#[test]
fn what_is_needed_comes_first() {
    let mut bench = Bench::new();
    let [base, tool] = base_and_tool(&mut bench);
    let params = json!({
        "world": ["tool"], "records": [tool.record, base.record], "solution": {"$output": "solution.json"},
    });
    let output = bench.run(NativeKind::Solve, &params).unwrap();
    expect![[r#"
        {
         "world": [
          "tool"
         ],
         "packages": [
          {
           "name": "base",
           "version": "1.0-r0",
           "identity": "Q14mRHVvyEFzNICV5NM5N71Y/9L7E="
          },
          {
           "name": "tool",
           "version": "1.0-r0",
           "identity": "Q1oxHLEe9Dr7WTODjPZF4ukJve9Ng="
          }
         ]
        }
    "#]]
    .assert_eq(&bench.text(&output, "solution.json"));
}

#[test]
fn who_needs_what_is_missing_is_named() {
    let mut bench = Bench::new();
    let library = pack(&mut bench, "library", 0, "usr/lib/liba.so text", &|params| {
        params["info"]["depends"] = json!(["so:libc.so.6"]);
    });
    let tool = pack(&mut bench, "tool", 0, "usr/bin/tool text", &|params| {
        params["info"]["depends"] = json!(["library"]);
    });
    let params = json!({
        "world": ["tool"], "records": [tool.record, library.record], "solution": {"$output": "solution.json"},
    });
    let error = bench.run(NativeKind::Solve, &params).unwrap_err();
    expect![[r#"
        cannot choose packages
          `so:libc.so.6` is provided by no package
            required by world[tool] -> tool-1.0-r0[library] -> library-1.0-r0[so:libc.so.6]
        hint: declare the package that provides `so:libc.so.6` in `deps` of `library-1.0-r0`"#]]
    .assert_eq(&error.to_string());
}
