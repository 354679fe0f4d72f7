//! Images: from layers and facts about how to run them to the documents that
//! make an image of them.
//!
//! The wire forms are in the submodules; what is here cannot be inconsistent:
//! history, diff_ids and layers come from one list. Unaware of where blobs are
//! kept (see [`crate::layout`]).

pub mod config;
pub mod index;
pub mod manifest;

use std::collections::{BTreeMap, BTreeSet};

use crate::descriptor::{Blob, Descriptor, Platform};
use crate::layer::LayerInfo;
use crate::media_type;
use crate::time::rfc3339;
use config::{Empty, History, ImageConfig, RootFilesystem, RunConfig};
use index::ImageIndex;
use manifest::Manifest;

/// How a container of the image is run. Empty and `None` fields leave it to the runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// User, by number or name, with an optional `:group`.
    pub user: Option<String>,
    /// Environment by name.
    pub environment: BTreeMap<String, String>,
    /// What is executed; the command is added to it.
    pub entrypoint: Vec<String>,
    /// Default arguments, or the program itself if there is no entrypoint.
    pub command: Vec<String>,
    /// Where the process starts.
    pub working_directory: Option<String>,
    /// Ports such as `8080/tcp` that the image listens on.
    pub ports: BTreeSet<String>,
    /// Paths whose content outlives the container.
    pub volumes: BTreeSet<String>,
    /// Labels of the image and its containers.
    pub labels: BTreeMap<String, String>,
    /// Signal that asks the process to end, such as `SIGTERM`.
    pub stop_signal: Option<String>,
}

/// A layer of an image and what its history says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayer {
    /// The layer itself.
    pub layer: LayerInfo,
    /// What made it, in a few words.
    pub created_by: String,
}

/// Everything that makes an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it runs on.
    pub platform: Platform,
    /// When it was made: its epoch, in seconds since 1970.
    pub created: u64,
    /// How it is run.
    pub runtime: Runtime,
    /// Layers from the lowest to the uppermost.
    pub layers: Vec<ImageLayer>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// An image's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedImage {
    /// The configuration; its digest is the image's identifier in docker and podman.
    pub config: Blob,
    /// The manifest; its digest is the image's identity everywhere else. Its
    /// descriptor names the platform.
    pub manifest: Blob,
    /// The layers that the manifest names, lowest first.
    pub layers: Vec<Descriptor>,
}

impl Image {
    /// Writes configuration and manifest.
    #[must_use]
    pub fn encode(&self) -> EncodedImage {
        let config = Blob::json(media_type::IMAGE_CONFIG, &self.config());
        let layers: Vec<Descriptor> = self.layers.iter().map(|layer| descriptor(&layer.layer)).collect();
        let document = Manifest::new(config.descriptor.clone(), layers.clone(), self.annotations.clone());
        let mut manifest = Blob::json(media_type::IMAGE_MANIFEST, &document);
        manifest.descriptor.platform = Some(self.platform.clone());
        EncodedImage { config, manifest, layers }
    }

    fn config(&self) -> ImageConfig {
        let created = rfc3339(self.created);
        let history = self.layers.iter().map(|layer| History {
            created: Some(created.clone()),
            created_by: Some(layer.created_by.clone()),
            ..History::default()
        });
        ImageConfig {
            created: Some(created.clone()),
            author: None,
            architecture: self.platform.architecture.clone(),
            variant: self.platform.variant.clone(),
            os: self.platform.os.clone(),
            config: Some(run_config(&self.runtime)),
            rootfs: RootFilesystem::new(self.layers.iter().map(|layer| layer.layer.diff_id).collect()),
            history: history.collect(),
        }
    }
}

/// Writes an index of several images, in the order given.
#[must_use]
pub fn encode_index(images: &[EncodedImage], annotations: BTreeMap<String, String>) -> Blob {
    let manifests = images.iter().map(|image| image.manifest.descriptor.clone()).collect();
    Blob::json(media_type::IMAGE_INDEX, &ImageIndex::new(manifests, annotations))
}

fn descriptor(layer: &LayerInfo) -> Descriptor {
    Descriptor::new(&layer.media_type, layer.digest, layer.size)
}

fn run_config(runtime: &Runtime) -> RunConfig {
    let keys = |set: &BTreeSet<String>| set.iter().map(|key| (key.clone(), Empty {})).collect();
    RunConfig {
        user: runtime.user.clone(),
        exposed_ports: keys(&runtime.ports),
        env: runtime.environment.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        entrypoint: runtime.entrypoint.clone(),
        cmd: runtime.command.clone(),
        volumes: keys(&runtime.volumes),
        working_dir: runtime.working_directory.clone(),
        labels: runtime.labels.clone(),
        stop_signal: runtime.stop_signal.clone(),
    }
}

#[cfg(test)]
mod tests;
