//! Verdicts by feed, statement and patch, and what is refused.

use std::path::PathBuf;

use super::*;
use crate::bill::Patch;

fn feed(folder: &tempfile::TempDir, name: &str, text: &str) -> Feed {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).expect("is written");
    Feed::read(&path).expect("is a feed")
}

fn bill(packages: Vec<Package>) -> Bill {
    Bill { subject: "test".to_owned(), packages }
}

const WOLFI: &str = "
schema-version: 2.0.1
package:
  name: zlib
advisories:
  - id: CGA-1
    aliases: [CVE-2022-37434]
    events:
      - timestamp: 2022-10-11T11:16:06Z
        type: fixed
        data:
          fixed-version: 1.2.13-r1
  - id: CGA-2
    aliases: [CVE-2023-45853]
    events:
      - timestamp: 2023-10-20T08:03:07Z
        type: detection
      - timestamp: 2023-10-21T08:03:07Z
        type: false-positive-determination
        data:
          type: vulnerable-code-not-included-in-package
          note: minizip is not built
";

fn statuses(version: &str, feeds: &[Feed]) -> Vec<(String, Status)> {
    let report = audit(&bill(vec![Package::new("zlib", version)]), feeds, &[]);
    report.findings.into_iter().map(|finding| (finding.id, finding.status)).collect()
}

#[test]
fn an_upstream_version_decides_but_not_a_patch_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let feeds = [feed(&folder, "zlib.advisories.yaml", WOLFI)];
    let first = |version: &str| {
        statuses(version, &feeds).into_iter().find(|(id, _)| id == "CVE-2022-37434").map(|it| it.1)
    };
    assert_eq!(first("1.2.12-r7"), Some(Status::Affected));
    assert_eq!(first("1.2.13-r0"), Some(Status::Undecided));
    assert_eq!(first("1.3.1-r0"), Some(Status::Fixed));
}

#[test]
fn false_positives_stay_with_their_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let feeds = [feed(&folder, "zlib.advisories.yaml", WOLFI)];
    let report = audit(&bill(vec![Package::new("zlib", "1.3.1-r0")]), &feeds, &[]);
    let finding = report.of(Status::NotAffected).next().expect("one is no finding");
    assert_eq!(finding.reason, "vulnerable-code-not-included-in-package: minizip is not built");
}

#[test]
fn osv_lists_and_ranges_decide() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"{"id": "CVE-1", "modified": "2024-01-01T00:00:00Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "affected": [{"package": {"ecosystem": "OSS-Fuzz", "name": "curl"}, "versions": ["curl-7_57_0"],
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "8.0.0"}, {"fixed": "8.4.0"}]}]}]}"#;
    let feeds = [feed(&folder, "a.json", text)];
    let status =
        |version: &str| audit(&bill(vec![Package::new("curl", version)]), &feeds, &[]).findings[0].status;
    assert_eq!(status("7.57.0-r3"), Status::Affected);
    assert_eq!(status("7.58.0-r0"), Status::NotAffected);
    assert_eq!(status("8.3.9-r0"), Status::Affected);
    assert_eq!(status("8.4.0-r0"), Status::Fixed);
    let report = audit(&bill(vec![Package::new("curl", "8.3.0-r0")]), &feeds, &[]);
    assert!(report.is_as_bad_as(Level::High) && !report.is_as_bad_as(Level::Critical));
}

#[test]
fn commits_without_versions_decide_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"{"id": "OSV-1", "modified": "2024-01-01T00:00:00Z", "affected": [{"versions": [],
        "ranges": [{"type": "GIT", "repo": "https://example.org/zstd.git", "events": [{"introduced": "1f"}, {"fixed": "2f"}]}]}]}"#;
    let feeds = [feed(&folder, "a.json", text)];
    let report = audit(&bill(vec![Package::new("zstd", "1.5.7-r0")]), &feeds, &[]);
    assert_eq!(report.findings[0].status, Status::Undecided);
}

