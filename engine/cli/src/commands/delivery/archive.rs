//! An image as one archive that `docker load` and `podman load` read: an OCI layout with the
//! document beside it that docker has read since version 1.10.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::layout::{REF_NAME, blob_path};
use wiz_oci::{Descriptor, Sha256Digest};

/// What containerd calls an image of a layout.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Writes the image of the layout in `folder`, called `name`, as an archive.
///
/// # Errors
/// If the layout cannot be read, or the archive not be written.
pub(super) fn write(folder: &Path, name: &str, to: impl Write) -> io::Result<()> {
    let index: ImageIndex = parse(&std::fs::read(folder.join("index.json"))?)?;
    let [named] = &index.manifests[..] else { return Err(malformed("the layout does not hold one image")) };
    let manifest: Manifest = parse(&std::fs::read(folder.join(blob_path(&named.digest).as_str()))?)?;
    let mut archive = tar::Builder::new(to);
    archive.mode(tar::HeaderMode::Deterministic);
    add(&mut archive, "oci-layout", &std::fs::read(folder.join("oci-layout"))?)?;
    add(&mut archive, "index.json", &encode(&index_of(named, name))?)?;
    add(&mut archive, "manifest.json", &encode(&docker_document(&manifest, name))?)?;
    for blob in [named, &manifest.config].into_iter().chain(&manifest.layers) {
        let path = blob_path(&blob.digest);
        let mut file = File::open(folder.join(path.as_str()))?;
        let mut header = header(blob.size);
        archive.append_data(&mut header, path.as_str(), &mut file)?;
    }
    archive.into_inner()?.flush()
}

/// The layout's index, in which the image has its name.
fn index_of(named: &Descriptor, name: &str) -> ImageIndex {
    let mut named = named.clone();
    let tag = name.rsplit_once(':').map_or(name, |(_, tag)| tag);
    named.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
    named.annotations.insert(CONTAINERD_NAME.to_owned(), name.to_owned());
    ImageIndex::new(vec![named], BTreeMap::new())
}

fn docker_document(manifest: &Manifest, name: &str) -> serde_json::Value {
    let path = |digest: &Sha256Digest| blob_path(digest).as_str().to_owned();
    let layers: Vec<String> = manifest.layers.iter().map(|layer| path(&layer.digest)).collect();
    serde_json::json!([{"Config": path(&manifest.config.digest), "RepoTags": [name], "Layers": layers}])
}

fn add(archive: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = header(bytes.len() as u64);
    archive.append_data(&mut header, path, bytes)
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))
}

fn encode(document: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec(document).map_err(io::Error::from)
}

fn malformed(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
