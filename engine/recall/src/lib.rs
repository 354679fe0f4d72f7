//! What earlier builds of a workspace found out, so that the next one need not find it
//! out again: a [`Receipt`] for each request that was built.
//!
//! Everything here may be deleted or damaged at any time; what cannot be proved is
//! done again. Unaware of Starlark, of how actions are carried out, of the terminal
//! and the clock.

pub mod file;
pub mod receipt;
pub mod sight;

pub use receipt::{Receipt, ReceiptOutput, ReceiptTarget, Standing};
pub use sight::{Look, Seen, Sight, Stamps};

use std::path::{Path, PathBuf};

/// Where the cache keeps what concerns the workspace at `root`.
#[must_use]
pub fn state_folder(cache: &Path, root: &Path) -> PathBuf {
    let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    cache.join("workspaces").join(&name.as_str()[..16])
}
