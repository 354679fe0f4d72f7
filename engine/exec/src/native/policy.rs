//! An image held against a policy: licences, hardening, rights, size, known vulnerabilities. What
//! does not comply is an error unless an exception with a reason is written down. Unaware of when
//! exceptions end: that needs a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use wiz_audit::{Bill, Claim, Feed, Level, Stated, Status};
use wiz_base::Node;
use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_sbom::Licence;

use super::image::Contents;
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::record::{FileKind, PackageRecord};
use super::solve::Solution;
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyParams {
    layout: Input,
    contents: Input,
    solution: Input,
    /// CycloneDX.
    bill: Input,
    packages: Vec<PackageEvidence>,
    rules: Rules,
    #[serde(default)]
    exceptions: Vec<Exception>,
    report: Output,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageEvidence {
    record: Input,
    /// Of the hardening gate.
    verdict: Input,
    #[serde(default)]
    advisories: Vec<Advisory>,
}

/// As `advisory` of //starlark-rules/advisories.star makes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    status: String,
    fixed: String,
    patch: String,
    justification: String,
    note: String,
    aliases: Vec<String>,
}

/// What is asked for; what is not said is not asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    /// The only licences that a package may need.
    licenses: Option<BTreeSet<String>>,
    /// No package may have an exception from the hardening gate.
    hardened: bool,
    /// No file may run with more rights than its user's.
    unprivileged: bool,
    /// There may be no shell.
    no_shell: bool,
    /// Most bytes of all layers, compressed.
    max_size: Option<u64>,
    /// From which level on a known vulnerability counts.
    fail_on: Option<FailOn>,
    /// Advisories that vulnerabilities are known by.
    feeds: Vec<Input>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailOn {
    Low,
    Medium,
    High,
    Critical,
}

/// Something that is let pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    subject: String,
    reason: String,
    /// `2027-01-31`; held against the clock by who asks for the report.
    expires: String,
}

/// Something that does not comply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule, by its name in the definition.
    pub rule: &'static str,
    /// A package, a file or a vulnerability.
    pub subject: String,
    /// What is wrong with it.
    pub message: String,
}

/// An image that does not comply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image does not comply with its policy:{}\nhint: {}", lines(.0), hint(.0))]
pub struct PolicyError(pub Vec<Violation>);

/// What was found; kept as evidence.
#[derive(Debug, Serialize)]
struct Report {
    /// The rules that were asked for.
    rules: Vec<&'static str>,
    feeds: Vec<FeedName>,
    excepted: Vec<Excepted>,
    /// Exceptions that nothing needed.
    unused: Vec<Exception>,
}

#[derive(Debug, Serialize)]
struct FeedName {
    name: String,
    sha256: String,
    advisories: usize,
}

#[derive(Debug, Serialize)]
struct Excepted {
    #[serde(flatten)]
    violation: Violation,
    reason: String,
    expires: String,
}

/// Carries out a `policy` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: PolicyParams = params::parse(job)?;
    let solution: Solution = params.solution.json(job)?;
    let chosen: BTreeSet<&str> = solution.packages.iter().map(|package| package.identity.as_str()).collect();
    let mut packages = Vec::new();
    for evidence in &params.packages {
        let record: PackageRecord = evidence.record.json(job)?;
        if chosen.contains(record.identity.as_str()) {
            packages.push((record, evidence));
        }
    }
    let contents: Contents = params.contents.json(job)?;
    let rules = &params.rules;
    let feeds = rules.feeds.iter().map(|feed| read_feed(job, feed)).collect::<Result<Vec<_>, _>>()?;
    let mut violations = Vec::new();
    if let Some(allowed) = &rules.licenses {
        violations.extend(packages.iter().filter_map(|(record, _)| licence(record, allowed)));
    }
    if rules.hardened {
        for (record, evidence) in &packages {
            violations.extend(unhardened(job, record, &evidence.verdict)?);
        }
    }
    violations.extend(files(&contents, rules));
    if let Some(most) = rules.max_size {
        violations.extend(size(job, &params.layout, most)?);
    }
    if let Some(from) = rules.fail_on {
        violations.extend(vulnerabilities(job, &params.bill, &packages, &feeds, from)?);
    }
    let (report, left) = except(violations, &params.exceptions, asked(rules), &feeds);
    if !left.is_empty() {
        return Err(PolicyError(left).into());
    }
    let unused = report.unused.iter();
    let log: String = unused
        .map(|it| {
            format!(
                "warning: nothing needs the exception from `{}` for `{}`: remove it\n",
                it.rule, it.subject
            )
        })
        .collect();
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.report, &report)?;
    outputs.finish(log)
}

