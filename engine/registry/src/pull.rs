//! An image out of a registry, into a layout: every byte is held against its digest.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use ureq::http::{Method, header};
use wiz_oci::descriptor::Platform;
use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::{Descriptor, Sha256Digest, media_type};

use crate::client::{Asked, Connection, Scope};
use crate::error::RegistryError;
use crate::layout::{Layout, LayoutError};
use crate::reference::Reference;

/// What of docker's is the same under another name.
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

const PIECE: usize = 64 * 1024;

/// What a pull came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The digest that the reference stood for: of an index, if it is one.
    pub digest: Sha256Digest,
    /// The digest of the image's manifest.
    pub manifest: Sha256Digest,
    /// Bytes of blobs that came.
    pub bytes: u64,
}

/// Pulls the image of `reference` for `platform` into a layout; blobs that are in it stay.
///
/// # Errors
/// [`RegistryError`]; what is in the layout's folder is no layout then, or an earlier one.
pub fn pull(
    connection: &Connection,
    reference: &Reference,
    platform: &Platform,
    layout: &Layout,
    progress: &dyn Fn(&Descriptor),
) -> Result<Pulled, RegistryError> {
    layout.begin()?;
    let (named, bytes) = manifest(connection, &reference.version(), reference.digest.as_ref())?;
    let is_index = [media_type::IMAGE_INDEX, DOCKER_LIST].contains(&named.media_type.as_str());
    let (chosen, bytes) = if is_index {
        let index: ImageIndex = parse(connection, &bytes)?;
        let chosen = choose(index, platform)?;
        let (found, bytes) = manifest(connection, &chosen.digest.to_string(), Some(&chosen.digest))?;
        (Descriptor { platform: chosen.platform, ..found }, bytes)
    } else {
        (named.clone(), bytes)
    };
    let image: Manifest = parse(connection, &bytes)?;
    let mut came = 0;
    for blob in [&image.config].into_iter().chain(&image.layers) {
        if holds(layout, blob)? {
            continue;
        }
        progress(blob);
        fetch(connection, blob, layout)?;
        came += blob.size;
    }
    layout.put(&chosen.digest, &bytes)?;
    layout.finish(chosen.clone())?;
    Ok(Pulled { digest: named.digest, manifest: chosen.digest, bytes: came })
}

/// The digest of the image for `platform` that a reference stands for now.
///
/// # Errors
/// [`RegistryError`] if there is none.
pub fn resolve(
    connection: &Connection,
    reference: &Reference,
    platform: &Platform,
) -> Result<Sha256Digest, RegistryError> {
    let (named, bytes) = manifest(connection, &reference.version(), reference.digest.as_ref())?;
    if [media_type::IMAGE_INDEX, DOCKER_LIST].contains(&named.media_type.as_str()) {
        return choose(parse(connection, &bytes)?, platform).map(|chosen| chosen.digest);
    }
    Ok(named.digest)
}

