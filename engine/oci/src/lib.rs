//! Container images as the OCI image specification 1.1 writes them: tar
//! entries, the segments and layers made of them, configuration, manifest,
//! index and the layout on disk.
//!
//! Bytes in, bytes out, and the same bytes every time. Unaware of packages'
//! contents, of stores, of registries and of time: every time stamp is given.

pub mod descriptor;
pub mod digest;
pub mod grouping;
mod gzip;
pub mod image;
pub mod layer;
pub mod layout;
mod measured;
pub mod media_type;
pub mod segment;
pub mod tar;
mod time;
pub mod unpacked;

pub use descriptor::{Blob, Descriptor};
pub use digest::Sha256Digest;
pub use layer::{LayerInfo, LayerPlan};
pub use segment::{SegmentInfo, SegmentWriter};
