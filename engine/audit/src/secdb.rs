//! The `secdb` documents of Alpine and Wolfi: per package, which version fixed what.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::advisory::{Advisory, Affected, Commits, Distribution, End, Extent, Range};
use crate::severity::Severity;

/// A document as it is written.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    #[serde(default)]
    urlprefix: String,
    packages: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    secfixes: BTreeMap<String, Option<Vec<String>>>,
}

/// The advisories of a document: one for each vulnerability of each package.
pub(crate) fn advisories(document: Document) -> Vec<Advisory> {
    let distribution = distribution(&document.urlprefix);
    let mut advisories = Vec::new();
    for Entry { pkg } in document.packages {
        for (version, names) in pkg.secfixes {
            // The version 0 says that no package ever had it.
            let extent = if version == "0" {
                Extent::Never("the package never had it".to_owned())
            } else {
                let range = Range { introduced: "0".to_owned(), end: End::Fixed(version) };
                Extent::Versions { listed: Vec::new(), ranges: vec![range], commits: Commits::None }
            };
            for line in names.into_iter().flatten() {
                // One vulnerability may have several names on its line.
                let mut names = line.split_whitespace().map(str::to_owned);
                let Some(id) = names.next() else { continue };
                advisories.push(Advisory {
                    id,
                    aliases: names.collect(),
                    summary: String::new(),
                    severity: Severity::UNKNOWN,
                    affected: vec![Affected {
                        name: pkg.name.clone(),
                        distribution: Distribution::Apk(distribution.clone()),
                        extent: extent.clone(),
                    }],
                });
            }
        }
    }
    advisories
}

fn distribution(prefix: &str) -> String {
    let host = prefix.split("//").nth(1).unwrap_or(prefix).split('/').next().unwrap_or_default();
    for known in ["alpine", "wolfi", "chainguard", "wizos"] {
        if host.contains(known) || prefix.contains(known) {
            return known.to_owned();
        }
    }
    if host.is_empty() { "secdb".to_owned() } else { host.to_owned() }
}