fn asked(rules: &Rules) -> Vec<&'static str> {
    let asked = [
        ("licenses", rules.licenses.is_some()),
        ("hardened", rules.hardened),
        ("unprivileged", rules.unprivileged),
        ("no_shell", rules.no_shell),
        ("max_size", rules.max_size.is_some()),
        ("fail_on", rules.fail_on.is_some()),
    ];
    asked.into_iter().filter_map(|(name, is_asked)| is_asked.then_some(name)).collect()
}

fn licence(record: &PackageRecord, allowed: &BTreeSet<String>) -> Option<Violation> {
    let expression = &record.facts.license;
    let message = match Licence::parse(expression) {
        Ok(licence) => {
            let refused = licence.refused(allowed);
            (!refused.is_empty()).then(|| format!("`{}` is not allowed", refused.join("`, `")))?
        }
        Err(error) => error.to_string(),
    };
    Some(Violation { rule: "licenses", subject: record.name.clone(), message })
}

/// What the hardening gate let pass of a package.
fn unhardened(
    job: &NativeJob<'_>,
    record: &PackageRecord,
    verdict: &Input,
) -> Result<Vec<Violation>, NativeError> {
    #[derive(Deserialize)]
    struct Verdict {
        excepted: Vec<Passed>,
    }
    #[derive(Deserialize)]
    struct Passed {
        path: String,
        missing: String,
        reason: String,
    }
    let verdict: Verdict = verdict.json(job)?;
    let here: BTreeSet<&str> = record.files.iter().map(|file| file.path.as_str()).collect();
    let violation = |passed: Passed| Violation {
        rule: "hardened",
        subject: format!("{}:{}", record.name, passed.path),
        message: format!("lacks `{}`: {}", passed.missing, passed.reason),
    };
    // A build's verdict is about all its packages' files.
    Ok(verdict
        .excepted
        .into_iter()
        .filter(|passed| here.contains(passed.path.as_str()))
        .map(violation)
        .collect())
}

fn files(contents: &Contents, rules: &Rules) -> Vec<Violation> {
    const SHELLS: [&str; 7] = ["ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"];
    let mut violations = Vec::new();
    for found in &contents.files {
        let file = &found.file;
        let subject = format!("/{}", file.path);
        if rules.unprivileged && file.kind == FileKind::File {
            let message = match (file.mode & 0o6000, file.capabilities.as_slice()) {
                (0, []) => None,
                (0, capabilities) => {
                    let names: Vec<String> = capabilities.iter().map(ToString::to_string).collect();
                    Some(format!("has {}", names.join(", ")))
                }
                _ => Some(format!("has the mode {:04o}", file.mode)),
            };
            violations.extend(message.map(|message| Violation {
                rule: "unprivileged",
                subject: subject.clone(),
                message,
            }));
        }
        let in_path =
            file.path.parent().is_some_and(|folder| ["usr/bin", "usr/sbin"].contains(&folder.as_str()));
        if rules.no_shell && in_path && SHELLS.contains(&file.path.file_name()) {
            violations.push(Violation { rule: "no_shell", subject, message: "is a shell".to_owned() });
        }
    }
    violations
}

fn size(job: &NativeJob<'_>, layout: &Input, most: u64) -> Result<Option<Violation>, NativeError> {
    let name = layout.name(job).to_owned();
    let tree = layout.folder(job)?;
    let document = |path: &str| -> Result<Vec<u8>, NativeError> {
        let path =
            path.parse().map_err(|_| NativeError::WrongKind { name: path.to_owned(), expected: "file" })?;
        match job.store.subtree(&tree, &path)? {
            Some(Node::File { digest, .. }) => Ok(job.store.read(&digest)?),
            _ => Err(NativeError::WrongKind { name: path.to_string(), expected: "file" }),
        }
    };
    let malformed =
        |error: serde_json::Error| NativeError::Malformed { name: name.clone(), message: error.to_string() };
    let index: ImageIndex = serde_json::from_slice(&document("index.json")?).map_err(malformed)?;
    let mut size = 0;
    for named in &index.manifests {
        let path = wiz_oci::layout::blob_path(&named.digest);
        let manifest: Manifest = serde_json::from_slice(&document(path.as_str())?).map_err(malformed)?;
        size += manifest.layers.iter().map(|layer| layer.size).sum::<u64>();
    }
    let message = format!("{size} bytes compressed, at most {most} are allowed");
    Ok((size > most).then_some(Violation { rule: "max_size", subject: "image".to_owned(), message }))
}

