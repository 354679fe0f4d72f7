//! OSV documents (Open Source Vulnerability format, schema 1.x).

use serde::Deserialize;

use crate::advisory::{Advisory, Affected, Commits, Distribution, End, Extent, Range};
use crate::severity::{Level, Severity};

/// A document as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    id: String,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    severity: Option<Vec<Vector>>,
    #[serde(default)]
    database_specific: Option<Specific>,
    #[serde(default)]
    affected: Option<Vec<Element>>,
}

#[derive(Debug, Deserialize)]
struct Vector {
    score: String,
}

#[derive(Debug, Deserialize)]
struct Specific {
    #[serde(default)]
    severity: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Element {
    #[serde(default)]
    package: Option<Package>,
    #[serde(default)]
    severity: Option<Vec<Vector>>,
    #[serde(default)]
    ranges: Option<Vec<Events>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    ecosystem_specific: Option<Specific>,
}

#[derive(Debug, Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Events {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    repo: Option<String>,
    events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// The advisory a document is; none if it was withdrawn.
pub(crate) fn advisory(document: Document) -> Option<Advisory> {
    if document.withdrawn.is_some() {
        return None;
    }
    let elements = document.affected.unwrap_or_default();
    let vectors = || {
        document
            .severity
            .iter()
            .flatten()
            .chain(elements.iter().flat_map(|element| element.severity.iter().flatten()))
    };
    let words = || {
        let specific = elements.iter().filter_map(|element| element.ecosystem_specific.as_ref());
        document.database_specific.iter().chain(specific).filter_map(|specific| specific.severity.as_deref())
    };
    let scored = vectors()
        .filter_map(|vector| Severity::of_vector(&vector.score))
        .max_by(|a, b| a.level.cmp(&b.level));
    let worded = || {
        words()
            .map(Severity::of_word)
            .filter(|severity| severity.level != Level::Unknown)
            .max_by_key(|severity| severity.level)
    };
    let severity = scored.or_else(worded).unwrap_or(Severity::UNKNOWN);
    let mut aliases = document.aliases.unwrap_or_default();
    aliases.extend(document.upstream.unwrap_or_default());
    Some(Advisory {
        id: document.id,
        aliases,
        summary: document.summary.unwrap_or_default(),
        severity,
        affected: elements.into_iter().filter_map(affected).collect(),
    })
}

/// What an element speaks of; none where its versions are those of another kind of package.
fn affected(element: Element) -> Option<Affected> {
    let ranges = element.ranges.unwrap_or_default();
    let (name, distribution) = match element.package {
        Some(package) => (package.name, distribution(&package.ecosystem)?),
        None => {
            let repository = ranges.iter().find_map(|range| range.repo.as_deref())?;
            let name = repository.trim_end_matches('/').rsplit('/').next()?.trim_end_matches(".git");
            (name.to_owned(), Distribution::Upstream)
        }
    };
    let ended = |event: &Event| event.fixed.is_some() || event.last_affected.is_some();
    let mut commits = Commits::None;
    for range in ranges.iter().filter(|range| range.kind == "GIT") {
        let is_fixed = commits != Commits::Open && range.events.iter().any(ended);
        commits = if is_fixed { Commits::Fixed } else { Commits::Open };
    }
    let ranges = ranges.iter().filter(|range| range.kind != "GIT").flat_map(|range| between(&range.events));
    let extent =
        Extent::Versions { listed: element.versions.unwrap_or_default(), ranges: ranges.collect(), commits };
    Some(Affected { name, distribution, extent })
}

/// Whose versions an ecosystem's are: upstream's, or those of apk packages.
fn distribution(ecosystem: &str) -> Option<Distribution> {
    let name = ecosystem.split(':').next().unwrap_or(ecosystem);
    match name {
        "OSS-Fuzz" | "GIT" | "" => Some(Distribution::Upstream),
        "Alpine" | "Wolfi" | "Chainguard" | "MinimOS" | "WizOS" | "wizos" => {
            Some(Distribution::Apk(name.to_ascii_lowercase()))
        }
        _ => None,
    }
}

/// The ranges that events in order make.
fn between(events: &[Event]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut introduced: Option<&str> = None;
    for event in events {
        let end = match (&event.fixed, &event.last_affected) {
            (Some(fixed), _) => End::Fixed(fixed.clone()),
            (None, Some(last)) => End::LastAffected(last.clone()),
            (None, None) => {
                introduced = event.introduced.as_deref().or(introduced);
                continue;
            }
        };
        if let Some(introduced) = introduced.take() {
            ranges.push(Range { introduced: introduced.to_owned(), end });
        }
    }
    if let Some(introduced) = introduced {
        ranges.push(Range { introduced: introduced.to_owned(), end: End::Open });
    }
    ranges
}
