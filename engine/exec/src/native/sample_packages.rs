//! Small packages for the tests of what is made of packages, packed by the packers
//! themselves. Compiled for tests only.

use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use super::testing::Bench;

/// When the first sample was built; each further one is a second younger.
pub(super) const EPOCH: u64 = 1_767_225_600;

/// Adds to the parameters of an `apk` action.
pub(super) type Change<'a> = &'a dyn Fn(&mut Value);

/// One packed package, and references to the outputs of its packers.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) package: Value,
    /// The package's bytes.
    pub(super) bytes: Vec<u8>,
    pub(super) record: Value,
    pub(super) segment: Value,
    pub(super) info: Value,
}

/// Packs a package `name-1.0-r0` from a tree as [`Bench::tree`] reads it.
pub(super) fn pack(bench: &mut Bench, name: &str, age: u64, tree: &str, change: Change<'_>) -> Sample {
    let mut params = json!({
        "tree": bench.input_tree("tree", tree),
        "found": bench.input_bytes("found.json", br#"{"provides": [], "depends": []}"#),
        "info": {
            "name": name, "version": "1.0-r0", "arch": "x86_64", "summary": format!("The {name}"),
            "license": "MIT", "origin": name, "depends": [], "provides": [],
        },
        "epoch": (EPOCH + age).to_string(),
        "package": {"$output": "package.apk"},
        "record": {"$output": "record.json"},
    });
    change(&mut params);
    let output = bench.run(NativeKind::Apk, &params).unwrap();
    let bytes = bench.read(&output, "package.apk");
    let package = bench.input(name, bench.node(&output, "package.apk"));
    let record = bench.input(name, bench.node(&output, "record.json"));
    let output = bench.run(NativeKind::Segment, &segment_params(&package, &record)).unwrap();
    let segment = bench.input(name, bench.node(&output, "segment.tar.gz"));
    let info = bench.input(name, bench.node(&output, "segment.json"));
    Sample { package, bytes, record, segment, info }
}

/// Parameters of a `segment` action.
pub(super) fn segment_params(package: &Value, record: &Value) -> Value {
    json!({
        "package": package,
        "record": record,
        "segment": {"$output": "segment.tar.gz"},
        "info": {"$output": "segment.json"},
    })
}

/// A base with the links of a root, and a program with a library and an account.
pub(super) fn base_and_tool(bench: &mut Bench) -> [Sample; 2] {
    let base = "
        bin -> usr/bin
        lib -> usr/lib
        etc/passwd root:x:0:0:root:/root:/bin/sh\\n
        etc/group root:x:0:\\n
    ";
    let base = pack(bench, "base", 1, base, &|params| {
        params["directories"] = json!({
            "tmp": {"mode": "1777"},
            "home/nonroot": {"mode": "0700", "owner": 65532, "group": 65532},
        });
    });
    let tool = "
        usr/bin/tool* program
        usr/lib/libtool.so.1 library
        usr/lib/libtool.so -> libtool.so.1
        tmp/
    ";
    let tool = pack(bench, "tool", 0, tool, &|params| {
        params["info"]["depends"] = json!(["base"]);
        params["info"]["provides"] = json!(["so:libtool.so.1=1.0"]);
        params["files"] = json!({"usr/bin/tool": {"capabilities": ["cap_net_raw"]}});
        params["effects"] = json!({
            "users": [{"name": "tool", "uid": 80, "group": "tool", "home": "/", "shell": "/sbin/nologin"}],
            "groups": [{"name": "tool", "gid": 80}],
            "alternatives": [{"link": "usr/bin/t", "target": "usr/bin/tool", "priority": 1}],
        });
    });
    [base, tool]
}

/// The solution of these samples for `world`, as an input.
pub(super) fn solved(bench: &mut Bench, world: &[&str], samples: &[Sample]) -> Value {
    let records: Vec<&Value> = samples.iter().map(|sample| &sample.record).collect();
    let params = json!({"world": world, "records": records, "solution": {"$output": "solution.json"}});
    let output = bench.run(NativeKind::Solve, &params).unwrap();
    bench.input("solution", bench.node(&output, "solution.json"))
}
