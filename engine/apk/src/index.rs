//! `APKINDEX`: one record for each package of a repository.
//!
//! [`record::Record`] is one package's, [`archive`] the signed file they lie in.
//! Unaware of where repositories are.

pub mod archive;
pub mod record;
#[cfg(test)]
mod tests;

pub use record::{Record, RecordError};

/// Reads records separated by empty lines.
///
/// # Errors
/// The first malformed record's error.
pub fn parse(text: &str) -> Result<Vec<Record>, RecordError> {
    paragraphs(text).map(Record::parse).collect()
}

/// Writes records, an empty line after each.
#[must_use]
pub fn format(records: &[Record]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// The non-empty runs of lines between empty lines.
pub(crate) fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty())
}
