//! SPDX 2.3 as JSON.
//!
//! Compact, keys in the order of the specification, everything else sorted. The
//! namespace is derived from the rest of the document, so the same content has
//! the same name and another content another. Unaware of other formats.
//!
//! Source: SPDX specification 2.3; minimum elements of NTIA (supplier, name,
//! version, identifier, dependency, author, time).

mod elements;
mod wire;

use sha2::{Digest as _, Sha256};

use crate::document::Document;
use crate::identifiers::{DOCUMENT, Identifiers, document_url};
use crate::party::Party;
use crate::relation::Relation;
use crate::time::rfc3339;
use elements::{file, package};
use wire::{CreationInfo, ExtractedLicence, SpdxDocument, SpdxRelationship};

/// What stands where nothing is known.
const NO_ASSERTION: &str = "NOASSERTION";

/// Writes `document`.
#[must_use]
pub fn write(document: &Document) -> Vec<u8> {
    let mut wire = spdx_document(document);
    let digest = hex::encode(Sha256::digest(encode(&wire)));
    wire.document_namespace = document_url(document.facts(), &digest);
    encode(&wire)
}

fn encode(document: &SpdxDocument) -> Vec<u8> {
    serde_json::to_vec(document).expect("the document has text keys and no failing fields")
}

/// The document without its namespace.
fn spdx_document(document: &Document) -> SpdxDocument {
    let identifiers = Identifiers::new(document);
    let facts = document.facts();
    SpdxDocument {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdxid: DOCUMENT,
        name: facts.name.clone(),
        document_namespace: String::new(),
        creation_info: CreationInfo {
            created: rfc3339(facts.created),
            creators: creators(&facts.author, &facts.tool),
        },
        comment: facts.note.clone(),
        packages: document
            .components()
            .map(|(id, component)| package(identifiers.of(id), component))
            .collect(),
        files: files(document, &identifiers),
        relationships: relationships(document, &identifiers),
        has_extracted_licensing_infos: extracted_licences(document),
    }
}

fn creators(author: &Party, tool: &str) -> Vec<String> {
    vec![author.to_string(), format!("Tool: {tool}")]
}

fn files(document: &Document, identifiers: &Identifiers) -> Vec<wire::SpdxFile> {
    let all = document.components().flat_map(|(id, component)| {
        component.files.iter().map(move |record| file(identifiers.of_file(id, &record.path), record))
    });
    all.collect()
}

/// What the document is about, which files are in which component, and the rest.
fn relationships(document: &Document, identifiers: &Identifiers) -> Vec<SpdxRelationship> {
    let describes = SpdxRelationship::new(DOCUMENT, "DESCRIBES", identifiers.of(document.subject()));
    let contains = document.components().flat_map(|(id, component)| {
        component.files.iter().map(move |file| {
            SpdxRelationship::new(identifiers.of(id), "CONTAINS", &identifiers.of_file(id, &file.path))
        })
    });
    let stated = document.relationships().map(|(relationship, note)| {
        let (from, to) = (identifiers.of(&relationship.from), identifiers.of(&relationship.to));
        let comment = note.map(str::to_owned);
        SpdxRelationship { comment, ..SpdxRelationship::new(from, relation_name(relationship.relation), to) }
    });
    std::iter::once(describes).chain(stated).chain(contains).collect()
}

/// The relation's name in SPDX 2.3, section 11.1.
fn relation_name(relation: Relation) -> &'static str {
    match relation {
        Relation::Contains => "CONTAINS",
        Relation::DependsOn => "DEPENDS_ON",
        Relation::GeneratedFrom => "GENERATED_FROM",
        Relation::PatchApplied => "PATCH_APPLIED",
        Relation::BuildToolOf => "BUILD_TOOL_OF",
        Relation::BuildDependencyOf => "BUILD_DEPENDENCY_OF",
        Relation::StaticLink => "STATIC_LINK",
    }
}

fn extracted_licences(document: &Document) -> Vec<ExtractedLicence> {
    let licence = |(reference, text): (&crate::licence::LicenceRef, &str)| ExtractedLicence {
        license_id: reference.as_str().to_owned(),
        extracted_text: text.to_owned(),
        name: reference.name().to_owned(),
    };
    document.licences().map(licence).collect()
}

#[cfg(test)]
mod tests;