/// A manifest or index with its descriptor; held against `digest` if one is known.
fn manifest(
    connection: &Connection,
    version: &str,
    digest: Option<&Sha256Digest>,
) -> Result<(Descriptor, Vec<u8>), RegistryError> {
    let types =
        [media_type::IMAGE_INDEX, media_type::IMAGE_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");
    let headers = [("accept", types.as_str())];
    let path = format!("manifests/{version}");
    let response = connection.read(&asking(&path, &headers))?;
    match response.status().as_u16() {
        200 => {}
        404 => return Err(RegistryError::Missing { host: connection.host().to_owned() }),
        status => return Err(connection.refusal("for a manifest", status, response.body())),
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or(media_type::IMAGE_MANIFEST).to_owned();
    let bytes = response.into_body();
    let found = Sha256Digest::of(&bytes);
    match digest {
        Some(digest) if *digest != found => {
            Err(RegistryError::Corrupt { host: connection.host().to_owned(), digest: *digest })
        }
        _ => Ok((Descriptor::new(&kind, found, bytes.len() as u64), bytes)),
    }
}

/// The image of an index for a platform.
fn choose(index: ImageIndex, platform: &Platform) -> Result<Descriptor, RegistryError> {
    let is_fit = |found: &Platform| found.os == platform.os && found.architecture == platform.architecture;
    let platforms: Vec<String> = index
        .manifests
        .iter()
        .filter_map(|manifest| manifest.platform.as_ref())
        .map(|platform| format!("{}/{}", platform.os, platform.architecture))
        .collect();
    let chosen = index.manifests.into_iter().find(|manifest| manifest.platform.as_ref().is_some_and(is_fit));
    chosen.ok_or_else(|| RegistryError::Platform(platforms.join(", ")))
}

fn holds(layout: &Layout, blob: &Descriptor) -> Result<bool, LayoutError> {
    let path = layout.blob(&blob.digest);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(LayoutError::Io { path, source }),
    };
    match Sha256Digest::read(&mut file) {
        Ok(found) => Ok(found == blob.digest),
        Err(source) => Err(LayoutError::Io { path, source }),
    }
}

/// Brings a blob, going on where a connection broke.
fn fetch(connection: &Connection, blob: &Descriptor, layout: &Layout) -> Result<(), RegistryError> {
    let path = layout.blob(&blob.digest);
    let partial = path.with_extension("partial");
    let io = |source| RegistryError::from(LayoutError::Io { path: partial.clone(), source });
    let mut file = File::create(&partial).map_err(io)?;
    let (mut hasher, mut offset, mut tried) = (Sha256::new(), 0_u64, 0);
    while offset < blob.size {
        let before = offset;
        match piece(connection, blob, offset, &mut |bytes| {
            hasher.update(bytes);
            offset += bytes.len() as u64;
            file.write_all(bytes)
        }) {
            Ok(()) if offset >= blob.size => break,
            Err(problem) if !problem.is_passing() => return Err(problem),
            Err(problem) if tried + 1 >= connection.attempts() => return Err(problem),
            Ok(()) if tried + 1 >= connection.attempts() => {
                return Err(connection.transport(&"a blob ends too early"));
            }
            Ok(()) | Err(_) => {
                tried = if offset > before { 1 } else { tried + 1 };
                connection.pause(tried);
            }
        }
    }
    if Sha256Digest::new(hasher.finalize().into()) != blob.digest {
        let _ = std::fs::remove_file(&partial);
        return Err(RegistryError::Corrupt { host: connection.host().to_owned(), digest: blob.digest });
    }
    drop(file);
    std::fs::rename(&partial, &path).map_err(io)
}

/// Brings a blob from `offset` on, as far as the connection lasts.
fn piece(
    connection: &Connection,
    blob: &Descriptor,
    offset: u64,
    take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), RegistryError> {
    let range = format!("bytes={offset}-");
    let headers = [("range", range.as_str())];
    let headers = if offset > 0 { &headers[..] } else { &[] };
    let path = format!("blobs/{}", blob.digest);
    let response = connection.ask(&asking(&path, headers))?;
    match response.status().as_u16() {
        200 | 206 => {}
        404 => return Err(RegistryError::Missing { host: connection.host().to_owned() }),
        _ => return Err(connection.status("for a blob", response)),
    }
    // A registry that knows no ranges begins anew; what is here already is skipped.
    let mut skip = if response.status().as_u16() == 200 { offset } else { 0 };
    let (mut left, mut buffer) = (blob.size - offset, vec![0; PIECE]);
    let mut reader = response.into_body().into_reader();
    while left > 0 {
        let read = reader.read(&mut buffer).map_err(|error| connection.transport(&error))?;
        if read == 0 {
            return Ok(());
        }
        let skipped = skip.min(read as u64);
        skip -= skipped;
        let fresh = &buffer[usize::try_from(skipped).unwrap_or(read)..read];
        // More than the manifest says is nothing that is wanted.
        let fresh = &fresh[..fresh.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        left -= fresh.len() as u64;
        take(fresh).map_err(|error| connection.transport(&error))?;
    }
    Ok(())
}

fn asking<'a>(path: &'a str, headers: &'a [(&'a str, &'a str)]) -> Asked<'a> {
    Asked { method: Method::GET, path, headers, body: &[], scope: Scope::Pull, doing: "pull" }
}

fn parse<T: serde::de::DeserializeOwned>(connection: &Connection, bytes: &[u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| connection.protocol(format!("a manifest is none: {error}")))
}
