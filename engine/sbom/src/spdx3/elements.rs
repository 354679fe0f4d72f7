//! Components and files as SPDX packages and files. Unaware of relationships.

use super::Names;
use super::wire::{Artifact, Element, ExternalIdentifier, ExternalRef, Hash, Head};
use crate::component::{Component, ComponentId, FileRecord, Purpose};
use crate::document::Document;

/// Every component, each followed by its files.
pub(super) fn artifacts(document: &Document, names: &Names<'_>) -> Vec<Element> {
    let mut artifacts = Vec::new();
    for (id, component) in document.components() {
        artifacts.push(artifact(id, component, names));
        artifacts.extend(component.files.iter().map(|record| file(names.of_file(id, &record.path), record)));
    }
    artifacts
}

/// A patch is one file; everything else has a version, a place or a package URL.
fn artifact(id: &ComponentId, component: &Component, names: &Names<'_>) -> Element {
    let mut artifact = Artifact {
        summary: component.summary.clone(),
        comment: component.note.clone(),
        verified_using: hashes(component.sha1.as_ref(), component.sha256.as_ref()),
        external_identifier: external_identifiers(component),
        supplied_by: component.supplier.as_ref().map(|party| names.party(party)),
        primary_purpose: purpose(component.purpose),
        ..Artifact::named(names.of(id), component.name.clone())
    };
    if component.purpose == Purpose::Patch {
        return Element::File(artifact);
    }
    let mut downloads = component.downloads().cloned();
    artifact.package_version.clone_from(&component.version);
    artifact.download_location = downloads.next();
    artifact.external_ref = alternatives(downloads.collect());
    artifact.package_url = component.purl.as_ref().map(ToString::to_string);
    artifact.home_page.clone_from(&component.homepage);
    artifact.source_info = source_info(component);
    Element::Package(artifact)
}

fn file(identifier: String, record: &FileRecord) -> Element {
    Element::File(Artifact {
        verified_using: hashes(Some(&record.digests.sha1), Some(&record.digests.sha256)),
        ..Artifact::named(identifier, format!("/{}", record.path))
    })
}

impl Artifact {
    fn named(identifier: String, name: String) -> Self {
        Self {
            head: Head::new(identifier),
            name,
            summary: None,
            comment: None,
            verified_using: Vec::new(),
            external_identifier: Vec::new(),
            external_ref: Vec::new(),
            supplied_by: None,
            primary_purpose: None,
            package_version: None,
            download_location: None,
            package_url: None,
            home_page: None,
            source_info: None,
        }
    }
}

fn alternatives(places: Vec<String>) -> Vec<ExternalRef> {
    if places.is_empty() { Vec::new() } else { vec![ExternalRef::new("altDownloadLocation", places)] }
}

/// The origin and the places that are no URLs, for which there is no field.
fn source_info(component: &Component) -> Option<String> {
    let origin = component.origin.iter().map(|origin| format!("built from origin {origin}"));
    let others = component.remarks().map(|location| format!("also available as {location}"));
    let remarks: Vec<String> = origin.chain(others).collect();
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

fn hashes<const A: usize, const B: usize>(sha1: Option<&[u8; A]>, sha256: Option<&[u8; B]>) -> Vec<Hash> {
    let sha1 = sha1.map(|hash| Hash::new("sha1", hash));
    let sha256 = sha256.map(|hash| Hash::new("sha256", hash));
    sha1.into_iter().chain(sha256).collect()
}

fn external_identifiers(component: &Component) -> Vec<ExternalIdentifier> {
    let purl = component.purl.iter().map(|purl| ExternalIdentifier::new("packageUrl", &purl.to_string()));
    let cpe = component.cpe.iter().map(|cpe| ExternalIdentifier::new("cpe23", &cpe.to_string()));
    purl.chain(cpe).collect()
}

/// A package may be a library or an application or neither, and nothing in it says which.
fn purpose(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Image => Some("container"),
        Purpose::Package => None,
        Purpose::Source => Some("source"),
        Purpose::Patch => Some("patch"),
        Purpose::Tool => Some("application"),
    }
}
