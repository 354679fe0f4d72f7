//! Descriptors, by which OCI documents refer to blobs, and documents with the
//! descriptor that names them. Unaware of what the documents say.
//!
//! Source: OCI image specification 1.1, descriptor.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// A reference to a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is, for instance one of [`crate::media_type`].
    pub media_type: String,
    /// Digest of the blob.
    pub digest: Sha256Digest,
    /// Length of the blob in bytes.
    pub size: u64,
    /// For a manifest in an index: what the image runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free-form facts, such as `org.opencontainers.image.ref.name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What a manifest is about if it is not an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// What an image runs on, in Go's names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`.
    pub os: String,
    /// Variant of the architecture, such as `v8` of arm64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Descriptor {
    /// A descriptor without platform and annotations. `size` is in bytes.
    #[must_use]
    pub fn new(media_type: &str, digest: Sha256Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            artifact_type: None,
        }
    }
}

/// A document together with the descriptor that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The name: type, digest and size.
    pub descriptor: Descriptor,
    /// The document.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Encodes `document` as compact JSON, keys in the order of its type and
    /// maps in the order of their keys.
    pub(crate) fn json(media_type: &str, document: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(document).expect("documents have text keys and no failing fields");
        let descriptor = Descriptor::new(media_type, Sha256Digest::of(&bytes), bytes.len() as u64);
        Self { descriptor, bytes }
    }
}
