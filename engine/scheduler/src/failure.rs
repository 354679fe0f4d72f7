//! A failed action as a value: what is shown, stored and compared. Unaware of how
//! actions are carried out; whoever carries them out fills it in.

use std::path::PathBuf;

/// Whose fault a failure is; the exit status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// What is being built does not build.
    Build,
    /// The definition asks for what cannot be.
    User,
    /// Network, disk, kernel or another machine.
    Surroundings,
    /// The engine itself.
    Bug,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{message}")]
pub struct ActionFailure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// Stable code, `WIZ` and four digits.
    pub code: String,
    /// Lower-case, names in backticks, no full stop; may have several lines.
    pub message: String,
    /// What to try.
    pub hints: Vec<String>,
    /// What the action printed, if it came so far.
    pub log: Option<LogTail>,
}

/// The end of a log, and where all of it is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogTail {
    /// The file with the whole log.
    pub path: PathBuf,
    /// Its last lines, without line breaks.
    pub lines: Vec<String>,
}

impl ActionFailure {
    /// A failure without hints and log.
    #[must_use]
    pub fn new(kind: FailureKind, code: &str, message: impl Into<String>) -> Self {
        Self { kind, code: code.to_owned(), message: message.into(), hints: Vec::new(), log: None }
    }
}
