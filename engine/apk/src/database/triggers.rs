//! `triggers`: which folders' changes run which package's trigger script.

use crate::checksum::{Checksum, ChecksumError};

/// One package's triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggers {
    /// The package's identity.
    pub identity: Checksum,
    /// Patterns of folders, absolute.
    pub patterns: Vec<String>,
}

/// Reads the file: a line for each package, `Q1… pattern pattern`.
///
/// # Errors
/// [`ChecksumError`] if a line does not begin with an identity.
pub fn parse(text: &str) -> Result<Vec<Triggers>, ChecksumError> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let identity = words.next().unwrap_or_default().parse()?;
        Ok(Triggers { identity, patterns: words.map(str::to_owned).collect() })
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

/// Writes the file; packages without patterns have no line.
#[must_use]
pub fn format(triggers: &[Triggers]) -> String {
    let with_patterns = triggers.iter().filter(|package| !package.patterns.is_empty());
    with_patterns.map(|package| format!("{} {}\n", package.identity, package.patterns.join(" "))).collect()
}
