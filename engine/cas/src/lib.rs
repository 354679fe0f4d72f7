//! The store: content-addressed blobs, trees and results as plain files, expanded
//! trees to mount, a stat cache for source files, the index over results, and
//! collection.
//!
//! Whatever is damaged, missing or half-written costs time, never correctness:
//! everything is checked on reading, and what fails the check counts as absent.
//! The layout on disk is written down in `docs/formats/store.md`. Unaware of
//! actions, of Starlark, of the terminal, the clock and the environment.

mod blobs;
mod capture;
mod collect;
mod directories;
mod durability;
mod error;
mod expand;
mod frame;
mod generations;
mod hashing;
mod index;
mod layout;
mod lease;
mod merge;
mod pins;
mod results;
mod source_digests;
mod stamp;
mod store;
mod temp_area;
#[cfg(test)]
mod testing;
mod tree_builder;
mod usage;
mod verified_blobs;
mod verify;
mod workers;

pub use blobs::Transfer;
pub use capture::{Capture, CaptureError, CaptureMode, Captured, Oddity, OddityKind, Undeclared};
pub use collect::{Collected, Decision, Item, Verdict};
pub use directories::Walk;
pub use error::{Loss, StoreError};
pub use expand::{ExpandedTree, TREE_TIME};
pub use index::{HeldIndex, Index, IndexError, IndexRecord, MemoryIndex, SledIndex, Use};
pub use merge::{Collision, Collisions, Kind, MergeError};
pub use results::{Selected, StoredResult};
pub use source_digests::{SourceDigests, SourceFile};
pub use stamp::Stamp;
pub use store::{Store, StoreOptions};
pub use temp_area::Scratch;
pub use tree_builder::{TreeBuilder, TreeError};
pub use usage::{Share, Usage};
pub use verify::Verified;
