//! What an installation adds to its packages: database, accounts, library cache.

use expect_test::expect;
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{Sample, pack, solved};
use crate::native::testing::Bench;

fn root(bench: &mut Bench, samples: &[Sample], world: &[&str]) -> Result<String, String> {
    let solution = solved(bench, world, samples);
    let packages: Vec<Value> =
        samples.iter().map(|sample| json!({"package": sample.package, "record": sample.record})).collect();
    let params =
        json!({"packages": packages, "solution": solution, "arch": "x86_64", "tree": {"$output": "root"}});
    let output = bench.run(NativeKind::Rootfs, &params).map_err(|error| error.to_string())?;
    let described = bench.describe(&output.root);
    let made = |line: &&str| !line.contains("/db/") && !line.contains("etc/apk") && !line.ends_with('/');
    Ok(described.lines().filter(made).map(|line| format!("{line}\n")).collect())
}

#[test]
fn the_highest_priority_gets_the_link() {
    let mut bench = Bench::new();
    let editor = |priority: u32, target: &'static str| {
        move |params: &mut Value| {
            params["effects"] = json!({
                "alternatives": [{"link": "usr/bin/vi", "target": target, "priority": priority}],
            });
        }
    };
    let low = pack(&mut bench, "low", 0, "usr/bin/low text", &editor(1, "usr/bin/low"));
    let high = pack(&mut bench, "high", 0, "usr/libexec/high text", &editor(2, "usr/libexec/high"));
    let shown = root(&mut bench, &[low.clone(), high], &["low", "high"]).unwrap();
    assert!(shown.contains("root/usr/bin/vi -> ../libexec/high\n"), "{shown}");
    let taken = pack(&mut bench, "taken", 0, "usr/bin/vi text", &|_| {});
    expect!["`usr/bin/vi` is an alternative and a file of a package"]
        .assert_eq(&root(&mut bench, &[low, taken], &["low", "taken"]).unwrap_err());
}

#[test]
fn certificates_are_added_to_the_bundle() {
    let mut bench = Bench::new();
    let bundle = pack(&mut bench, "bundle", 0, "etc/ssl/certs/ca-certificates.crt first\\n", &|_| {});
    let own = pack(&mut bench, "own", 0, "usr/share/own.crt second", &|params| {
        params["effects"] = json!({"certificates": ["usr/share/own.crt"]});
    });
    let shown = root(&mut bench, &[bundle, own], &["bundle", "own"]).unwrap();
    assert!(shown.contains("ca-certificates.crt first\\nsecond\\n\n"), "{shown}");
}

#[test]
fn accounts_that_cannot_be_read_are_shown() {
    let mut bench = Bench::new();
    let base = pack(&mut bench, "base", 0, "etc/group root:x\\n", &|params| {
        params["effects"] = json!({"groups": [{"name": "www", "gid": 80}]});
    });
    expect!["`root:x` in `etc/group` is malformed"]
        .assert_eq(&root(&mut bench, &[base], &["base"]).unwrap_err());
}
