//! From packages and feeds to findings.

use crate::advisory::{Advisory, Affected, Commits, Distribution, End, Extent, Range};
use crate::bill::{Bill, Package};
use crate::feed::Feed;
use crate::openvex::{Statement, Vex};
use crate::severity::{Level, Severity};
use crate::stated::Stated;
use crate::version::{compare, of_tag, without_release};

/// Whether a package has a vulnerability. In order: what comes later is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// A feed speaks of commits or of another distribution's patch, which decides nothing here.
    Undecided,
    /// It does not have it, and never had.
    NotAffected,
    /// It no longer has it.
    Fixed,
    /// It has it.
    Affected,
}

impl Status {
    /// OpenVEX's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "under_investigation",
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::Affected => "affected",
        }
    }
}

/// What is known of one vulnerability in one package.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The vulnerability, by the name most know it by.
    pub id: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// What it is, in a line.
    pub summary: String,
    /// How bad it is.
    pub severity: Severity,
    /// The package.
    pub package: Package,
    /// Whether the package has it.
    pub status: Status,
    /// The first version without it.
    pub fixed_in: Option<String>,
    /// Why the status is what it is.
    pub reason: String,
    /// The feed that decided it, by its place in the list.
    pub feed: usize,
}

/// All that is known of the packages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// One for each vulnerability and package, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Findings of a status.
    pub fn of(&self, status: Status) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.status == status)
    }

    /// Whether a package has something as bad as `level` or worse. What nobody has judged counts
    /// as medium.
    #[must_use]
    pub fn is_as_bad_as(&self, level: Level) -> bool {
        self.of(Status::Affected).any(|finding| finding.severity.level.judged() >= level)
    }
}

/// Looks for the packages of a bill in feeds. What a package's definition states overrules feeds,
/// statements overrule that, and patches that are named for a vulnerability overrule all.
#[must_use]
pub fn audit(bill: &Bill, feeds: &[Feed], statements: &[Vex]) -> Report {
    let mut findings = Vec::new();
    for package in &bill.packages {
        let mut found: Vec<Finding> = Vec::new();
        for (number, feed) in feeds.iter().enumerate() {
            for name in names(package) {
                for (advisory, affected) in feed.about(&name) {
                    unite(&mut found, finding(package, advisory, affected, number));
                }
            }
        }
        for mut finding in found {
            overrule(&mut finding, statements);
            findings.push(finding);
        }
    }
    findings.sort_by(|a, b| {
        let order = |finding: &Finding| (finding.status, finding.severity.level);
        order(b)
            .cmp(&order(a))
            .then_with(|| a.package.name.cmp(&b.package.name))
            .then_with(|| a.id.cmp(&b.id))
    });
    Report { findings }
}

/// The names a feed may know a package by, in lower case.
fn names(package: &Package) -> Vec<String> {
    let mut names = vec![package.origin.to_ascii_lowercase(), package.name.to_ascii_lowercase()];
    names.extend(package.product.clone());
    names.sort();
    names.dedup();
    names
}

fn finding(package: &Package, advisory: &Advisory, affected: &Affected, feed: usize) -> Finding {
    let Verdict { status, fixed_in, reason } = judge(package, affected);
    let id = advisory.names().find(|name| name.starts_with("CVE-")).unwrap_or(&advisory.id).to_owned();
    Finding {
        aliases: advisory.names().filter(|name| *name != id).map(str::to_owned).collect(),
        id,
        summary: advisory.summary.clone(),
        severity: advisory.severity.clone(),
        package: package.clone(),
        status,
        fixed_in,
        reason,
        feed,
    }
}

/// Adds a finding; where it is known by another feed already, the graver status stays, and
/// whatever only one of the two says.
fn unite(found: &mut Vec<Finding>, mut new: Finding) {
    let same = |known: &Finding| {
        let names = |finding: &Finding| {
            std::iter::once(finding.id.clone()).chain(finding.aliases.clone()).collect::<Vec<_>>()
        };
        let new = names(&new);
        names(known).iter().any(|name| new.contains(name))
    };
    let Some(place) = found.iter().position(same) else {
        found.push(new);
        return;
    };
    let known = &mut found[place];
    if new.status > known.status {
        std::mem::swap(known, &mut new);
    }
    if known.severity.level < new.severity.level {
        known.severity = new.severity;
    }
    if known.summary.is_empty() {
        known.summary = new.summary;
    }
    known.fixed_in = known.fixed_in.take().or(new.fixed_in);
    for name in std::iter::once(new.id).chain(new.aliases) {
        if name != known.id && !known.aliases.contains(&name) {
            known.aliases.push(name);
        }
    }
}

struct Verdict {
    status: Status,
    fixed_in: Option<String>,
    reason: String,
}

