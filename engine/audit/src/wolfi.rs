//! Wolfi's advisory documents (schema 2.x): per package and vulnerability, what was found
//! out about it, event by event.

use serde::Deserialize;

use crate::advisory::{Advisory, Affected, Commits, Distribution, End, Extent, Range};
use crate::severity::Severity;

/// A document as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    package: Package,
    #[serde(default)]
    advisories: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    timestamp: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "fixed-version")]
    fixed_version: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    note: Option<String>,
}

/// The advisories of a document. The latest event decides.
pub(crate) fn advisories(document: Document) -> Vec<Advisory> {
    let name = document.package.name;
    let advisory = |entry: Entry| {
        // All times are in UTC and of one form, so their texts are in order.
        let latest = entry.events.iter().max_by(|a, b| a.timestamp.cmp(&b.timestamp))?;
        Some(Advisory {
            id: entry.id.clone(),
            aliases: entry.aliases.clone(),
            summary: String::new(),
            severity: Severity::UNKNOWN,
            affected: vec![Affected {
                name: name.clone(),
                distribution: Distribution::Apk("wolfi".to_owned()),
                extent: extent(latest),
            }],
        })
    };
    document.advisories.into_iter().filter_map(advisory).collect()
}

fn extent(event: &Event) -> Extent {
    let none = Data::default();
    let data = event.data.as_ref().unwrap_or(&none);
    let end = match event.kind.as_str() {
        "false-positive-determination" => {
            let reason = data.kind.as_deref().unwrap_or("false positive");
            let note = data.note.as_deref().and_then(|note| note.lines().next()).unwrap_or_default();
            let separator = if note.is_empty() { "" } else { ": " };
            return Extent::Never(format!("{reason}{separator}{note}"));
        }
        "fixed" => data.fixed_version.clone().map_or(End::Open, End::Fixed),
        _ => End::Open,
    };
    let range = Range { introduced: "0".to_owned(), end };
    Extent::Versions { listed: Vec::new(), ranges: vec![range], commits: Commits::None }
}
