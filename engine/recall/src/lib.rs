//! What earlier builds of a workspace found out, so that the next one need not find it
//! out again: a [`Receipt`] for each request that was built.
//!
//! Everything here may be deleted or damaged at any time; what cannot be proved is
//! done again. Unaware of Starlark, of how actions are carried out, of the terminal
//! and the clock.

pub mod bodies;
pub mod file;
pub mod plan;
pub mod receipt;
pub mod record;
pub mod sight;
pub mod stored;
mod wire;

pub use plan::{Change, Decided, Plan};
pub use receipt::{Around, Receipt, ReceiptOutput, ReceiptTarget, Standing};
pub use record::{Known, record};
pub use sight::{Look, Seen, Sight, Stamps};
pub use stored::{ActionName, NewGraph, StoredAction, StoredGraph, StoredResult, TargetActions};

use std::path::{Path, PathBuf};

/// Where the cache keeps what concerns the workspace at `root`.
#[must_use]
pub fn state_folder(cache: &Path, root: &Path) -> PathBuf {
    let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    cache.join("workspaces").join(&name.as_str()[..16])
}
