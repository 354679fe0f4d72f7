//! Why packages and images of them could not be made. Unaware of the store, whose
//! errors stand beside these.

use std::io;

use wiz_apk::index::archive::IndexError;
use wiz_apk::package::PackageError;
use wiz_base::RelPath;
use wiz_install::accounts::AccountError;
use wiz_install::database::DatabaseError;
use wiz_install::effects::EffectsError;
use wiz_install::loader_cache::LoaderCacheError;
use wiz_install::ownership::OwnershipError;
use wiz_oci::layer::LayerError;
use wiz_oci::segment::SegmentError;

/// A package, repository or image that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file of the machine's failed.
    #[error("cannot work on {what}: {source}")]
    Io {
        /// What the file was for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A field of a package that is not what it should be.
    #[error("`{field}` of the package is `{value}`: {message}")]
    Field {
        /// Its name.
        field: String,
        /// What it says.
        value: String,
        /// What is wrong with it.
        message: String,
    },
    /// Attributes of something that is not in the package.
    #[error(
        "`{path}` has attributes and is no file of the package\nhint: folders are declared in `directories`"
    )]
    NoFile {
        /// The path.
        path: RelPath,
    },
    /// A folder that is declared where the package has something else.
    #[error("`{path}` is declared as a folder and is none in the package")]
    NoFolder {
        /// The path.
        path: RelPath,
    },
    /// A user or group by a name nobody knows.
    #[error(
        "`{path}` belongs to `{name}`, whom nobody knows\nhint: write the number, or declare the account in `effects`"
    )]
    Owner {
        /// The path.
        path: String,
        /// The name.
        name: String,
    },
    /// An apk package could not be read or written.
    #[error("`{package}` cannot be processed: {source}")]
    Package {
        /// Its name.
        package: String,
        /// Why not.
        source: PackageError,
    },
    /// A package that is not the one its record is of.
    #[error("the record of `{package}` is that of another package")]
    Other {
        /// Name and version in the record.
        package: String,
    },
    /// Declared effects are not valid.
    #[error("effects of `{package}`: {source}")]
    Effects {
        /// The package.
        package: String,
        /// Why not.
        source: EffectsError,
    },
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Two packages of one name and version.
    #[error("there are two packages `{package}`\nhint: raise the release of one of them")]
    Twice {
        /// Name and version.
        package: String,
    },
    /// Packages that do not go together.
    #[error("{text}")]
    Conflict {
        /// What stands in the way, and what helps.
        text: String,
    },
    /// A chosen package that is not among those given, or another one of its name.
    #[error("`{package}` was chosen and is not among the packages")]
    NotGiven {
        /// Name and version.
        package: String,
    },
    /// Two packages have the same file.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// Packages that do not agree on a folder.
    #[error(
        "`{path}` has another mode or owner in `{first}` than in `{second}`\nhint: declare it in one of them only"
    )]
    Folder {
        /// The folder.
        path: String,
        /// A package.
        first: String,
        /// Another one.
        second: String,
    },
    /// A file of the image where a package has a folder, or the other way round.
    #[error(
        "the image declares `{path}`, and `{package}` has it as something else\nhint: a file can stand over a package's file, and a folder over its folder"
    )]
    OwnPlace {
        /// The path.
        path: RelPath,
        /// The package.
        package: String,
    },
    /// Attributes of something that the image does not declare.
    #[error(
        "`{path}` has attributes and is no file of the image itself\nhint: those of a package's file are declared in the package"
    )]
    OwnAttributes {
        /// The path.
        path: RelPath,
    },
    /// Something to be made in the image stands in a package already.
    #[error("`{path}` is an alternative and a file of a package")]
    Taken {
        /// The path.
        path: String,
    },
    /// A file that is needed to make another one is in no package.
    #[error("`{path}` of `{package}` is no file of the image")]
    NoSuchFile {
        /// The path.
        path: String,
        /// The package that names it.
        package: String,
    },
    /// A line of `etc/passwd` or `etc/group` that cannot be read.
    #[error("`{line}` in `{path}` is malformed")]
    AccountLine {
        /// The file.
        path: &'static str,
        /// The line.
        line: String,
    },
    /// Users and groups that do not go together.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The installed database could not be made.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The loader's cache could not be made.
    #[error(transparent)]
    LoaderCache(#[from] LoaderCacheError),
    /// A segment could not be made.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A layer could not be made.
    #[error("{source}")]
    Layer {
        /// Why not.
        #[from]
        source: LayerError,
    },
    /// An architecture that images have no name for.
    #[error("images have no name for the architecture `{arch}`")]
    Architecture {
        /// Its name.
        arch: String,
    },
}

impl PackError {
    /// What becomes of a failed file of the machine's.
    pub(super) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
