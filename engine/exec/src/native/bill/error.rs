//! Why there is no bill of materials.

use std::io;

use wiz_base::RelPath;
use wiz_sbom::cpe::CpeError;
use wiz_sbom::document::DocumentError;
use wiz_sbom::licence::LicenceError;

/// An image whose bill of materials cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// A chosen package that is not among those given.
    #[error("`{package}` is in the image and is not among the packages")]
    NotGiven {
        /// Its name.
        package: String,
    },
    /// The image says of itself too little to name its packages.
    #[error(
        "the image's `{path}` {problem}\nhint: an image has base-files, which says what distribution it is"
    )]
    OsRelease {
        /// The file.
        path: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file without the hashes that a bill of materials needs.
    #[error("`{path}` is listed without SHA-1 and SHA-256")]
    NoHash {
        /// The file.
        path: RelPath,
    },
    /// An archive whose hash is none.
    #[error("`{hash}` is not the SHA-256 of `{archive}`")]
    ArchiveHash {
        /// The archive.
        archive: String,
        /// What was given.
        hash: String,
    },
    /// A patch that cannot be read.
    #[error("a patch cannot be read: {source}")]
    Read {
        /// What the system said.
        source: io::Error,
    },
    /// A licence that is no SPDX expression.
    #[error(transparent)]
    Licence(#[from] LicenceError),
    /// A product's name that is none.
    #[error(transparent)]
    Cpe(#[from] CpeError),
    /// A document that contradicts itself, or a licence without text.
    #[error("{0}\nhint: a package gives texts of unlisted licences in `license_texts`")]
    Document(#[from] DocumentError),
}
