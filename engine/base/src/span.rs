//! A place in a text file. Unaware of the file's content.

use std::fmt;

use crate::rel_path::RelPath;

/// A range in a file of the workspace; lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The file, relative to the workspace.
    pub file: RelPath,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

impl Span {
    /// The very start of `file`, for what concerns the file as a whole.
    #[must_use]
    pub fn start_of(file: RelPath) -> Self {
        Self { file, line: 1, column: 1, end_line: 1, end_column: 1 }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
