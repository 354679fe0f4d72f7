//! Checks a layout: every digest, every size, every diff_id, and that the
//! documents agree with one another. Unaware of where the files lie.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use wiz_base::RelPath;

use super::{INDEX, MARKER, Marker, VERSION, blob_path};
use crate::descriptor::Descriptor;
use crate::digest::Sha256Digest;
use crate::image::config::ImageConfig;
use crate::image::index::ImageIndex;
use crate::image::manifest::Manifest;
use crate::measured::Measured;
use crate::media_type;

/// The longest document that is read, in bytes: what registries accept at most.
const MAX_DOCUMENT: u64 = 4 * 1024 * 1024;

/// What a checked layout holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutReport {
    /// Every manifest reached from the index, in the order met.
    pub manifests: Vec<Descriptor>,
    /// Every blob that was read and found right, documents included.
    pub blobs: BTreeSet<Sha256Digest>,
}

/// Reads a whole layout through `open`, which yields the bytes of a file by its
/// path in the layout.
///
/// # Errors
/// The first [`CheckError`] met.
pub fn check<R: Read>(open: impl FnMut(&RelPath) -> io::Result<R>) -> Result<LayoutReport, CheckError> {
    let mut check = Check { open, report: LayoutReport::default() };
    let marker: Marker = check.file(MARKER)?;
    if marker.image_layout_version != VERSION {
        return Err(CheckError::Version { found: marker.image_layout_version });
    }
    let index: ImageIndex = check.file(INDEX)?;
    for descriptor in &index.manifests {
        check.named(descriptor)?;
    }
    Ok(check.report)
}

struct Check<O> {
    open: O,
    report: LayoutReport,
}

impl<R: Read, O: FnMut(&RelPath) -> io::Result<R>> Check<O> {
    /// A document that no digest names.
    fn file<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, CheckError> {
        let path = RelPath::new(name).expect("the layout's own names are paths");
        let bytes = self.read(&path, MAX_DOCUMENT)?;
        parse(&path, &bytes)
    }

    /// What an index names: a manifest or another index.
    fn named(&mut self, descriptor: &Descriptor) -> Result<(), CheckError> {
        match descriptor.media_type.as_str() {
            media_type::IMAGE_INDEX => {
                let index: ImageIndex = self.document(descriptor)?;
                index.manifests.iter().try_for_each(|descriptor| self.named(descriptor))
            }
            media_type::IMAGE_MANIFEST => {
                let manifest: Manifest = self.document(descriptor)?;
                self.report.manifests.push(descriptor.clone());
                self.manifest(descriptor, &manifest)
            }
            other => Err(unknown_type(descriptor, other)),
        }
    }

    fn manifest(&mut self, descriptor: &Descriptor, manifest: &Manifest) -> Result<(), CheckError> {
        if manifest.config.media_type != media_type::IMAGE_CONFIG {
            let mut blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
            return blobs.try_for_each(|blob| self.blob(blob, io::sink()));
        }
        let config: ImageConfig = self.document(&manifest.config)?;
        let steps = config.history.iter().filter(|step| !step.empty_layer).count();
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids || (steps != layers && !config.history.is_empty()) {
            return Err(CheckError::Layers { manifest: descriptor.digest, layers, diff_ids, steps });
        }
        manifest.layers.iter().zip(&config.rootfs.diff_ids).try_for_each(|(layer, id)| self.layer(layer, *id))
    }

    /// A layer's own digest first, so that damage is told from a wrong diff_id.
    fn layer(&mut self, layer: &Descriptor, diff_id: Sha256Digest) -> Result<(), CheckError> {
        self.blob(layer, io::sink())?;
        let path = blob_path(&layer.digest);
        let unreadable = |source| CheckError::Io { path: path.clone(), source };
        let mut blob = (self.open)(&path).map_err(unreadable)?;
        let mut tar = Measured::new(io::sink());
        match layer.media_type.as_str() {
            media_type::LAYER_GZIP => io::copy(&mut MultiGzDecoder::new(blob), &mut tar),
            media_type::LAYER_TAR => io::copy(&mut blob, &mut tar),
            other => return Err(unknown_type(layer, other)),
        }
        .map_err(unreadable)?;
        let (found, ..) = tar.finish();
        if found != diff_id {
            return Err(CheckError::DiffId { layer: layer.digest, expected: diff_id, found });
        }
        Ok(())
    }

