//! The objects of SPDX 3.0.1 in JSON-LD, as far as wiz writes them. Unaware of the model.

use serde::Serialize;

/// The one blank node: who made the document, when and by what.
pub(super) const CREATION: &str = "_:creation";

#[derive(Debug, Serialize)]
pub(super) struct Graph {
    #[serde(rename = "@context")]
    pub(super) context: &'static str,
    #[serde(rename = "@graph")]
    pub(super) graph: Vec<Element>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Element {
    CreationInfo(CreationInfo),
    SpdxDocument(SpdxDocument),
    #[serde(rename = "software_Sbom")]
    Sbom(Sbom),
    Organization(Agent),
    Person(Agent),
    Tool(Tool),
    #[serde(rename = "simplelicensing_LicenseExpression")]
    LicenceExpression(LicenceExpression),
    #[serde(rename = "simplelicensing_SimpleLicensingText")]
    LicenceText(LicenceText),
    #[serde(rename = "software_Package")]
    Package(Artifact),
    #[serde(rename = "software_File")]
    File(Artifact),
    Relationship(Relationship),
    #[serde(rename = "LifecycleScopedRelationship")]
    ScopedRelationship(Relationship),
}

impl Element {
    /// Its URL; what describes the document's making has none.
    pub(super) fn id(&self) -> Option<String> {
        let head = match self {
            Self::CreationInfo(_) => return None,
            Self::SpdxDocument(element) => &element.head,
            Self::Sbom(element) => &element.head,
            Self::Organization(element) | Self::Person(element) => &element.head,
            Self::Tool(element) => &element.head,
            Self::LicenceExpression(element) => &element.head,
            Self::LicenceText(element) => &element.head,
            Self::Package(element) | Self::File(element) => &element.head,
            Self::Relationship(element) | Self::ScopedRelationship(element) => &element.head,
        };
        Some(head.spdx_id.clone())
    }
}

/// What every element begins with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) spdx_id: String,
    creation_info: &'static str,
}

impl Head {
    pub(super) fn new(spdx_id: String) -> Self {
        Self { spdx_id, creation_info: CREATION }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreationInfo {
    #[serde(rename = "@id")]
    pub(super) id: &'static str,
    pub(super) spec_version: &'static str,
    pub(super) created: String,
    pub(super) created_by: [String; 1],
    pub(super) created_using: [String; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpdxDocument {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    pub(super) profile_conformance: Vec<&'static str>,
    pub(super) data_license: String,
    pub(super) root_element: [String; 1],
    pub(super) element: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sbom {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) profile_conformance: Vec<&'static str>,
    pub(super) root_element: Vec<String>,
    pub(super) element: Vec<String>,
    #[serde(rename = "software_sbomType")]
    pub(super) sbom_type: [&'static str; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_identifier: Vec<ExternalIdentifier>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tool {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct LicenceExpression {
    #[serde(flatten)]
    pub(super) head: Head,
    #[serde(rename = "simplelicensing_licenseExpression")]
    pub(super) license_expression: String,
    #[serde(rename = "simplelicensing_customIdToUri", skip_serializing_if = "Vec::is_empty")]
    pub(super) custom_id_to_uri: Vec<Entry>,
}

#[derive(Debug, Serialize)]
pub(super) struct Entry {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct LicenceText {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) name: String,
    #[serde(rename = "simplelicensing_licenseText")]
    pub(super) license_text: String,
}

/// A package or a file; a file has none of the fields that only packages have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) verified_using: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_identifier: Vec<ExternalIdentifier>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_ref: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supplied_by: Option<String>,
    #[serde(rename = "software_primaryPurpose", skip_serializing_if = "Option::is_none")]
    pub(super) primary_purpose: Option<&'static str>,
    #[serde(rename = "software_packageVersion", skip_serializing_if = "Option::is_none")]
    pub(super) package_version: Option<String>,
    #[serde(rename = "software_downloadLocation", skip_serializing_if = "Option::is_none")]
    pub(super) download_location: Option<String>,
    #[serde(rename = "software_packageUrl", skip_serializing_if = "Option::is_none")]
    pub(super) package_url: Option<String>,
    #[serde(rename = "software_homePage", skip_serializing_if = "Option::is_none")]
    pub(super) home_page: Option<String>,
    #[serde(rename = "software_sourceInfo", skip_serializing_if = "Option::is_none")]
    pub(super) source_info: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hash {
    #[serde(rename = "type")]
    kind: &'static str,
    algorithm: &'static str,
    hash_value: String,
}

impl Hash {
    pub(super) fn new(algorithm: &'static str, hash: &[u8]) -> Self {
        Self { kind: "Hash", algorithm, hash_value: hex::encode(hash) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalIdentifier {
    #[serde(rename = "type")]
    kind: &'static str,
    external_identifier_type: &'static str,
    identifier: String,
}

impl ExternalIdentifier {
    pub(super) fn new(external_identifier_type: &'static str, identifier: &str) -> Self {
        Self { kind: "ExternalIdentifier", external_identifier_type, identifier: identifier.to_owned() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalRef {
    #[serde(rename = "type")]
    kind: &'static str,
    external_ref_type: &'static str,
    locator: Vec<String>,
}

impl ExternalRef {
    pub(super) fn new(external_ref_type: &'static str, locator: Vec<String>) -> Self {
        Self { kind: "ExternalRef", external_ref_type, locator }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) from: String,
    pub(super) relationship_type: &'static str,
    pub(super) to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completeness: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}
