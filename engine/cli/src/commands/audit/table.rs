//! A report as lines for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wiz_audit::{Finding, Status};

use super::Audited;

/// Findings, worst first, then how many there are and what they are known to. Packages split from
/// one source share their findings.
pub(super) fn text(audited: &Audited<'_>, all: bool) -> String {
    let mut seen = BTreeSet::new();
    let mut unique = audited.report.findings.clone();
    unique.retain(|finding| {
        let package = &finding.package;
        seen.insert((package.origin.clone(), package.version.clone(), finding.id.clone()))
    });
    let mut text = lines(unique.iter().filter(|finding| all || finding.status == Status::Affected).collect());
    if !all {
        text.push_str(&undecided(&unique));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let count = |status: Status| unique.iter().filter(|finding| finding.status == status).count();
    let affected = count(Status::Affected);
    let _ = writeln!(
        text,
        "{affected} affected, {} undecided, {} fixed, {} not affected in {} packages",
        count(Status::Undecided),
        count(Status::Fixed),
        count(Status::NotAffected),
        audited.bill.packages.len(),
    );
    let verb = if affected == 0 { "none known to" } else { "known to" };
    for feed in audited.feeds {
        let advisories = feed.len();
        let _ = writeln!(text, "{verb} {} at {}", feed.name, audited.time);
        let _ = writeln!(text, "  {advisories} advisories, sha256:{}", feed.sha256);
    }
    text
}

fn lines(findings: Vec<&Finding>) -> String {
    let width =
        |of: &dyn Fn(&Finding) -> usize| findings.iter().map(|finding| of(finding)).max().unwrap_or(0);
    let (id_width, name_width) = (width(&|finding| finding.id.len()), width(&|finding| name(finding).len()));
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(
            text,
            "{:<8}  {:<id_width$}  {:<name_width$}  {}",
            finding.severity.level,
            finding.id,
            name(finding),
            conclusion(finding),
        );
        if finding.package.path.len() > 2 {
            let _ = writeln!(text, "          by {}", finding.package.path.join(" -> "));
        }
    }
    text
}

/// How much is undecided of each source, and why; `--all` names each.
fn undecided(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.status == Status::Undecided) {
        *counts.entry((name(finding), &finding.reason)).or_default() += 1;
    }
    let mut text = String::new();
    for ((name, reason), count) in counts {
        let _ = writeln!(text, "{count} undecided in {name}: {reason}");
    }
    text
}

/// The source a package was split from, with its version.
fn name(finding: &Finding) -> String {
    format!("{} {}", finding.package.origin, finding.package.version)
}

fn conclusion(finding: &Finding) -> String {
    match (finding.status, &finding.fixed_in) {
        (Status::Affected, Some(version)) => format!("affected, fixed in {version}"),
        (Status::Affected, None) => "affected".to_owned(),
        (Status::Undecided, _) => format!("undecided: {}", finding.reason),
        (Status::Fixed, _) => format!("fixed: {}", finding.reason),
        (Status::NotAffected, _) => format!("not affected: {}", finding.reason),
    }
}
