//! The image layout: the files of a folder that holds an image or an index.
//!
//! Says which files there are and what is in them, so that whoever keeps the
//! blobs can put them there without copying. Unaware of file systems.
//!
//! Source: OCI image specification 1.1, image-layout.md.

mod check;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wiz_base::RelPath;

use crate::descriptor::{Blob, Descriptor};
use crate::digest::Sha256Digest;
use crate::image::EncodedImage;
use crate::image::index::ImageIndex;
use crate::media_type;

pub use check::{CheckError, LayoutReport, check};

/// The annotation by which a layout's index names what it holds.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The name that every layout of wiz gives its one image or index.
pub const LATEST: &str = "latest";

/// The marker file of a layout.
const MARKER: &str = "oci-layout";

/// The file that names what a layout holds.
const INDEX: &str = "index.json";

/// The version of the layout's form.
const VERSION: &str = "1.0.0";

/// A file of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutFile {
    /// Where it lies in the layout's folder.
    pub path: RelPath,
    /// What is in it.
    pub content: Content,
}

/// Where the bytes of a file come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The blob of this descriptor, which the caller has: a layer.
    Blob(Descriptor),
}

/// The marker file's document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

/// The layout of one image: its index names the manifest as [`LATEST`].
#[must_use]
pub fn image_layout(image: &EncodedImage) -> Vec<LayoutFile> {
    layout(&image.manifest.descriptor, blobs(image).collect())
}

/// The layout of an index and the images it names.
#[must_use]
pub fn index_layout(index: &Blob, images: &[EncodedImage]) -> Vec<LayoutFile> {
    let own = (index.descriptor.digest, Content::Bytes(index.bytes.clone()));
    layout(&index.descriptor, images.iter().flat_map(blobs).chain([own]).collect())
}

/// Where the blob of this digest lies in a layout.
#[must_use]
pub fn blob_path(digest: &Sha256Digest) -> RelPath {
    RelPath::new(&format!("blobs/sha256/{}", digest.hex())).expect("hexadecimal digits make a path segment")
}

fn blobs(image: &EncodedImage) -> impl Iterator<Item = (Sha256Digest, Content)> {
    let documents = [&image.config, &image.manifest];
    let documents = documents.map(|blob| (blob.descriptor.digest, Content::Bytes(blob.bytes.clone())));
    let layers = image.layers.iter().map(|layer| (layer.digest, Content::Blob(layer.clone())));
    layers.chain(documents)
}

/// The marker, the index with its one descriptor, then the blobs by digest.
fn layout(named: &Descriptor, blobs: BTreeMap<Sha256Digest, Content>) -> Vec<LayoutFile> {
    let mut named = named.clone();
    named.annotations.insert(REF_NAME.to_owned(), LATEST.to_owned());
    let index = Blob::json(media_type::IMAGE_INDEX, &ImageIndex::new(vec![named], BTreeMap::new()));
    let marker = Blob::json("", &Marker { image_layout_version: VERSION.to_owned() });
    let fixed = [(MARKER, marker.bytes), (INDEX, index.bytes)].map(|(name, bytes)| LayoutFile {
        path: RelPath::new(name).expect("both names are path segments"),
        content: Content::Bytes(bytes),
    });
    let blobs = blobs.into_iter().map(|(digest, content)| LayoutFile { path: blob_path(&digest), content });
    fixed.into_iter().chain(blobs).collect()
}

#[cfg(test)]
mod tests;
