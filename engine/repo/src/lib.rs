//! Signed apk repositories as folders of files: the keys that sign them, writing one
//! from unsigned packages, publishing into one that only grows, and checking one.
//!
//! ```text
//! <repository>/keys/<name>.rsa.pub         keys that its signatures are verified with
//! <repository>/<arch>/APKINDEX.tar.gz      the signed index
//! <repository>/<arch>/<name>-<version>.apk the signed packages it lists
//! ```
//!
//! Whatever the moment at which a process ends, a reader finds an index whose packages
//! are all there: docs/design/repositories.md says how. Unaware of how packages are
//! made, of the clock, the environment and the terminal.

pub mod check;
pub mod error;
pub mod key_folder;
mod lock;
mod package;
mod place;
pub mod publish;
pub mod read;
pub mod signed;

pub use check::{Fault, check};
pub use error::RepositoryError;
pub use key_folder::{KeyFolder, KeyState, ListedKey, NamedPublicKeys};
pub use publish::{Change, Publication, Published, publish};
pub use signed::{Unsigned, Written, write_signed};

/// The folder of a repository's public keys.
pub const KEYS: &str = "keys";

/// The signed index of an architecture.
pub const INDEX: &str = "APKINDEX.tar.gz";

/// The index that a build leaves, before it is signed.
pub const UNSIGNED_INDEX: &str = "APKINDEX.unsigned.tar.gz";
