//! An image's own files, folders and accounts, in its layers and in its root.

use expect_test::expect;
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{Sample, base_and_tool, solved};
use crate::native::testing::Bench;

fn image(bench: &mut Bench, samples: &[Sample], own: &Value) -> Result<Vec<String>, String> {
    let solution = solved(bench, &["tool"], samples);
    let packages: Vec<Value> = samples
        .iter()
        .map(|sample| json!({"segment": sample.segment, "info": sample.info, "record": sample.record}))
        .collect();
    let params = json!({
        "packages": packages,
        "solution": solution,
        "config": {},
        "arch": "x86_64",
        "own": own,
        "layout": {"$output": "oci"},
        "contents": {"$output": "contents.json"},
    });
    let output = bench.run(NativeKind::Image, &params).map_err(|error| error.to_string())?;
    let contents: Value = serde_json::from_str(&bench.text(&output, "contents.json")).unwrap();
    let shown = |file: &Value| {
        let package = file["package"].as_str().unwrap_or("-");
        format!(
            "{} {} {}:{} {package}",
            file["path"].as_str().unwrap(),
            file["mode"],
            file["uid"],
            file["gid"]
        )
    };
    Ok(contents["files"].as_array().unwrap().iter().map(shown).collect())
}

#[test]
fn they_lie_over_the_packages() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let own = json!({
        "files": {
            "etc/group": bench.input_bytes("group", b"root:x:0:\n"),
            "opt/start": bench.input_bytes("start", b"#!/bin/sh\n"),
        },
        "attributes": {"opt/start": {"mode": "0755", "owner": "app"}},
        "directories": {"data": {"owner": "app", "group": "app"}, "tmp": {"mode": "0700"}},
        "users": [{"name": "app", "uid": 7, "group": "app", "home": "/data", "shell": "/sbin/nologin"}],
        "groups": [{"name": "app", "gid": 8}],
    });
    let listed = image(&mut bench, &samples, &own).unwrap();
    let touched = ["data ", "etc/group ", "etc/passwd ", "opt ", "opt/start ", "tmp "];
    let shown: Vec<&String> =
        listed.iter().filter(|line| touched.iter().any(|path| line.starts_with(path))).collect();
    expect![[r#"
        [
            "data \"0755\" 7:8 -",
            "etc/group \"0644\" 0:0 -",
            "etc/passwd \"0644\" 0:0 -",
            "opt \"0755\" 0:0 -",
            "opt/start \"0755\" 7:0 -",
            "tmp \"0700\" 0:0 -",
        ]
    "#]]
    .assert_debug_eq(&shown);
}

#[test]
fn a_root_has_the_same() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let solution = solved(&mut bench, &["tool"], &samples);
    let packages: Vec<Value> =
        samples.iter().map(|sample| json!({"package": sample.package, "record": sample.record})).collect();
    let params = json!({
        "packages": packages,
        "solution": solution,
        "arch": "x86_64",
        "own": {
            "files": {"opt/start": bench.input_bytes("start", b"start")},
            "attributes": {"opt/start": {"mode": "0755"}},
            "directories": {"data": {}},
        },
        "tree": {"$output": "root"},
    });
    let output = bench.run(NativeKind::Rootfs, &params).unwrap();
    let described = bench.describe(&output.root);
    assert!(described.contains("root/data/\n"), "{described}");
    assert!(
        described.lines().any(|line| line.contains("root/opt/start") && line.contains("start")),
        "{described}"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut bench = Bench::new();
    let samples = base_and_tool(&mut bench);
    let file = bench.input_bytes("file", b"");
    let refused = |bench: &mut Bench, own: &Value| image(bench, &samples, own).unwrap_err();
    expect![[r#"
        the image declares `tmp`, and `base-1.0-r0` has it as something else
        hint: a file can stand over a package's file, and a folder over its folder"#]]
    .assert_eq(&refused(&mut bench, &json!({"files": {"tmp": file}})));
    expect![[r#"
        the image declares `etc/passwd`, and `base-1.0-r0` has it as something else
        hint: a file can stand over a package's file, and a folder over its folder"#]]
    .assert_eq(&refused(&mut bench, &json!({"directories": {"etc/passwd": {}}})));
    expect![[r#"
        `usr/bin/tool` has attributes and is no file of the image itself
        hint: those of a package's file are declared in the package"#]]
    .assert_eq(&refused(&mut bench, &json!({"attributes": {"usr/bin/tool": {"mode": "0700"}}})));
}