fn judge(package: &Package, affected: &Affected) -> Verdict {
    let verdict = |status, fixed_in: Option<&str>, reason: String| Verdict {
        status,
        fixed_in: fixed_in.map(str::to_owned),
        reason,
    };
    let (listed, ranges, commits) = match &affected.extent {
        Extent::Never(reason) => return verdict(Status::NotAffected, None, reason.clone()),
        Extent::Versions { listed, ranges, commits } => (listed, ranges, *commits),
    };
    let (upstream, _) = without_release(&package.version);
    let upstream = upstream.replace("_p", "p");
    if listed.iter().any(|tag| {
        let (tag, _) = without_release(tag);
        compare(&of_tag(tag, &affected.name), &upstream).is_eq()
    }) {
        let fixed = ranges.iter().find_map(|range| match &range.end {
            End::Fixed(version) => Some(version.as_str()),
            _ => None,
        });
        return verdict(Status::Affected, fixed, format!("{upstream} is listed"));
    }
    let mut fixed: Option<&str> = None;
    for range in ranges {
        match place(range, &upstream, affected) {
            Place::Inside => {
                let end = match &range.end {
                    End::Fixed(version) => Some(version.as_str()),
                    _ => None,
                };
                let reason = end.map_or_else(
                    || "no version is known to be without it".to_owned(),
                    |end| format!("{upstream} is before {end}"),
                );
                return verdict(Status::Affected, end, reason);
            }
            Place::Patched(version, name) => {
                let reason = format!("fixed in {version} of {name}, perhaps by a patch of its own");
                return verdict(Status::Undecided, Some(version), reason);
            }
            Place::After(version) => fixed = fixed.or(Some(version)),
            Place::Outside => {}
        }
    }
    if let Some(version) = fixed {
        return verdict(Status::Fixed, Some(version), format!("{upstream} is not before {version}"));
    }
    if commits != Commits::None {
        let newest = listed.iter().map(|tag| of_tag(tag, &affected.name)).max_by(|a, b| compare(a, b));
        if let Some(newest) =
            newest.filter(|newest| commits == Commits::Fixed && compare(newest, &upstream).is_lt())
        {
            return verdict(Status::Fixed, None, format!("{newest} is the last that is listed"));
        }
        return verdict(Status::Undecided, None, "only commits decide".to_owned());
    }
    verdict(Status::NotAffected, None, format!("{upstream} is in no range"))
}

/// Where a version stands to a range.
enum Place<'a> {
    Inside,
    /// Behind its end, the first version without it.
    After(&'a str),
    /// At its end, if not for the release that a distribution gave a patch.
    Patched(&'a str, &'a str),
    Outside,
}

fn place<'a>(range: &'a Range, upstream: &str, affected: &'a Affected) -> Place<'a> {
    let tag = |version: &str| of_tag(without_release(version).0, &affected.name);
    if range.introduced != "0" && compare(upstream, &tag(&range.introduced)).is_lt() {
        return Place::Outside;
    }
    match &range.end {
        End::Open => Place::Inside,
        End::LastAffected(last) if compare(upstream, &tag(last)).is_gt() => Place::Outside,
        End::LastAffected(_) => Place::Inside,
        End::Fixed(version) => {
            let release = without_release(version).1;
            match (compare(upstream, &tag(version)), &affected.distribution) {
                (std::cmp::Ordering::Less, _) => Place::Inside,
                (std::cmp::Ordering::Equal, Distribution::Apk(name)) if release > 0 => {
                    Place::Patched(version, name)
                }
                _ => Place::After(version),
            }
        }
    }
}

/// Lets statements and patches decide what feeds cannot know.
fn overrule(finding: &mut Finding, statements: &[Vex]) {
    let names = || std::iter::once(&finding.id).chain(&finding.aliases).map(String::as_str);
    let named: Vec<String> = names().map(str::to_ascii_lowercase).collect();
    let is_for = |file: &str| {
        named.iter().any(|name| {
            file.strip_prefix(name.as_str())
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
        })
    };
    let patch = finding.package.patches.iter().find(|patch| is_for(&patch.name.to_ascii_lowercase()));
    if let Some(patch) = patch {
        let digest = patch.sha256.as_deref().map(|digest| format!(" (sha256:{digest})")).unwrap_or_default();
        finding.reason = format!("patched by {}{digest}", patch.name);
        finding.status = Status::Fixed;
        return;
    }
    let Some(statement) = statements.iter().rev().find_map(|vex| vex.about(names(), &finding.package)) else {
        let is_about = |stated: &&Stated| stated.names().any(|name| names().any(|known| known == name));
        if let Some(stated) = finding.package.stated.iter().find(is_about) {
            (finding.status, finding.reason) = stated.verdict(&finding.package.version);
        }
        return;
    };
    finding.reason = said(statement);
    finding.status = match statement.status.as_str() {
        "affected" => Status::Affected,
        "fixed" => Status::Fixed,
        "not_affected" => Status::NotAffected,
        _ => Status::Undecided,
    };
}

fn said(statement: &Statement) -> String {
    let words = [
        &statement.justification,
        &statement.impact_statement,
        &statement.status_notes,
        &statement.action_statement,
    ];
    let said: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
    if said.is_empty() { format!("stated as {}", statement.status) } else { said.join(": ") }
}

#[cfg(test)]
mod tests;
