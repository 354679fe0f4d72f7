//! Statements, pinned.

use expect_test::expect;
use serde_json::json;
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::base_and_tool;
use crate::native::testing::Bench;

#[test]
fn a_package_says_what_it_was_made_from() {
    let mut bench = Bench::new();
    let [base, tool] = base_and_tool(&mut bench);
    let patch = bench.input_bytes("fix.patch", b"--- a\n+++ b\n");
    let archive = json!({
        "name": "tool-1.0.tar.gz",
        "urls": ["https://tool.example/tool-1.0.tar.gz", "debian:pool/t/tool.tar.gz"],
        "sha256": "ab".repeat(32),
    });
    let params = json!({
        "label": "//pkgs/tool",
        "platform": "x86_64",
        "files": [{"name": "tool-1.0-r0.apk", "file": tool.package}],
        "packages": [{"record": base.record, "package": base.package}, {"record": base.record, "package": base.package}],
        "archives": [archive],
        "sources": [patch],
        "components": [{"name": "gcc-12", "version": "12.2.0-14", "sha256": "cd".repeat(32)}],
        "document": {"$output": "provenance.json"},
    });
    let output = bench.run(NativeKind::Provenance, &params).unwrap();
    expect![[r#"
        {
         "_type": "https://in-toto.io/Statement/v1",
         "predicate": {
          "buildDefinition": {
           "buildType": "urn:x-wiz:build:v1",
           "externalParameters": {
            "label": "//pkgs/tool",
            "platform": "x86_64"
           },
           "internalParameters": {},
           "resolvedDependencies": [
            {
             "digest": {
              "sha256": "6e53bf2ad8f234c60294a05a013874a211fe3c03653f48df43ac4ec085ab9a24"
             },
             "name": "fix.patch",
             "uri": "file:fix.patch"
            },
            {
             "digest": {
              "sha256": "abababababababababababababababababababababababababababababababab"
             },
             "name": "tool-1.0.tar.gz",
             "uri": "https://tool.example/tool-1.0.tar.gz"
            },
            {
             "digest": {
              "sha256": "db1b9df1535a267cf21bcce9453abdbff49e4011325a6ab4b6601b1109144a47"
             },
             "name": "base",
             "uri": "pkg:apk/base@1.0-r0"
            },
            {
             "digest": {
              "sha256": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
             },
             "name": "gcc-12",
             "uri": "pkg:deb/debian/gcc-12@12.2.0-14"
            }
           ]
          }
         },
         "predicateType": "https://slsa.dev/provenance/v1",
         "subject": [
          {
           "digest": {
            "sha256": "6dffff3c551c6ccf9eba0c38b3e5d4d6594e06d235296861a2e0a4b018fefbc2"
           },
           "name": "tool-1.0-r0.apk"
          }
         ]
        }
    "#]]
    .assert_eq(&String::from_utf8(bench.read(&output, "provenance.json")).unwrap());
}
