//! What is said of an image, beside it in its registry: documents as manifests of their own that
//! name the image as their subject, found by the registry's list, or by a tag where it keeps none.
//!
//! Source: OCI distribution specification 1.1, listing referrers and the referrers tag schema.

use std::collections::BTreeMap;

use ureq::http::{Method, header};
use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::{Descriptor, Sha256Digest, media_type};

use crate::client::{Asked, Connection, Scope};
use crate::error::RegistryError;
use crate::push::upload;

/// What stands where an image has its configuration.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");

/// By this header a registry says that it keeps a list.
const SUBJECT: &str = "oci-subject";

/// So many documents are looked at; an image with more has been flooded.
const MOST: usize = 100;

/// Puts a document of type `kind` beside the image `subject`.
///
/// # Errors
/// [`RegistryError`] if the registry does not take it.
pub fn attach(
    connection: &Connection,
    subject: &Descriptor,
    kind: &str,
    document: &[u8],
    annotations: BTreeMap<String, String>,
) -> Result<Sha256Digest, RegistryError> {
    let empty = Descriptor::new(EMPTY.0, Sha256Digest::of(EMPTY.1), EMPTY.1.len() as u64);
    let layer = Descriptor::new(kind, Sha256Digest::of(document), document.len() as u64);
    upload(connection, &empty, EMPTY.1)?;
    upload(connection, &layer, document)?;
    let mut manifest = Manifest::new(empty, vec![layer], annotations.clone());
    manifest.artifact_type = Some(kind.to_owned());
    let mut plain = subject.clone();
    plain.annotations.clear();
    plain.platform = None;
    manifest.subject = Some(plain);
    let bytes = serde_json::to_vec(&manifest).expect("manifests have text keys and no failing fields");
    let digest = Sha256Digest::of(&bytes);
    let keeps_list = put(connection, &digest.to_string(), media_type::IMAGE_MANIFEST, &bytes)?;
    if !keeps_list {
        let mut named = Descriptor::new(media_type::IMAGE_MANIFEST, digest, bytes.len() as u64);
        named.artifact_type = Some(kind.to_owned());
        named.annotations = annotations;
        add_to_tag(connection, &subject.digest, named)?;
    }
    Ok(digest)
}

/// The documents of type `kind` beside an image, held against their digests.
///
/// # Errors
/// [`RegistryError`] if the registry does not say.
pub fn attached(
    connection: &Connection,
    subject: &Sha256Digest,
    kind: &str,
) -> Result<Vec<Vec<u8>>, RegistryError> {
    let mut documents = Vec::new();
    for referrer in list(connection, subject)?.manifests.into_iter().take(MOST) {
        if referrer.artifact_type.as_ref().is_some_and(|found| found != kind) {
            continue;
        }
        let manifest = get(connection, &format!("manifests/{}", referrer.digest), &referrer.digest)?;
        let manifest: Manifest = parse(connection, &manifest)?;
        // Anybody may put anything beside an image: what is about another one is none of it.
        if manifest.subject.as_ref().is_none_or(|found| found.digest != *subject) {
            continue;
        }
        for layer in manifest.layers.iter().filter(|layer| layer.media_type == kind) {
            documents.push(get(connection, &format!("blobs/{}", layer.digest), &layer.digest)?);
        }
    }
    Ok(documents)
}

/// What names an image as its subject.
fn list(connection: &Connection, subject: &Sha256Digest) -> Result<ImageIndex, RegistryError> {
    let path = format!("referrers/{subject}");
    let response = connection.read(&asking(&path, Scope::Pull))?;
    if response.status().as_u16() == 200 {
        return parse(connection, response.body());
    }
    Ok(tagged(connection, subject)?.unwrap_or_else(|| ImageIndex::new(Vec::new(), BTreeMap::new())))
}

/// The list that a registry without one has under a tag.
fn tagged(connection: &Connection, subject: &Sha256Digest) -> Result<Option<ImageIndex>, RegistryError> {
    let path = format!("manifests/{}", tag(subject));
    let headers = [("accept", media_type::IMAGE_INDEX)];
    let response = connection.read(&Asked { headers: &headers, ..asking(&path, Scope::Pull) })?;
    match response.status().as_u16() {
        200 => parse(connection, response.body()).map(Some),
        404 => Ok(None),
        status => Err(connection.refusal("what is beside an image", status, response.body())),
    }
}

/// Adds to the list under a tag. Of two who do so at once one is forgotten: the specification
/// knows no better.
fn add_to_tag(
    connection: &Connection,
    subject: &Sha256Digest,
    named: Descriptor,
) -> Result<(), RegistryError> {
    let mut index =
        tagged(connection, subject)?.unwrap_or_else(|| ImageIndex::new(Vec::new(), BTreeMap::new()));
    if index.manifests.iter().any(|known| known.digest == named.digest) {
        return Ok(());
    }
    index.manifests.push(named);
    let bytes = serde_json::to_vec(&index).expect("indexes have text keys and no failing fields");
    put(connection, &tag(subject), media_type::IMAGE_INDEX, &bytes).map(drop)
}

fn tag(subject: &Sha256Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// Puts a manifest; whether the registry has noted its subject.
fn put(connection: &Connection, name: &str, kind: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
    let headers = [(header::CONTENT_TYPE.as_str(), kind)];
    let path = format!("manifests/{name}");
    let answer = connection.ask(&Asked {
        method: Method::PUT,
        headers: &headers,
        body: bytes,
        ..asking(&path, Scope::Push)
    })?;
    match answer.status().as_u16() {
        201 => Ok(answer.headers().contains_key(SUBJECT)),
        _ => Err(connection.status("to take a manifest", answer)),
    }
}

fn get(connection: &Connection, path: &str, digest: &Sha256Digest) -> Result<Vec<u8>, RegistryError> {
    let headers = [("accept", media_type::IMAGE_MANIFEST)];
    let response = connection.read(&Asked { headers: &headers, ..asking(path, Scope::Pull) })?;
    match response.status().as_u16() {
        200 if Sha256Digest::of(response.body()) == *digest => Ok(response.into_body()),
        200 => Err(RegistryError::Corrupt { host: connection.host().to_owned(), digest: *digest }),
        status => Err(connection.refusal("for what is beside an image", status, response.body())),
    }
}

fn asking(path: &str, scope: Scope) -> Asked<'_> {
    let doing = if scope == Scope::Push { "push" } else { "pull" };
    Asked { method: Method::GET, path, headers: &[], body: &[], scope, doing }
}

fn parse<T: serde::de::DeserializeOwned>(connection: &Connection, bytes: &[u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes)
        .map_err(|error| connection.protocol(format!("a list or manifest is none: {error}")))
}
