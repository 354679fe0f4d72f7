//! Why a repository or a key was not written, read or published.

use std::io;
use std::path::{Path, PathBuf};

use wiz_apk::index::archive::IndexError;
use wiz_apk::key::KeyError;
use wiz_apk::package::PackageError;
use wiz_apk::signature::SignatureError;

/// Whose business a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// A repository is not what it has to be, or must not become what was asked for.
    Repository,
    /// The user's input: keys, names, folders.
    Input,
    /// The disk.
    Surroundings,
}

/// A repository or key that cannot be used as asked.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key that is none, or of no use.
    #[error("the key `{}` cannot be used: {}", .path.display(), chain(.source))]
    Key {
        /// The key's file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// A new key cannot be made.
    #[error("cannot make a key: {0}")]
    NewKey(#[source] KeyError),
    /// A private key that others than its owner can read.
    #[error(
        "the key `{}` has mode {mode:04o}: others than its owner can use it\nhint: `chmod 600 {}`, and if others may have read it, `wiz key rotate`",
        .path.display(), .path.display()
    )]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key is asked for that is not in the folder.
    #[error("there is no key `{name}` in `{}`\nhint: `wiz key list` names them", .folder.display())]
    NoKey {
        /// The key's name.
        name: String,
        /// The folder of keys.
        folder: PathBuf,
    },
    /// A key is named that is not there.
    #[error(
        "there is no key at `{}`\nhint: `--signing-key`, `WIZ_SIGNING_KEY` or `signing_key` in config.toml names it; without them `wiz` makes one", .path.display()
    )]
    NoKeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// A second key would take the place of the first.
    #[error("`{owner}` has a signing key, `{name}`\nhint: `wiz key rotate` puts a new one in its place")]
    HasKey {
        /// Whose key it is.
        owner: String,
        /// The key.
        name: String,
    },
    /// The key that signs cannot be revoked.
    #[error(
        "`{name}` is what repositories are signed with\nhint: `wiz key rotate` first, and publish with the new key"
    )]
    InUse {
        /// The key.
        name: String,
    },
    /// The index is no index.
    #[error("the index `{}` cannot be read: {}", .path.display(), chain(.source))]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        source: IndexError,
    },
    /// A name that would lead out of the repository.
    #[error("the index `{}` lists `{name}`, which is no file name", .path.display())]
    FileName {
        /// The index.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// Nobody who is trusted vouches for an index or a package.
    #[error("`{}` is not trusted: {source}\nhint: {}", .path.display(), trust_hint(.source))]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: SignatureError,
    },
    /// A package is no package.
    #[error("the package `{}` cannot be read: {}", .path.display(), chain(.source))]
    Package {
        /// The package.
        path: PathBuf,
        /// What is wrong with it.
        source: PackageError,
    },
    /// A package or index cannot be signed.
    #[error("cannot sign `{}`: {}", .path.display(), chain(.source))]
    Sign {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: SignatureError,
    },
    /// A package is not the one that its index means.
    #[error("`{}` is not the package that the index means: it is `{found}`, the index says `{expected}`", .path.display())]
    OtherPackage {
        /// The package.
        path: PathBuf,
        /// Its identity.
        found: String,
        /// The identity in the index.
        expected: String,
    },
    /// The folder has no index in any architecture's folder.
    #[error("`{}` is no repository: no folder in it has an `{index}`", .path.display(), index = crate::INDEX)]
    NoRepository {
        /// The folder.
        path: PathBuf,
    },
    /// A repository is not published into itself.
    #[error("`{}` cannot be published into itself\nhint: publish into a folder outside `wiz-out`", .path.display())]
    IntoItself {
        /// The folder.
        path: PathBuf,
    },
    /// A name and version that is published would change its content.
    #[error(
        "`{package}` is published with other content: `{published}`, not `{offered}`\nhint: raise its `release`; what is published stays as it is"
    )]
    Replaced {
        /// Name and version.
        package: String,
        /// Identity of the package that is published.
        published: String,
        /// Identity of the package that would take its place.
        offered: String,
    },
    /// Older packages than those that are published.
    #[error("this repository is older than what is published: {}\nhint: publish from a newer revision, or `--allow-older` if older versions are to be added", older(.packages))]
    Older {
        /// Offered and published, each name and version.
        packages: Vec<(String, String)>,
    },
    /// Dependencies that nothing in the repository meets.
    #[error("the repository would not be whole:\n{}", .faults.join("\n"))]
    Broken {
        /// What is wrong, one text each.
        faults: Vec<String>,
    },
}

impl RepositoryError {
    /// Whose business it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Read { .. } | Self::Write { .. } => Blame::Surroundings,
            Self::Key { .. }
            | Self::NewKey(_)
            | Self::Exposed { .. }
            | Self::NoKey { .. }
            | Self::NoKeyFile { .. }
            | Self::HasKey { .. }
            | Self::InUse { .. }
            | Self::NoRepository { .. }
            | Self::IntoItself { .. } => Blame::Input,
            _ => Blame::Repository,
        }
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn trust_hint(source: &SignatureError) -> &'static str {
    match source {
        SignatureError::UnknownKey { .. } => "give the folder of its public key with `--keys-dir`",
        SignatureError::Unsigned => "`wiz build` and `wiz repo publish` write signed ones",
        _ => "it was changed after it was signed: take it from where it was published",
    }
}

fn older(packages: &[(String, String)]) -> String {
    let pair = |(offered, published): &(String, String)| {
        format!("it has `{offered}`, and `{published}` is published")
    };
    packages.iter().map(pair).collect::<Vec<_>>().join("; ")
}

pub(crate) fn reading(path: &Path) -> impl Fn(io::Error) -> RepositoryError + '_ {
    move |source| RepositoryError::Read { path: path.to_owned(), source }
}

pub(crate) fn writing(path: &Path) -> impl Fn(io::Error) -> RepositoryError + '_ {
    move |source| RepositoryError::Write { path: path.to_owned(), source }
}
