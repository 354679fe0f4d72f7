//! CycloneDX 1.6 as JSON.
//!
//! Compact, in the order of the model. The serial number is derived from the rest of the
//! document, so the same content has the same one. Unaware of other formats.
//!
//! Source: ECMA-424 and its JSON schema. What is in the subject are `components`; sources,
//! patches and tools are in `formulation`, which says what each component was built from:
//! as components beside the others, scanners would count archives as installed.

mod elements;
mod formulation;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::component::{Component, ComponentId, Purpose};
use crate::document::{Document, Facts};
use crate::licence::LicenceRef;
use crate::party::Party;
use crate::relation::Relation;
use crate::time::rfc3339;
use elements::{component, entity, property};
use wire::{Bom, Composition, Dependency, Lifecycle, Metadata, Property, Tools};

/// Writes `document`.
#[must_use]
pub fn write(document: &Document) -> Vec<u8> {
    let mut bom = bom(document);
    bom.serial_number = serial_number(&encode(&bom));
    encode(&bom)
}

fn encode(bom: &Bom) -> Vec<u8> {
    serde_json::to_vec(bom).expect("the document has text keys and no failing fields")
}

/// A UUID of version 8 (RFC 9562, section 5.8): 122 bits of the content's SHA-256.
fn serial_number(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let mut uuid: [u8; 16] = std::array::from_fn(|place| hash[place]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let [a, b, c, d, e] = [&uuid[..4], &uuid[4..6], &uuid[6..8], &uuid[8..10], &uuid[10..]].map(hex::encode);
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

/// The document without its serial number.
fn bom(document: &Document) -> Bom {
    let inside = document.components().filter(|(id, it)| *id != document.subject() && is_inside(it));
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: metadata(document),
        components: inside.map(|(id, it)| component(document, id, it)).collect(),
        dependencies: dependencies(document),
        compositions: vec![complete(document)],
        formulation: formulation::formulas(document),
        properties: document.licences().map(licence_text).collect(),
    }
}

/// Whether a component is part of what is described, not only of how it was made.
fn is_inside(component: &Component) -> bool {
    matches!(component.purpose, Purpose::Image | Purpose::Package)
}

fn metadata(document: &Document) -> Metadata {
    let Facts { created, author, tool, note, .. } = document.facts();
    let (id, subject) = document.described();
    let (manufacturer, authors) = match author {
        Party::Organization { .. } => (Some(entity(author)), Vec::new()),
        Party::Person { .. } => (None, entity(author).contact),
    };
    Metadata {
        timestamp: rfc3339(*created),
        lifecycles: [Lifecycle { phase: "build" }],
        tools: Tools { components: [component(document, &tool_id(), &Component::new(Purpose::Tool, tool))] },
        authors,
        component: component(document, id, subject),
        manufacturer,
        properties: note.iter().map(|note| property("note", note)).collect(),
    }
}

/// The program that wrote the document, which is no component of it.
fn tool_id() -> ComponentId {
    ComponentId::new("document-tool")
}

/// What each component inside needs or holds, also if that is nothing.
fn dependencies(document: &Document) -> Vec<Dependency> {
    let inside = document.components().filter(|(_, it)| is_inside(it)).map(|(id, _)| id);
    let mut needed: BTreeMap<&ComponentId, BTreeSet<String>> =
        inside.map(|id| (id, BTreeSet::new())).collect();
    for (relationship, _) in document.relationships() {
        let needs =
            matches!(relationship.relation, Relation::Contains | Relation::DependsOn | Relation::StaticLink);
        if let Some(all) = needed.get_mut(&relationship.from).filter(|_| needs) {
            all.insert(relationship.to.to_string());
        }
    }
    let dependency = |(id, all): (&ComponentId, BTreeSet<String>)| Dependency {
        reference: id.to_string(),
        depends_on: all.into_iter().collect(),
    };
    needed.into_iter().map(dependency).collect()
}

/// The subject and what lists its files: nothing of them is left out.
fn complete(document: &Document) -> Composition {
    let listed = |(id, component): &(&ComponentId, &Component)| {
        *id == document.subject() || is_inside(component) && !component.files.is_empty()
    };
    let assemblies = document.components().filter(listed).map(|(id, _)| id.to_string());
    Composition { aggregate: "complete", assemblies: assemblies.collect() }
}

/// An expression has no place for the texts of licences that are not on the SPDX list.
fn licence_text((reference, text): (&LicenceRef, &str)) -> Property {
    property(&format!("license-text:{reference}"), text)
}

#[cfg(test)]
mod tests;
