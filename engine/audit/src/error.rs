//! Why a feed, a statement or a bill of materials cannot be read.

use std::io;
use std::path::PathBuf;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It cannot be read from disk.
    #[error("`{path}` cannot be read: {error}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is of no form that is known.
    #[error("`{path}` is of no form that is known\nhint: {known}")]
    Form {
        /// The file.
        path: String,
        /// The forms that are.
        known: &'static str,
    },
    /// It is of a form that is known, but broken.
    #[error("`{path}` is not as {form} is to be: {reason}")]
    Content {
        /// The file.
        path: String,
        /// The form it seems to be of.
        form: &'static str,
        /// What is wrong, with the place.
        reason: String,
    },
    /// A folder or an archive has no advisories.
    #[error(
        "there are no advisories in `{path}`\nhint: OSV and Wolfi's documents end in .json, .yaml or .yml"
    )]
    Empty {
        /// The folder or archive.
        path: PathBuf,
    },
}
