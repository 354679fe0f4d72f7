//! Repositories: their folders and index, pinned.

use expect_test::expect;
use serde_json::{Value, json};
use wiz_apk::index::archive::IndexArchive;
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{Sample, base_and_tool};
use crate::native::testing::Bench;

fn params(samples: &[Sample]) -> Value {
    let packages: Vec<Value> =
        samples.iter().map(|sample| json!({"package": sample.package, "record": sample.record})).collect();
    json!({"packages": packages, "arch": "x86_64", "description": "made up", "tree": {"$output": "repository"}})
}

#[test]
fn a_repository_has_its_packages_and_their_index() {
    let mut bench = Bench::new();
    let [base, tool] = base_and_tool(&mut bench);
    let output = bench.run(NativeKind::Index, &params(&[tool.clone(), base.clone()])).unwrap();
    expect![[r#"
        repository/
        repository/x86_64/
        repository/x86_64/APKINDEX.unsigned.tar.gz (300 bytes)
        repository/x86_64/base-1.0-r0.apk (718 bytes)
        repository/x86_64/tool-1.0-r0.apk (940 bytes)
    "#]]
    .assert_eq(&bench.describe(&output.root));
    let index = bench.read(&output, "repository/x86_64/APKINDEX.unsigned.tar.gz");
    let index = IndexArchive::read(index.as_slice()).unwrap();
    assert!(index.signatures.is_empty());
    assert_eq!(index.description, "made up");
    expect![[r#"
        C:Q14mRHVvyEFzNICV5NM5N71Y/9L7E=
        P:base
        V:1.0-r0
        A:x86_64
        S:718
        I:40
        T:The base
        L:MIT
        o:base
        t:1767225601

        C:Q1oxHLEe9Dr7WTODjPZF4ukJve9Ng=
        P:tool
        V:1.0-r0
        A:x86_64
        S:940
        I:423
        T:The tool
        L:MIT
        o:tool
        t:1767225600
        D:base
        p:so:libtool.so.1=1.0

    "#]]
    .assert_eq(&index.text);
    assert_eq!(bench.run(NativeKind::Index, &params(&[base, tool])).unwrap(), output);
}

#[test]
fn a_name_and_version_is_there_once() {
    let mut bench = Bench::new();
    let [base, _] = base_and_tool(&mut bench);
    let error = bench.run(NativeKind::Index, &params(&[base.clone(), base])).unwrap_err();
    expect![[r#"
        there are two packages `base-1.0-r0`
        hint: raise the release of one of them"#]]
    .assert_eq(&error.to_string());
}
