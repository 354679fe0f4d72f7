//! Software bills of materials: one model, and the documents written from it.
//!
//! The model says what is in a package or an image and where that came from;
//! [`spdx2`] writes it as SPDX 2.3, [`spdx3`] as SPDX 3.0.1 and [`cyclonedx`] as
//! CycloneDX 1.6. The same model always gives the same bytes.
//! Unaware of the build graph, of stores, of file systems and of time: whoever
//! built something says what it is made of, and nothing is found by scanning.

pub mod component;
pub mod cpe;
pub mod cyclonedx;
pub mod document;
mod identifiers;
pub mod licence;
pub mod party;
pub mod purl;
pub mod relation;
#[cfg(test)]
mod sample;
pub mod spdx2;
pub mod spdx3;
mod time;

pub use component::{Component, ComponentId, FileDigests, FileRecord, Purpose};
pub use cpe::Cpe;
pub use document::{Document, DocumentError, Facts};
pub use licence::{Licence, LicenceRef};
pub use party::Party;
pub use purl::Purl;
pub use relation::Relation;
