//! A layout on disk, read as what is to be pushed, or written as what was pulled.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::layout::{LATEST, REF_NAME, blob_path};
use wiz_oci::{Descriptor, Sha256Digest, media_type};

/// A layout in a folder.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: PathBuf,
}

/// A layout that is none.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A document that is none.
    #[error("`{}` is not as the image specification says: {problem}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// A document with the descriptor that names it, and the documents and blobs it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Vec<u8>,
    /// Manifests that an index names, each before it is named.
    pub(crate) manifests: Vec<Node>,
    /// Configuration and layers of a manifest.
    pub(crate) blobs: Vec<Descriptor>,
}

impl Layout {
    /// The layout in a folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The manifest or index that the layout holds.
    ///
    /// # Errors
    /// If it holds none, or several.
    pub fn named(&self) -> Result<Descriptor, LayoutError> {
        let path = self.folder.join("index.json");
        let index: ImageIndex = parse(&path, &read(&path)?)?;
        match <[Descriptor; 1]>::try_from(index.manifests) {
            Ok([descriptor]) => Ok(descriptor),
            Err(manifests) => {
                let problem = format!("it names {} images, where one is wanted", manifests.len());
                Err(LayoutError::Document { path, problem })
            }
        }
    }

    /// Where a blob lies.
    #[must_use]
    pub fn blob(&self, digest: &Sha256Digest) -> PathBuf {
        self.folder.join(blob_path(digest).as_str())
    }

    /// What the layout holds, with everything it names.
    pub(crate) fn tree(&self) -> Result<Node, LayoutError> {
        let mut named = self.named()?;
        named.annotations.remove(REF_NAME);
        self.node(named)
    }

    fn node(&self, descriptor: Descriptor) -> Result<Node, LayoutError> {
        let path = self.blob(&descriptor.digest);
        let bytes = read(&path)?;
        let (mut manifests, mut blobs) = (Vec::new(), Vec::new());
        if descriptor.media_type == media_type::IMAGE_INDEX {
            let index: ImageIndex = parse(&path, &bytes)?;
            manifests =
                index.manifests.into_iter().map(|manifest| self.node(manifest)).collect::<Result<_, _>>()?;
        } else {
            let manifest: Manifest = parse(&path, &bytes)?;
            blobs.push(manifest.config);
            blobs.extend(manifest.layers);
        }
        Ok(Node { descriptor, bytes, manifests, blobs })
    }

    pub(crate) fn open(&self, digest: &Sha256Digest) -> Result<File, LayoutError> {
        let path = self.blob(digest);
        File::open(&path).map_err(|source| LayoutError::Io { path, source })
    }

    /// Makes the folders of a layout.
    pub(crate) fn begin(&self) -> Result<(), LayoutError> {
        let path = self.folder.join("blobs/sha256");
        fs::create_dir_all(&path).map_err(|source| LayoutError::Io { path, source })
    }

    /// Keeps a document that is a blob.
    pub(crate) fn put(&self, digest: &Sha256Digest, bytes: &[u8]) -> Result<(), LayoutError> {
        let path = self.blob(digest);
        fs::write(&path, bytes).map_err(|source| LayoutError::Io { path, source })
    }

    /// Writes the files that make a folder with blobs a layout, last of all.
    pub(crate) fn finish(&self, mut named: Descriptor) -> Result<(), LayoutError> {
        named.annotations.insert(REF_NAME.to_owned(), LATEST.to_owned());
        let index = ImageIndex::new(vec![named], BTreeMap::new());
        let index = serde_json::to_vec(&index).expect("an index has text keys and no failing fields");
        for (name, bytes) in
            [("oci-layout", &b"{\"imageLayoutVersion\":\"1.0.0\"}"[..]), ("index.json", &index)]
        {
            let path = self.folder.join(name);
            fs::write(&path, bytes).map_err(|source| LayoutError::Io { path, source })?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LayoutError> {
    fs::read(path).map_err(|source| LayoutError::Io { path: path.to_owned(), source })
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, LayoutError> {
    serde_json::from_slice(bytes)
        .map_err(|error| LayoutError::Document { path: path.to_owned(), problem: error.to_string() })
}
