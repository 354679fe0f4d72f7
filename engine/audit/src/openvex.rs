//! OpenVEX 0.2.0: statements on whether a product has a vulnerability, read and written.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bill::Package;
use crate::error::AuditError;

const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vex {
    /// The schema's version, as a URL.
    #[serde(rename = "@context")]
    pub context: String,
    /// The document's name, a URL.
    #[serde(rename = "@id")]
    pub id: String,
    /// Who answers for it.
    pub author: String,
    /// When, as RFC 3339 has it.
    pub timestamp: String,
    /// Counts its changes.
    pub version: u64,
    /// What it says.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Statement {
    /// What it is about.
    pub vulnerability: Vulnerability,
    /// What has it or not; empty is everything.
    #[serde(default)]
    pub products: Vec<Product>,
    /// `not_affected`, `affected`, `fixed` or `under_investigation`.
    pub status: String,
    /// One of five reasons not to be affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// A reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact_statement: Option<String>,
    /// What backs the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_notes: Option<String>,
    /// What to do where it is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_statement: Option<String>,
}

/// A vulnerability by its names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vulnerability {
    /// Its name, such as `CVE-2023-45853`.
    pub name: String,
    /// What others call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// A product by its package URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Product {
    /// The package URL, with a version or without.
    #[serde(rename = "@id")]
    pub id: String,
}

impl Vex {
    /// A document of statements, to be written.
    #[must_use]
    pub fn new(id: String, author: String, timestamp: String, statements: Vec<Statement>) -> Self {
        Self { context: CONTEXT.to_owned(), id, author, timestamp, version: 1, statements }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`AuditError`] if it cannot be read, or a statement is not as the specification
    /// (OpenVEX 0.2.0, "Status Labels") wants it.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let failed = |error| AuditError::Read { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&path.display().to_string(), &text)
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, AuditError> {
        let wrong = |reason: String| AuditError::Content { path: name.to_owned(), form: "OpenVEX", reason };
        let vex: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if !vex.context.starts_with("https://openvex.dev/ns") {
            return Err(wrong(format!("its context is `{}`", vex.context)));
        }
        for statement in &vex.statements {
            let about = &statement.vulnerability.name;
            match statement.status.as_str() {
                "affected" | "fixed" | "under_investigation" => {}
                "not_affected"
                    if statement.justification.is_some() || statement.impact_statement.is_some() => {}
                "not_affected" => {
                    return Err(wrong(format!(
                        "`{about}` is not_affected without a justification or impact statement"
                    )));
                }
                other => return Err(wrong(format!("`{about}` has the status `{other}`"))),
            }
        }
        Ok(vex)
    }

    /// The last statement about a vulnerability in a package.
    pub(crate) fn about<'a>(
        &self,
        names: impl Iterator<Item = &'a str> + Clone,
        package: &Package,
    ) -> Option<&Statement> {
        self.statements.iter().rev().find(|statement| {
            let known = |name: &str| {
                statement.vulnerability.name == name
                    || statement.vulnerability.aliases.iter().any(|alias| alias == name)
            };
            let is_product = statement.products.is_empty()
                || statement.products.iter().any(|product| is_of(&product.id, package));
            is_product && names.clone().any(known)
        })
    }
}

/// Whether a package URL names a package, or the one it was split from, in this version or any.
fn is_of(purl: &str, package: &Package) -> bool {
    let Some(rest) = purl.strip_prefix("pkg:apk/") else { return false };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (path, version) = rest.split_once('@').map_or((rest, None), |(path, version)| (path, Some(version)));
    let name = path.rsplit('/').next().unwrap_or(path).replace("%2B", "+").replace("%2b", "+");
    (name == package.name || name == package.origin)
        && version.is_none_or(|version| version == package.version)
}
