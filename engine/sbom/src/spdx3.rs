//! SPDX 3.0.1 as JSON-LD.
//!
//! Compact, in the order of the model. Identifiers are URLs below the document's own,
//! which is derived from the rest of the document, so the same content has the same
//! name and another content another. Unaware of other formats.
//!
//! Source: SPDX specification 3.0.1, profiles core, software and simple licensing, and its
//! JSON schema. Relations are turned round where SPDX 3 has a name for the other direction only.

mod elements;
mod relations;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::component::Component;
use crate::document::Document;
use crate::identifiers::{Identifiers, document_url};
use crate::licence::Licence;
use crate::party::Party;
use crate::time::rfc3339;
use wire::{
    Agent, CreationInfo, Element, Entry, Graph, Head, LicenceExpression, LicenceText, Sbom, SpdxDocument,
    Tool,
};

/// The version that is written.
const VERSION: &str = "3.0.1";

/// Under what the document itself may be used.
const DATA_LICENCE: &str = "CC0-1.0";

/// Writes `document`.
#[must_use]
pub fn write(document: &Document) -> Vec<u8> {
    let digest = hex::encode(Sha256::digest(encode(&graph(document, String::new()))));
    encode(&graph(document, document_url(document.facts(), &digest)))
}

fn encode(graph: &Graph) -> Vec<u8> {
    serde_json::to_vec(graph).expect("the graph has text keys and no failing fields")
}

/// All elements, named below the document's URL.
fn graph(document: &Document, url: String) -> Graph {
    let names = Names::new(document, url);
    let mut sbom = elements::artifacts(document, &names);
    sbom.extend(relations::relationships(document, &names));
    let shared = shared(document, &names);
    let mut graph = vec![creation(document, &names), spdx_document(document, &names, &shared)];
    graph.push(Element::Sbom(Sbom {
        head: Head::new(names.sbom()),
        profile_conformance: PROFILES.to_vec(),
        root_element: vec![names.of(document.subject())],
        element: sbom.iter().filter_map(Element::id).collect(),
        sbom_type: ["build"],
    }));
    graph.extend(shared);
    graph.extend(sbom);
    Graph { context: "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", graph }
}

/// The profiles of SPDX 3 that documents keep to.
const PROFILES: [&str; 3] = ["core", "software", "simpleLicensing"];

fn creation(document: &Document, names: &Names<'_>) -> Element {
    let facts = document.facts();
    Element::CreationInfo(CreationInfo {
        id: wire::CREATION,
        spec_version: VERSION,
        created: rfc3339(facts.created),
        created_by: [names.party(&facts.author)],
        created_using: [names.tool()],
    })
}

fn spdx_document(document: &Document, names: &Names<'_>, shared: &[Element]) -> Element {
    let facts = document.facts();
    let mut element = vec![names.sbom()];
    element.extend(shared.iter().filter_map(Element::id));
    Element::SpdxDocument(SpdxDocument {
        head: Head::new(names.document.clone()),
        name: facts.name.clone(),
        comment: facts.note.clone(),
        profile_conformance: PROFILES.to_vec(),
        data_license: names.expression(DATA_LICENCE),
        root_element: [names.sbom()],
        element,
    })
}

/// What several elements refer to: parties, the tool, licences.
fn shared(document: &Document, names: &Names<'_>) -> Vec<Element> {
    let mut shared: Vec<Element> = names.parties.keys().map(|party| agent(party, names)).collect();
    shared.push(Element::Tool(Tool { head: Head::new(names.tool()), name: document.facts().tool.clone() }));
    for expression in names.expressions.keys() {
        shared.push(Element::LicenceExpression(LicenceExpression {
            head: Head::new(names.expression(expression)),
            license_expression: (*expression).to_owned(),
            custom_id_to_uri: custom_licences(document, expression, names),
        }));
    }
    for (reference, text) in document.licences() {
        shared.push(Element::LicenceText(LicenceText {
            head: Head::new(names.local(reference.as_str())),
            name: reference.name().to_owned(),
            license_text: text.to_owned(),
        }));
    }
    shared
}

fn agent(party: &Party, names: &Names<'_>) -> Element {
    let agent = |name: &String, email: &Option<String>| Agent {
        head: Head::new(names.party(party)),
        name: name.clone(),
        external_identifier: email
            .iter()
            .map(|email| wire::ExternalIdentifier::new("email", email))
            .collect(),
    };
    match party {
        Party::Organization { name, email } => Element::Organization(agent(name, email)),
        Party::Person { name, email } => Element::Person(agent(name, email)),
    }
}

/// Where the texts of an expression's own licences are.
fn custom_licences(document: &Document, expression: &str, names: &Names<'_>) -> Vec<Entry> {
    let licences = document.components().filter_map(|(_, component)| component.licence.as_ref());
    let used: BTreeSet<_> =
        licences.filter(|licence| licence.as_str() == expression).flat_map(Licence::references).collect();
    let entry = |reference: &crate::licence::LicenceRef| Entry {
        kind: "DictionaryEntry",
        key: reference.as_str().to_owned(),
        value: names.local(reference.as_str()),
    };
    used.into_iter().map(entry).collect()
}

/// The URLs of all elements.
struct Names<'a> {
    document: String,
    components: Identifiers,
    /// Everybody who is named, with a number.
    parties: BTreeMap<&'a Party, usize>,
    /// Every licence expression, with a number.
    expressions: BTreeMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn new(document: &'a Document, url: String) -> Self {
        let components = || document.components().map(|(_, component)| component);
        let suppliers = components().filter_map(|component| component.supplier.as_ref());
        let parties: BTreeSet<&Party> = suppliers.chain([&document.facts().author]).collect();
        let licences = components().filter_map(expression);
        let expressions: BTreeSet<&str> = licences.chain([DATA_LICENCE]).collect();
        Self {
            document: url,
            components: Identifiers::new(document),
            parties: parties.into_iter().zip(1..).collect(),
            expressions: expressions.into_iter().zip(1..).collect(),
        }
    }

    fn local(&self, name: &str) -> String {
        format!("{}#{name}", self.document)
    }

    fn of(&self, id: &crate::component::ComponentId) -> String {
        self.local(self.components.of(id))
    }

    fn of_file(&self, id: &crate::component::ComponentId, path: &wiz_base::RelPath) -> String {
        self.local(&self.components.of_file(id, path))
    }

    fn party(&self, party: &Party) -> String {
        self.local(&format!("agent-{}", self.parties[party]))
    }

    fn expression(&self, expression: &str) -> String {
        self.local(&format!("licence-{}", self.expressions[expression]))
    }

    fn tool(&self) -> String {
        self.local("tool")
    }

    fn sbom(&self) -> String {
        self.local("sbom")
    }
}

fn expression(component: &Component) -> Option<&str> {
    component.licence.as_ref().map(Licence::as_str)
}

#[cfg(test)]
mod tests;