#[test]
fn behind_the_listed_versions_is_fixed_only_if_a_commit_fixed_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = |events: &str| {
        let text = format!(
            r#"{{"id": "OSV-1", "modified": "2024-01-01T00:00:00Z", "affected": [{{"versions": ["v1.4.0"],
            "ranges": [{{"type": "GIT", "repo": "https://example.org/zstd.git", "events": [{events}]}}]}}]}}"#
        );
        let feeds = [feed(&folder, "a.json", &text)];
        audit(&bill(vec![Package::new("zstd", "1.5.7-r0")]), &feeds, &[]).findings[0].status
    };
    assert_eq!(status(r#"{"introduced": "1f"}"#), Status::Undecided);
    assert_eq!(status(r#"{"introduced": "1f"}, {"fixed": "2f"}"#), Status::Fixed);
}

#[test]
fn one_vulnerability_of_two_feeds_is_one_finding() {
    let folder = tempfile::tempdir().expect("a folder");
    let secdb = r#"{"urlprefix": "https://packages.wolfi.dev", "packages": [{"pkg": {"name": "zlib",
        "secfixes": {"1.2.13-r1": ["CVE-2022-37434 GHSA-cfmr"], "0": ["CVE-9"]}}}]}"#;
    let feeds = [feed(&folder, "zlib.advisories.yaml", WOLFI), feed(&folder, "security.json", secdb)];
    let statuses = statuses("1.2.12-r0", &feeds);
    assert_eq!(
        statuses,
        [
            ("CVE-2022-37434", Status::Affected),
            ("CVE-2023-45853", Status::NotAffected),
            ("CVE-9", Status::NotAffected)
        ]
        .map(|(id, status)| (id.to_owned(), status))
    );
}

#[test]
fn statements_and_patches_overrule_feeds() {
    let folder = tempfile::tempdir().expect("a folder");
    let feeds = [feed(&folder, "zlib.advisories.yaml", WOLFI)];
    let vex = |product: &str, status: &str| {
        let text = format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/1", "author": "a",
            "timestamp": "2024-01-01T00:00:00Z", "version": 1, "statements": [{{"vulnerability": {{"name": "CVE-2022-37434"}},
            "products": [{{"@id": "{product}"}}], "status": "{status}", "impact_statement": "no headers are read"}}]}}"#
        );
        Vex::parse("vex.json", &text).expect("is OpenVEX")
    };
    let mut package = Package::new("zlib", "1.2.12-r0");
    let status = |package: &Package, vex: Vex| {
        let report = audit(&bill(vec![package.clone()]), &feeds, &[vex]);
        report
            .findings
            .into_iter()
            .find(|finding| finding.id == "CVE-2022-37434")
            .map(|finding| (finding.status, finding.reason))
    };
    let (stated, reason) = status(&package, vex("pkg:apk/wizos/zlib", "not_affected")).expect("a finding");
    assert_eq!((stated, reason.as_str()), (Status::NotAffected, "no headers are read"));
    let (other, _) =
        status(&package, vex("pkg:apk/wizos/zlib@1.2.11-r0", "not_affected")).expect("a finding");
    assert_eq!(other, Status::Affected);
    // A patch for another number of the same beginning is no evidence.
    package.patches.push(Patch { name: "CVE-2022-374341.patch".to_owned(), sha256: None });
    assert_eq!(status(&package, vex("pkg:apk/wizos/other", "fixed")).map(|it| it.0), Some(Status::Affected));
    package.patches.push(Patch { name: "CVE-2022-37434.patch".to_owned(), sha256: Some("ab".to_owned()) });
    let (fixed, reason) = status(&package, vex("pkg:apk/wizos/other", "fixed")).expect("a finding");
    assert_eq!((fixed, reason.as_str()), (Status::Fixed, "patched by CVE-2022-37434.patch (sha256:ab)"));
}

#[test]
fn what_is_no_feed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("is written");
        Feed::read(&path).expect_err("is refused").to_string()
    };
    assert!(refused("a.json", "{\"a\": 1}").contains("of no form that is known"));
    assert!(refused("b.yaml", "id: [\nmodified: x\n").contains("is not as OSV is to be"));
    assert!(refused("c.json", "PK").contains("of no form"));
    assert!(Vex::parse("v", r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "", "author": "", "timestamp": "", "version": 1,
        "statements": [{"vulnerability": {"name": "CVE-1"}, "status": "not_affected"}]}"#)
        .is_err_and(|error| error.to_string().contains("without a justification")));
}
