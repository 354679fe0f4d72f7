//! Images held against policies: each rule, and exceptions from it.

use expect_test::expect;
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::sample_packages::{Sample, pack, solved};
use crate::native::testing::Bench;

const FEED: &str = r#"{
    "id": "CVE-1", "modified": "2026-01-01T00:00:00Z",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [{"package": {"ecosystem": "OSS-Fuzz", "name": "tool"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}]
}"#;

const BILL: &str =
    r#"{"bomFormat": "CycloneDX", "components": [{"bom-ref": "t", "name": "tool", "version": "1.0-r0"}]}"#;

fn tool(bench: &mut Bench) -> Sample {
    let tree = "usr/bin/tool program\nusr/bin/sh -> tool\netc/passwd root:x:0:0:root:/root:/bin/sh\\n";
    pack(bench, "tool", 0, tree, &|params| {
        params["files"] = json!({"usr/bin/tool": {"mode": "4755"}});
    })
}

/// Judges an image of one package; `verdict` is what its hardening gate let pass.
fn judge(rules: &Value, exceptions: &Value, advisories: &Value) -> Result<String, String> {
    let mut bench = Bench::new();
    let sample = tool(&mut bench);
    let solution = solved(&mut bench, &["tool"], std::slice::from_ref(&sample));
    let params = json!({
        "packages": [{"segment": sample.segment, "info": sample.info, "record": sample.record}],
        "solution": solution,
        "config": {},
        "arch": "x86_64",
        "layout": {"$output": "oci"},
        "contents": {"$output": "contents.json"},
    });
    let image = bench.run(NativeKind::Image, &params).unwrap();
    let verdict = r#"{"excepted": [{"path": "usr/bin/tool", "missing": "pie", "reason": "static"}, {"path": "usr/bin/other", "missing": "now", "reason": "else"}]}"#;
    let mut rules = rules.clone();
    if rules.get("fail_on").is_some() {
        rules["feeds"] = json!([bench.input_bytes("feed", FEED.as_bytes())]);
    }
    let (layout, contents) = (bench.node(&image, "oci"), bench.node(&image, "contents.json"));
    let params = json!({
        "layout": bench.input("oci", layout),
        "contents": bench.input("contents.json", contents),
        "solution": solution,
        "bill": bench.input_bytes("sbom.cdx.json", BILL.as_bytes()),
        "packages": [{"record": sample.record, "verdict": bench.input_bytes("verdict", verdict.as_bytes()), "advisories": advisories}],
        "rules": rules,
        "exceptions": exceptions,
        "report": {"$output": "policy.json"},
    });
    let output = bench.run(NativeKind::Policy, &params).map_err(|error| error.to_string())?;
    Ok(bench.text(&output, "policy.json"))
}

#[test]
fn every_rule_is_told_at_once() {
    let rules = json!({
        "licenses": ["Zlib"],
        "hardened": true,
        "unprivileged": true,
        "no_shell": true,
        "max_size": 10,
        "fail_on": "critical",
    });
    let refused = judge(&rules, &json!([]), &json!([])).unwrap_err();
    let size = refused.lines().find(|line| line.contains("max_size")).unwrap();
    assert!(size.ends_with("bytes compressed, at most 10 are allowed"), "{size}");
    let others: Vec<&str> = refused.lines().filter(|line| !line.contains("max_size")).collect();
    expect![[r#"
        the image does not comply with its policy:
        `licenses`: tool: `MIT` is not allowed
        `hardened`: tool:usr/bin/tool: lacks `pie`: static
        `no_shell`: /usr/bin/sh: is a shell
        `unprivileged`: /usr/bin/tool: has the mode 4755
        `fail_on`: tool:CVE-1: critical in 1.0-r0, fixed in 2.0
        hint: mend it, or write down why it may be so and until when:
        exceptions = [
            exception("licenses", "tool", reason = "...", expires = "2027-01-31"),
            exception("hardened", "tool:usr/bin/tool", reason = "...", expires = "2027-01-31"),
            exception("no_shell", "/usr/bin/sh", reason = "...", expires = "2027-01-31"),
            exception("unprivileged", "/usr/bin/tool", reason = "...", expires = "2027-01-31"),
            exception("fail_on", "tool:CVE-1", reason = "...", expires = "2027-01-31"),
        ]"#]]
    .assert_eq(&others.join("\n"));
}

#[test]
fn exceptions_are_kept_as_evidence() {
    let exceptions = json!([
        {"rule": "no_shell", "subject": "/usr/bin/sh", "reason": "it is a debug image", "expires": "2027-01-31"},
        {"rule": "max_size", "subject": "image", "reason": "never needed", "expires": "2027-01-31"},
    ]);
    let report = judge(&json!({"no_shell": true, "licenses": ["MIT"]}), &exceptions, &json!([])).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["rules"], json!(["licenses", "no_shell"]), "{report}");
    assert_eq!(report["excepted"][0]["reason"], "it is a debug image", "{report}");
    assert_eq!(report["unused"][0]["rule"], "max_size", "{report}");
}

#[test]
fn what_a_definition_states_is_heard() {
    let advisory = |status: &str, fixed: &str, justification: &str| {
        json!([{
            "id": "CVE-1", "status": status, "fixed": fixed, "patch": "", "justification": justification,
            "note": "", "aliases": [],
        }])
    };
    let rules = json!({"fail_on": "high"});
    let judge = |advisories: Value| judge(&rules, &json!([]), &advisories);
    assert!(judge(json!([])).is_err());
    judge(advisory("not_affected", "", "vulnerable_code_not_present")).unwrap();
    judge(advisory("fixed", "1.0-r0", "")).unwrap();
    assert!(judge(advisory("fixed", "1.0-r1", "")).is_err());
}