    fn document<T: DeserializeOwned>(&mut self, descriptor: &Descriptor) -> Result<T, CheckError> {
        let path = blob_path(&descriptor.digest);
        if descriptor.size > MAX_DOCUMENT {
            return Err(CheckError::TooLong { path });
        }
        let mut bytes = Vec::new();
        self.blob(descriptor, &mut bytes)?;
        parse(&path, &bytes)
    }

    /// Copies a blob and compares size and digest.
    fn blob(&mut self, descriptor: &Descriptor, output: impl Write) -> Result<(), CheckError> {
        let path = blob_path(&descriptor.digest);
        let unreadable = |source| CheckError::Io { path: path.clone(), source };
        let blob = (self.open)(&path).map_err(unreadable)?;
        let mut output = Measured::new(output);
        io::copy(&mut blob.take(descriptor.size.saturating_add(1)), &mut output).map_err(unreadable)?;
        let (found, size, _) = output.finish();
        if size != descriptor.size {
            return Err(CheckError::Size { path, expected: descriptor.size });
        }
        if found != descriptor.digest {
            return Err(CheckError::Digest { path, found });
        }
        self.report.blobs.insert(found);
        Ok(())
    }

    fn read(&mut self, path: &RelPath, limit: u64) -> Result<Vec<u8>, CheckError> {
        let unreadable = |source| CheckError::Io { path: path.clone(), source };
        let mut bytes = Vec::new();
        let file = (self.open)(path).map_err(unreadable)?;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            return Err(CheckError::TooLong { path: path.clone() });
        }
        Ok(bytes)
    }
}

fn parse<T: DeserializeOwned>(path: &RelPath, bytes: &[u8]) -> Result<T, CheckError> {
    serde_json::from_slice(bytes).map_err(|source| CheckError::Document { path: path.clone(), source })
}

fn unknown_type(descriptor: &Descriptor, found: &str) -> CheckError {
    CheckError::MediaType { digest: descriptor.digest, found: found.to_owned() }
}

/// What is wrong with a layout.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file is missing, unreadable, or no valid gzip stream.
    #[error("cannot read `{path}`")]
    Io {
        /// The file in the layout.
        path: RelPath,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// The layout is of another version.
    #[error("layout version is `{found}`, not `1.0.0`")]
    Version {
        /// What the marker file says.
        found: String,
    },
    /// A document is not what its type says.
    #[error("`{path}` is not the document it should be")]
    Document {
        /// The file in the layout.
        path: RelPath,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A document is longer than registries accept.
    #[error("document `{path}` is longer than 4 MiB")]
    TooLong {
        /// The file in the layout.
        path: RelPath,
    },
    /// A blob is shorter or longer than its descriptor says.
    #[error("`{path}` does not have the {expected} bytes its descriptor states")]
    Size {
        /// The file in the layout.
        path: RelPath,
        /// The descriptor's size, in bytes.
        expected: u64,
    },
    /// A blob is not the one its name says.
    #[error("`{path}` holds other bytes: they are `{found}`")]
    Digest {
        /// The file in the layout.
        path: RelPath,
        /// Digest of what is there.
        found: Sha256Digest,
    },
    /// A layer unpacks to something else than the configuration says.
    #[error("layer `{layer}` unpacks to `{found}`, the configuration says `{expected}`")]
    DiffId {
        /// The layer's own digest.
        layer: Sha256Digest,
        /// The configuration's diff_id.
        expected: Sha256Digest,
        /// The diff_id of what is there.
        found: Sha256Digest,
    },
    /// Manifest, configuration and history have not the same number of layers.
    #[error(
        "manifest `{manifest}` has {layers} layers, its configuration {diff_ids} and its history {steps}"
    )]
    Layers {
        /// The manifest.
        manifest: Sha256Digest,
        /// Layers in the manifest.
        layers: usize,
        /// diff_ids in the configuration.
        diff_ids: usize,
        /// Steps of the history that made a layer.
        steps: usize,
    },
    /// A blob is of a type that cannot be checked.
    #[error("`{digest}` is of type `{found}`, which cannot be checked")]
    MediaType {
        /// The blob.
        digest: Sha256Digest,
        /// Its type.
        found: String,
    },
}
