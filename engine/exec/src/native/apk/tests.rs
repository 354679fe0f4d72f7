//! Packages: their bytes, owners, modes and records, pinned.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use wiz_apk::PackageReader;
use wiz_graph::native::NativeKind;

use crate::native::testing::Bench;

fn params(bench: &mut Bench, tree: &str) -> Value {
    let found = json!({"provides": ["so:liba.so.1=1.0"], "depends": ["so:libc.so.6"]});
    json!({
        "tree": bench.input_tree("tree", tree),
        "found": bench.input_bytes("found.json", found.to_string().as_bytes()),
        "info": {
            "name": "a", "version": "1.0-r0", "arch": "x86_64", "summary": "A", "license": "MIT", "origin": "a",
            "depends": ["b"], "provides": [],
        },
        "epoch": "1767225600",
        "package": {"$output": "a.apk"},
        "record": {"$output": "record.json"},
    })
}

const TREE: &str = "
    usr/bin/a* program
    usr/lib/liba.so.1 library
    usr/lib-a text
    usr/lib/liba.so -> liba.so.1
";

fn failure(change: impl FnOnce(&mut Value), expected: Expect) {
    let mut bench = Bench::new();
    let mut params = params(&mut bench, TREE);
    change(&mut params);
    expected.assert_eq(&bench.run(NativeKind::Apk, &params).unwrap_err().to_string());
}

#[test]
fn a_package_has_what_its_record_says() {
    let mut bench = Bench::new();
    let mut params = params(&mut bench, TREE);
    params["files"] = json!({"usr/bin/a": {"mode": "4755", "group": 5, "capabilities": ["cap_net_raw"]}});
    params["directories"] = json!({"var/lib/a": {"mode": "0700", "owner": 65532, "group": "www"}});
    params["effects"] = json!({"groups": [{"name": "www", "gid": 80}]});
    let output = bench.run(NativeKind::Apk, &params).unwrap();
    let package = bench.read(&output, "a.apk");
    let record: Value = serde_json::from_str(&bench.text(&output, "record.json")).unwrap();
    let reader = PackageReader::open(package.as_slice()).unwrap();
    assert_eq!(record["identity"], reader.control().identity().to_string());
    assert_eq!(record["size"], package.len());
    expect![[r#"
        pkgname = a
        pkgver = 1.0-r0
        pkgdesc = A
        builddate = 1767225600
        size = 136
        arch = x86_64
        origin = a
        license = MIT
        depend = b
        depend = so:libc.so.6
        provides = so:liba.so.1=1.0
        datahash = ?
    "#]]
    .assert_eq(&masked(&reader.control().info.to_text().unwrap()));
    let entries = reader.list().unwrap();
    let shown: Vec<String> = entries
        .iter()
        .map(|entry| {
            let owner = format!("{}:{}", entry.owner.uid, entry.owner.gid);
            format!("{:04o} {owner} {} {}", entry.mode, entry.path, entry.xattrs.len())
        })
        .collect();
    expect![[r#"
        0755 0:0 usr 0
        0755 0:0 usr/bin 0
        4755 0:5 usr/bin/a 1
        0755 0:0 usr/lib 0
        0644 0:0 usr/lib-a 0
        0777 0:0 usr/lib/liba.so 0
        0644 0:0 usr/lib/liba.so.1 0
        0755 0:0 usr/lib/wiz 0
        0755 0:0 usr/lib/wiz/effects.d 0
        0644 0:0 usr/lib/wiz/effects.d/a.json 0
        0755 0:0 var 0
        0755 0:0 var/lib 0
        0700 65532:80 var/lib/a 0"#]]
    .assert_eq(&shown.join("\n"));
    let paths: Vec<&str> =
        record["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>());
}

fn masked(text: &str) -> String {
    let line = |line: &str| match line.split_once("datahash = ") {
        Some(_) => "datahash = ?\n".to_owned(),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_bytes_are_pinned() {
    let mut bench = Bench::new();
    let params = params(&mut bench, TREE);
    let output = bench.run(NativeKind::Apk, &params).unwrap();
    expect!["9f87b17aa9053fbfafd403bbb857541bce4f8f4602699cceae0802444ddb19e1/166"]
        .assert_eq(&output.root.to_string());
    assert_eq!(bench.run(NativeKind::Apk, &params).unwrap(), output);
}

#[test]
fn attributes_need_something_to_belong_to() {
    failure(
        |params| params["files"] = json!({"usr/bin/b": {"mode": "0700"}}),
        expect![[r#"
        `usr/bin/b` has attributes and is no file of the package
        hint: folders are declared in `directories`"#]],
    );
    failure(
        |params| params["files"] = json!({"usr/lib": {"mode": "0700"}}),
        expect![[r#"
        `usr/lib` has attributes and is no file of the package
        hint: folders are declared in `directories`"#]],
    );
    failure(
        |params| params["directories"] = json!({"usr/bin/a": {}}),
        expect!["`usr/bin/a` is declared as a folder and is none in the package"],
    );
    failure(
        |params| params["directories"] = json!({"var": {"owner": "www"}}),
        expect![[r#"
        `var` belongs to `www`, whom nobody knows
        hint: write the number, or declare the account in `effects`"#]],
    );
    failure(
        |params| params["directories"] = json!({"var": {"mode": "rwx"}}),
        expect!["`mode of var` of the package is `rwx`: a mode is written like `0755`"],
    );
}

#[test]
fn fields_are_checked() {
    failure(
        |params| params["info"]["licence"] = json!("MIT"),
        expect![[r#"
        the parameters of `apk` are wrong: unknown field `licence`
        hint: the table of native actions in docs/design/starlark-api.md says what it takes"#]],
    );
    failure(
        |params| params["epoch"] = json!("today"),
        expect!["`epoch` of the package is `today`: invalid digit found in string"],
    );
    failure(
        |params| params["info"]["version"] = json!("one"),
        expect![
            "`version` of the package is `one`: `one` is not a version, hint: write it like `1.2.3`, `1.2_rc1` or `1.2.3-r4`"
        ],
    );
    failure(
        |params| params["info"]["depends"] = json!(["a b"]),
        expect![
            "`depends` of the package is `a b`: `a b` is not a package name, hint: no spaces, `@`, `!`, `<`, `>`, `=` or `~`"
        ],
    );
    failure(
        |params| params["info"]["summary"] = json!("two\nlines"),
        expect!["`a` cannot be processed: `pkgdesc` has a line break, hint: write it on one line"],
    );
}
