//! Advisories, whatever the form of the feed they were read from.

use crate::severity::Severity;

/// A known vulnerability and what it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Advisory {
    /// Its name in the feed, such as `CVE-2022-37434` or `OSV-2020-654`.
    pub id: String,
    /// What others call it.
    pub aliases: Vec<String>,
    /// What it is, in a line; empty if the feed does not say.
    pub summary: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is in.
    pub affected: Vec<Affected>,
}

impl Advisory {
    /// Everything it is called, its own name first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// One package that an advisory is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Affected {
    /// The package's name.
    pub name: String,
    /// Whose package it is.
    pub distribution: Distribution,
    /// Which of its versions.
    pub extent: Extent,
}

/// Whose versions an advisory speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Upstream's own: its versions have no release.
    Upstream,
    /// A distribution of apk packages, whose versions have a release and may be patched.
    Apk(String),
}

/// What an advisory says of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// These versions have it.
    Versions {
        /// Versions or tags, one by one.
        listed: Vec<String>,
        /// From where to where.
        ranges: Vec<Range>,
        /// Whether it also speaks of commits, which say nothing about versions without the
        /// repository.
        commits: Commits,
    },
    /// No version has it, and why.
    Never(String),
}

/// What an advisory says of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// Nothing.
    None,
    /// It is not fixed in all branches yet: a version that is not listed may have it.
    Open,
    /// All branches have a commit that fixed it.
    Fixed,
}

/// Versions one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first that has it; `0` is the very first.
    pub introduced: String,
    /// Where it ends.
    pub end: End,
}

/// Where a range ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The first version without it.
    Fixed(String),
    /// The last version with it.
    LastAffected(String),
    /// It has no end yet.
    Open,
}
