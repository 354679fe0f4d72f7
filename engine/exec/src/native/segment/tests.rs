//! Segments: one member a package, pinned.

use expect_test::expect;
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{base_and_tool, segment_params};
use crate::native::testing::Bench;

#[test]
fn a_segment_is_a_packages_files_and_links() {
    let mut bench = Bench::new();
    let [_, tool] = base_and_tool(&mut bench);
    let params = segment_params(&tool.package, &tool.record);
    let output = bench.run(NativeKind::Segment, &params).unwrap();
    expect![[r#"
        {
         "digest": "sha256:5cedda4168227c9f443ee9029839eb1c40eedda6a2b33737ba6c7b71eb51d41f",
         "size": 420,
         "uncompressed": 4608,
         "parents": [
          "usr/bin",
          "usr/lib",
          "usr/lib/wiz/effects.d"
         ]
        }
    "#]]
    .assert_eq(&bench.text(&output, "segment.json"));
    let segment = bench.read(&output, "segment.tar.gz");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(segment.as_slice()));
    let mut shown = String::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        shown.push_str(&format!("{mode:04o} {time} {}\n", entry.path().unwrap().display()));
    }
    expect![[r#"
        0755 1767225600 usr/bin/tool
        0777 1767225600 usr/lib/libtool.so
        0644 1767225600 usr/lib/libtool.so.1
        0644 1767225600 usr/lib/wiz/effects.d/tool.json
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_package_that_was_changed_is_refused() {
    let mut bench = Bench::new();
    let [base, tool] = base_and_tool(&mut bench);
    let failure = |bench: &Bench, package: &serde_json::Value| {
        bench.run(NativeKind::Segment, &segment_params(package, &base.record)).unwrap_err().to_string()
    };
    let other = bench.input_bytes("other.apk", b"no package");
    expect!["`base-1.0-r0` cannot be processed: cannot read the control member"]
        .assert_eq(&failure(&bench, &other));
    expect!["the record of `base-1.0-r0` is that of another package"]
        .assert_eq(&failure(&bench, &tool.package));
    let mut bytes = base.bytes.clone();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    let damaged = bench.input_bytes("damaged.apk", &bytes);
    expect!["`base-1.0-r0` cannot be processed: cannot read the data member"]
        .assert_eq(&failure(&bench, &damaged));
}
