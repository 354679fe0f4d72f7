//! Components with their files. Unaware of how they stand to one another, but for the
//! places of the sources they were built from.

use super::wire::{self, Contact, Entity, Hash, Licence, Property, Reference};
use crate::component::{Component, ComponentId, FileRecord, Purpose};
use crate::document::Document;
use crate::party::Party;
use crate::relation::Relation;

pub(super) fn component(document: &Document, id: &ComponentId, component: &Component) -> wire::Component {
    let licence = |licence: &crate::licence::Licence| Licence {
        expression: licence.to_string(),
        acknowledgement: "declared",
    };
    let origin = component.origin.iter().map(|origin| property("origin", origin));
    let places = component.remarks().map(|place| property("location", place));
    let note = component.note.iter().map(|note| property("note", note));
    wire::Component {
        reference: Some(id.to_string()),
        supplier: component.supplier.as_ref().map(entity),
        version: component.version.clone(),
        description: component.summary.clone(),
        hashes: hashes(component.sha1.as_ref(), component.sha256.as_ref()),
        licenses: component.licence.iter().map(licence).collect(),
        cpe: component.cpe.as_ref().map(ToString::to_string),
        purl: component.purl.as_ref().map(ToString::to_string),
        external_references: references(document, id, component),
        components: component.files.iter().map(file).collect(),
        properties: origin.chain(places).chain(note).collect(),
        ..named(kind(component.purpose), component.name.clone())
    }
}

fn named(kind: &'static str, name: String) -> wire::Component {
    wire::Component {
        kind,
        reference: None,
        supplier: None,
        name,
        version: None,
        description: None,
        hashes: Vec::new(),
        licenses: Vec::new(),
        cpe: None,
        purl: None,
        external_references: Vec::new(),
        components: Vec::new(),
        properties: Vec::new(),
    }
}

fn file(record: &FileRecord) -> wire::Component {
    wire::Component {
        hashes: hashes(Some(&record.digests.sha1), Some(&record.digests.sha256)),
        ..named("file", format!("/{}", record.path))
    }
}

fn hashes<const A: usize, const B: usize>(sha1: Option<&[u8; A]>, sha256: Option<&[u8; B]>) -> Vec<Hash> {
    let sha1 = sha1.map(|hash| Hash { alg: "SHA-1", content: hex::encode(hash) });
    let sha256 = sha256.map(|hash| Hash { alg: "SHA-256", content: hex::encode(hash) });
    sha1.into_iter().chain(sha256).collect()
}

/// Its home, its downloads, and the downloads of what it was built from.
fn references(document: &Document, id: &ComponentId, component: &Component) -> Vec<Reference> {
    let home = component.homepage.iter();
    let home = home.map(|url| Reference { url: url.clone(), kind: "website", hashes: Vec::new() });
    let sources = document.related(id, Relation::GeneratedFrom);
    let sources = sources.flat_map(|source| downloads(source, "source-distribution"));
    home.chain(downloads(component, "distribution")).chain(sources).collect()
}

fn downloads<'a>(component: &'a Component, kind: &'static str) -> impl Iterator<Item = Reference> + 'a {
    component.downloads().map(move |url| Reference {
        url: url.clone(),
        kind,
        hashes: hashes(component.sha1.as_ref(), component.sha256.as_ref()),
    })
}

pub(super) fn entity(party: &Party) -> Entity {
    match party {
        Party::Organization { name, email } => {
            let contact = email.iter().map(|email| Contact { name: None, email: Some(email.clone()) });
            Entity { name: Some(name.clone()), contact: contact.collect() }
        }
        Party::Person { name, email } => {
            Entity { name: None, contact: vec![Contact { name: Some(name.clone()), email: email.clone() }] }
        }
    }
}

pub(super) fn property(name: &str, value: &str) -> Property {
    Property { name: format!("wiz:{name}"), value: value.to_owned() }
}

/// What is installed and is neither this nor that is a library, as the schema recommends.
fn kind(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Image => "container",
        Purpose::Package => "library",
        Purpose::Source | Purpose::Patch => "file",
        Purpose::Tool => "application",
    }
}
