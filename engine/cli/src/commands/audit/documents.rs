//! A report as documents for programs: JSON, SARIF 2.1.0 (OASIS) and OpenVEX 0.2.0.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wiz_audit::{Finding, Level, Statement, Status, Vex};

use super::Audited;

/// Everything that is known.
pub(super) fn json(audited: &Audited<'_>) -> Value {
    let feed =
        |feed: &wiz_audit::Feed| json!({"name": feed.name, "sha256": feed.sha256, "advisories": feed.len()});
    let finding = |finding: &Finding| {
        json!({
            "id": finding.id,
            "aliases": finding.aliases,
            "summary": finding.summary,
            "severity": finding.severity.level.name(),
            "score": finding.severity.score,
            "vector": finding.severity.vector,
            "package": finding.package.name,
            "origin": finding.package.origin,
            "version": finding.package.version,
            "purl": product(finding),
            "path": finding.package.path,
            "status": finding.status.name(),
            "fixedIn": finding.fixed_in,
            "reason": finding.reason,
            "feed": audited.feeds[finding.feed].sha256,
        })
    };
    json!({
        "subject": audited.bill.subject,
        "time": audited.time,
        "packages": audited.bill.packages.len(),
        "feeds": audited.feeds.iter().map(feed).collect::<Vec<_>>(),
        "findings": audited.report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// What is affected, placed at the definition of its package.
pub(super) fn sarif(audited: &Audited<'_>) -> Value {
    let affected: Vec<&Finding> = audited.report.of(Status::Affected).collect();
    let mut rules = BTreeMap::new();
    for finding in &affected {
        let description = if finding.summary.is_empty() { &finding.id } else { &finding.summary };
        let mut rule = json!({"id": finding.id, "shortDescription": {"text": description}});
        if let Some(score) = finding.severity.score {
            rule["properties"] = json!({"security-severity": format!("{score:.1}")});
        }
        rules.insert(finding.id.as_str(), rule);
    }
    let result = |finding: &&Finding| {
        let fixed =
            finding.fixed_in.as_ref().map(|version| format!(", fixed in {version}")).unwrap_or_default();
        let message =
            format!("{} {} has {}{fixed}", finding.package.name, finding.package.version, finding.id);
        json!({
            "ruleId": finding.id,
            "level": sarif_level(finding.severity.level),
            "message": {"text": message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": format!("pkgs/{}/BUILD.star", finding.package.origin)},
                "region": {"startLine": 1},
            }}],
            "partialFingerprints": {"vulnerability/v1": format!("{}:{}", finding.package.name, finding.id)},
        })
    };
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "wiz audit",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "results": affected.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn sarif_level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium | Level::Unknown => "warning",
        Level::Low | Level::None => "note",
    }
}

/// Everything that is known, as statements other scanners take.
pub(super) fn openvex(audited: &Audited<'_>) -> String {
    let statements: Vec<Statement> = audited.report.findings.iter().map(statement).collect();
    let digest = Sha256::digest(serde_json::to_vec(&statements).unwrap_or_default());
    let id = format!("urn:x-wiz:vex:{}", hex::encode(digest));
    let document = Vex::new(id, "wizos".to_owned(), audited.time.clone(), statements);
    json!(document).to_string()
}

fn statement(finding: &Finding) -> Statement {
    let reason = Some(finding.reason.clone());
    let action = finding.fixed_in.as_ref().map_or_else(
        || "No version without it is known.".to_owned(),
        |version| format!("Update to {version} or later."),
    );
    let (affected, unaffected) = (finding.status == Status::Affected, finding.status == Status::NotAffected);
    Statement {
        vulnerability: wiz_audit::Vulnerability {
            name: finding.id.clone(),
            aliases: finding.aliases.clone(),
        },
        products: vec![wiz_audit::Product { id: product(finding) }],
        status: finding.status.name().to_owned(),
        justification: None,
        impact_statement: reason.clone().filter(|_| unaffected),
        status_notes: reason.filter(|_| !unaffected),
        action_statement: affected.then_some(action),
    }
}

/// The package URL of a finding's package.
fn product(finding: &Finding) -> String {
    let package = &finding.package;
    package
        .purl
        .clone()
        .unwrap_or_else(|| format!("pkg:apk/wizos/{}@{}", package.name.replace('+', "%2B"), package.version))
}
