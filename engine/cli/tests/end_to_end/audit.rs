//! `wiz audit`: findings in targets and files, in each form, and what makes it fail.

use crate::fixture::Fixture;

const RULE: &str = r#"
def _impl(ctx: AnalysisContext) -> list[Provider]:
    known = {"name": "zlib-utils", "origin": "zlib", "version": "1.2.12-r0", "license": "Zlib", "cpe": "", "patches": ctx.attrs.patches}
    return [DefaultInfo(), EvidenceInfo(packages = [known])]

thing = rule(impl = _impl, doc = "Has evidence.", attrs = {
    "patches": attrs.list(attrs.source(), default = [], doc = "Applied."),
})
"#;

const TARGETS: &str = r#"
load(":thing.star", "thing")
thing(name = "plain")
thing(name = "patched", patches = ["CVE-2022-37434.patch"])
"#;

const FEED: &str = r#"
id: CVE-2022-37434
modified: '2024-01-01T00:00:00Z'
summary: A header field too long
severity:
- type: CVSS_V3
  score: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H
affected:
- package:
    ecosystem: OSS-Fuzz
    name: zlib
  ranges:
  - type: ECOSYSTEM
    events:
    - introduced: '0'
    - fixed: 1.2.13
"#;

fn fixture() -> Fixture {
    Fixture::new(&[
        ("e/thing.star", RULE),
        ("e/BUILD.star", TARGETS),
        ("e/CVE-2022-37434.patch", "--- a\n+++ b\n"),
        ("feed/CVE-2022-37434.yaml", FEED),
    ])
}

#[test]
fn an_affected_package_is_told_and_fails_from_a_level_on() {
    let fixture = fixture();
    let told = fixture.wiz(&["audit", "//e:plain", "--feed", "feed"]).to_string();
    assert!(told.starts_with("status 0\n"), "{told}");
    assert!(told.contains("critical  CVE-2022-37434  zlib 1.2.12-r0  affected, fixed in 1.2.13"), "{told}");
    assert!(told.contains("1 affected, 0 undecided, 0 fixed, 0 not affected in 1 packages"), "{told}");
    assert!(told.contains("\n  1 advisories, sha256:"), "{told}");
    let failed = fixture.wiz(&["audit", "//e:plain", "--feed", "feed", "--fail-on", "critical"]).to_string();
    assert!(failed.starts_with("status 1\n") && failed.contains("WIZ2331"), "{failed}");
}

#[test]
fn a_patch_named_for_it_is_evidence_that_it_is_fixed() {
    let fixture = fixture();
    let arguments = ["audit", "//e:patched", "--feed", "feed", "--fail-on", "low", "--all"];
    let told = fixture.wiz(&arguments).to_string();
    assert!(told.starts_with("status 0\n"), "{told}");
    assert!(told.contains("fixed: patched by CVE-2022-37434.patch"), "{told}");
    assert!(told.contains("none known to "), "{told}");
}

#[test]
fn a_statement_made_from_a_report_overrules_the_feed() {
    let fixture = fixture();
    let patched = fixture.command(&["audit", "//e:patched", "--feed", "feed", "--format", "openvex"]);
    let made = { patched }.output().unwrap();
    fixture.write("vex.json", std::str::from_utf8(&made.stdout).unwrap());
    let arguments =
        ["audit", "//e:plain", "--feed", "feed", "--vex", "vex.json", "--format", "json", "--fail-on", "low"];
    let ended = fixture.command(&arguments).output().unwrap();
    assert!(ended.status.success());
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(finding["status"], "fixed");
    assert_eq!((&finding["severity"], &finding["score"]), (&"critical".into(), &9.8.into()));
}

#[test]
fn sarif_places_a_finding_at_its_definition() {
    let ended =
        fixture().command(&["audit", "//e:plain", "--feed", "feed", "--format", "sarif"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let run = &report["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["security-severity"], "9.8");
    let location = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(location, "pkgs/zlib/BUILD.star");
}

#[test]
fn a_bill_of_materials_names_the_way_in() {
    let fixture = fixture();
    fixture.write(
        "bill.json",
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "i", "name": "base"}},
        "components": [{"bom-ref": "c", "name": "curl", "version": "8-r0"}, {"bom-ref": "z", "name": "zlib", "version": "1.2.12-r0"}],
        "dependencies": [{"ref": "i", "dependsOn": ["c"]}, {"ref": "c", "dependsOn": ["z"]}]}"#,
    );
    let told = fixture.wiz(&["audit", "bill.json", "--feed", "feed"]).to_string();
    assert!(told.contains("by base -> curl -> zlib"), "{told}");
}

#[test]
fn what_cannot_be_read_is_said_with_a_hint() {
    let fixture = fixture();
    fixture.write("feed/odd.json", "{}");
    let told = fixture.wiz(&["audit", "//e:plain", "--feed", "feed"]).to_string();
    assert!(told.starts_with("status 2\n") && told.contains("odd.json") && told.contains("secdb"), "{told}");
    let told = fixture.wiz(&["audit", "//root", "--feed", "feed/CVE-2022-37434.yaml"]).to_string();
    assert!(told.starts_with("status 2\n") && told.contains("WIZ2332"), "{told}");
    let told = fixture.wiz(&["audit", "//e:plain", "--feed", "missing"]).to_string();
    assert!(told.starts_with("status 2\n") && told.contains("cannot be read"), "{told}");
}