fn read_feed(job: &NativeJob<'_>, feed: &Input) -> Result<Feed, NativeError> {
    let name = feed.name(job).to_owned();
    let malformed = |error: wiz_audit::AuditError| NativeError::Malformed {
        name: name.clone(),
        message: error.to_string(),
    };
    match feed.node(job)? {
        Node::File { digest, .. } => Feed::of_file(&name, job.store.read(&digest)?).map_err(malformed),
        Node::Directory(digest) => {
            let mut files = Vec::new();
            for entry in job.store.walk(&digest) {
                if let (path, Node::File { digest, .. }) = entry? {
                    files.push((path.to_string(), job.store.read(&digest)?));
                }
            }
            Feed::of_folder(&name, files).map_err(malformed)
        }
        Node::Symlink(_) => Err(NativeError::WrongKind { name, expected: "file or folder" }),
    }
}

/// What is affected of the packages that are in the image.
fn vulnerabilities(
    job: &NativeJob<'_>,
    bill: &Input,
    packages: &[(PackageRecord, &PackageEvidence)],
    feeds: &[Feed],
    from: FailOn,
) -> Result<Vec<Violation>, NativeError> {
    let name = bill.name(job).to_owned();
    let malformed = |error: wiz_audit::AuditError| NativeError::Malformed {
        name: name.clone(),
        message: error.to_string(),
    };
    let mut bill = Bill::parse(&name, &bill.read(job)?).map_err(malformed)?;
    let stated: BTreeMap<&str, &[Advisory]> = packages
        .iter()
        .map(|(record, evidence)| (record.name.as_str(), evidence.advisories.as_slice()))
        .collect();
    for package in &mut bill.packages {
        let advisories = stated.get(package.name.as_str()).copied().unwrap_or_default();
        package.stated = advisories.iter().filter_map(Advisory::stated).collect();
    }
    let from = match from {
        FailOn::Low => Level::Low,
        FailOn::Medium => Level::Medium,
        FailOn::High => Level::High,
        FailOn::Critical => Level::Critical,
    };
    let report = wiz_audit::audit(&bill, feeds, &[]);
    let mut seen = BTreeSet::new();
    let mut violations = Vec::new();
    for finding in report.of(Status::Affected).filter(|finding| finding.severity.level.judged() >= from) {
        let package = &finding.package;
        if seen.insert((package.origin.clone(), finding.id.clone())) {
            let fixed =
                finding.fixed_in.as_ref().map(|version| format!(", fixed in {version}")).unwrap_or_default();
            violations.push(Violation {
                rule: "fail_on",
                subject: format!("{}:{}", package.origin, finding.id),
                message: format!("{} in {}{fixed}", finding.severity.level, package.version),
            });
        }
    }
    Ok(violations)
}

impl Advisory {
    fn stated(&self) -> Option<Stated> {
        let claim = Claim::new(&self.status, &self.fixed, &self.patch, &self.justification)?;
        let (id, aliases, note) = (self.id.clone(), self.aliases.clone(), self.note.clone());
        Some(Stated { id, aliases, claim, note })
    }
}

/// Divides violations into those that are let pass and those that are not.
fn except(
    violations: Vec<Violation>,
    exceptions: &[Exception],
    rules: Vec<&'static str>,
    feeds: &[Feed],
) -> (Report, Vec<Violation>) {
    let (mut excepted, mut left) = (Vec::new(), Vec::new());
    let mut used = BTreeSet::new();
    for violation in violations {
        let covers = |it: &Exception| it.rule == violation.rule && it.subject == violation.subject;
        match exceptions.iter().position(covers) {
            Some(place) => {
                used.insert(place);
                let Exception { reason, expires, .. } = exceptions[place].clone();
                excepted.push(Excepted { violation, reason, expires });
            }
            None => left.push(violation),
        }
    }
    let unused = exceptions.iter().enumerate().filter(|(place, _)| !used.contains(place));
    let unused = unused.map(|(_, exception)| exception.clone()).collect();
    let named = |feed: &Feed| FeedName {
        name: feed.name.clone(),
        sha256: feed.sha256.clone(),
        advisories: feed.len(),
    };
    (Report { rules, feeds: feeds.iter().map(named).collect(), excepted, unused }, left)
}

/// As many violations are listed in the message.
const LISTED: usize = 20;

fn lines(violations: &[Violation]) -> String {
    let mut text = String::new();
    for Violation { rule, subject, message } in violations.iter().take(LISTED) {
        let _ = write!(text, "\n`{rule}`: {subject}: {message}");
    }
    if violations.len() > LISTED {
        let _ = write!(text, "\nand {} more", violations.len() - LISTED);
    }
    text
}

fn hint(violations: &[Violation]) -> String {
    let mut text = "mend it, or write down why it may be so and until when:\nexceptions = [".to_owned();
    for Violation { rule, subject, .. } in violations.iter().take(LISTED) {
        let _ = write!(
            text,
            "\n    exception(\"{rule}\", \"{subject}\", reason = \"...\", expires = \"2027-01-31\"),"
        );
    }
    text + "\n]"
}

#[cfg(test)]
mod tests;
