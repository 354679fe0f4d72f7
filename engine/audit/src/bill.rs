//! What is looked at: packages, from a bill of materials or an installed database.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::AuditError;
use crate::stated::Stated;

const KNOWN: &str = "CycloneDX and SPDX 2.3 as JSON, and apk's installed database are";

/// A package that may be vulnerable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The package it was split from; its own name if none.
    pub origin: String,
    /// Its version with release.
    pub version: String,
    /// Its package URL.
    pub purl: Option<String>,
    /// What vulnerability databases call its product, from its CPE.
    pub product: Option<String>,
    /// The patches it was built with.
    pub patches: Vec<Patch>,
    /// What its definition says of vulnerabilities.
    pub stated: Vec<Stated>,
    /// How it got in: the names from the subject down to it.
    pub path: Vec<String>,
}

/// A patch, as evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Its file's name.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: Option<String>,
}

impl Package {
    /// A package of which only name and version are known.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            origin: name.to_owned(),
            version: version.to_owned(),
            ..Self::default()
        }
    }
}

/// All packages that are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// What they are the packages of.
    pub subject: String,
    /// The packages.
    pub packages: Vec<Package>,
}

impl Bill {
    /// Reads a file.
    ///
    /// # Errors
    /// [`AuditError`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let failed = |error| AuditError::Read { path: path.to_owned(), error };
        let bytes = std::fs::read(path).map_err(failed)?;
        Self::parse(&path.display().to_string(), &bytes)
    }

    /// Reads the text of a file called `name`.
    ///
    /// # Errors
    /// [`AuditError`] if it is of no form that is known, or broken.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, AuditError> {
        let unknown = || AuditError::Form { path: name.to_owned(), known: KNOWN };
        let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
        let content = |form, reason: String| AuditError::Content { path: name.to_owned(), form, reason };
        if !text.trim_start().starts_with('{') {
            let installed = wiz_apk::database::installed::parse(text)
                .map_err(|error| content("an installed database", error.to_string()))?;
            if installed.is_empty() {
                return Err(unknown());
            }
            return Ok(Self {
                subject: name.to_owned(),
                packages: installed.iter().map(of_record).collect(),
            });
        }
        let value: Value = serde_json::from_str(text).map_err(|error| content("JSON", error.to_string()))?;
        if value["bomFormat"] == "CycloneDX" {
            let document =
                CycloneDx::deserialize(&value).map_err(|error| content("CycloneDX", error.to_string()))?;
            return Ok(cyclonedx(document));
        }
        if value["spdxVersion"].as_str().is_some_and(|version| version.starts_with("SPDX-2")) {
            return Ok(spdx(name, &value));
        }
        Err(unknown())
    }
}

fn of_record(installed: &wiz_apk::database::installed::InstalledPackage) -> Package {
    let record = &installed.record;
    let mut package = Package::new(record.name.as_str(), record.version.as_str());
    if let Some(origin) = &record.origin {
        package.origin.clone_from(origin);
    }
    package
}

#[derive(Debug, Deserialize)]
struct CycloneDx {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    formulation: Vec<Formula>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    component: Component,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Component {
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: Option<String>,
    purl: Option<String>,
    cpe: Option<String>,
    properties: Vec<Property>,
    hashes: Vec<Hash>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Property {
    name: String,
    value: String,
}

#[derive(Debug, Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default, rename = "dependsOn")]
    depends_on: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Formula {
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    workflows: Vec<Workflow>,
}

#[derive(Debug, Deserialize)]
struct Workflow {
    #[serde(default)]
    inputs: Vec<Port>,
    #[serde(default)]
    outputs: Vec<Port>,
}

#[derive(Debug, Deserialize)]
struct Port {
    resource: Option<Resource>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(rename = "ref")]
    reference: Option<String>,
}

impl Port {
    fn reference(&self) -> Option<&str> {
        self.resource.as_ref()?.reference.as_deref()
    }
}

fn cyclonedx(document: CycloneDx) -> Bill {
    let patches = patches(&document.formulation);
    let paths = Paths::from(&document);
    let package = |component: &Component| {
        let version = component.version.as_deref()?;
        let mut package = Package::new(&component.name, version);
        let origin = component.properties.iter().find(|property| property.name == "wiz:origin");
        if let Some(origin) =
            origin.map(|property| property.value.as_str()).or_else(|| upstream(component.purl.as_deref()?))
        {
            origin.clone_into(&mut package.origin);
        }
        package.purl.clone_from(&component.purl);
        package.product = component.cpe.as_deref().and_then(product);
        package.patches = patches.get(&component.reference).cloned().unwrap_or_default();
        package.path = paths.to(&component.reference);
        Some(package)
    };
    let packages = document.components.iter().filter_map(package).collect();
    Bill { subject: document.metadata.component.name.clone(), packages }
}

/// The package something was split from, as its package URL says.
fn upstream(purl: &str) -> Option<&str> {
    let qualifiers = purl.split_once('?')?.1;
    qualifiers
        .split('&')
        .find_map(|pair| pair.strip_prefix("upstream=").or_else(|| pair.strip_prefix("origin=")))
}

/// `zlib` of `cpe:2.3:a:zlib:zlib:1.3.1:...`.
fn product(cpe: &str) -> Option<String> {
    let product = cpe.split(':').nth(4)?;
    (!product.is_empty() && product != "*").then(|| product.to_ascii_lowercase())
}

/// Patches by the component that was built with them.
fn patches(formulation: &[Formula]) -> BTreeMap<String, Vec<Patch>> {
    let mut patches: BTreeMap<String, Vec<Patch>> = BTreeMap::new();
    for formula in formulation {
        let known: BTreeMap<&str, &Component> =
            formula.components.iter().map(|component| (component.reference.as_str(), component)).collect();
        for workflow in &formula.workflows {
            let is_patch = |port: &&Port| {
                port.properties
                    .iter()
                    .any(|property| property.name == "wiz:role" && property.value == "patch")
            };
            let applied =
                workflow.inputs.iter().filter(is_patch).filter_map(|port| known.get(port.reference()?)).map(
                    |component| Patch {
                        name: component.name.clone(),
                        sha256: component
                            .hashes
                            .iter()
                            .find(|hash| hash.alg == "SHA-256")
                            .map(|hash| hash.content.clone()),
                    },
                );
            let applied: Vec<Patch> = applied.collect();
            for output in workflow.outputs.iter().filter_map(Port::reference) {
                patches.entry(output.to_owned()).or_default().extend(applied.iter().cloned());
            }
        }
    }
    patches
}

/// The shortest ways from a document's subject to its components.
struct Paths<'a> {
    names: BTreeMap<&'a str, &'a str>,
    from: BTreeMap<&'a str, &'a str>,
}

impl<'a> Paths<'a> {
    fn from(document: &'a CycloneDx) -> Self {
        let root = &document.metadata.component;
        let components = std::iter::once(root).chain(&document.components);
        let names =
            components.map(|component| (component.reference.as_str(), component.name.as_str())).collect();
        let below: BTreeMap<&str, &[String]> = document
            .dependencies
            .iter()
            .map(|dependency| (dependency.reference.as_str(), dependency.depends_on.as_slice()))
            .collect();
        let mut from = BTreeMap::new();
        let mut seen = BTreeSet::from([root.reference.as_str()]);
        let mut queue = VecDeque::from([root.reference.as_str()]);
        while let Some(reference) = queue.pop_front() {
            for next in below.get(reference).copied().unwrap_or_default() {
                if seen.insert(next) {
                    from.insert(next.as_str(), reference);
                    queue.push_back(next);
                }
            }
        }
        Self { names, from }
    }

    fn to(&self, reference: &str) -> Vec<String> {
        let name = |reference: &str| self.names.get(reference).copied().unwrap_or(reference).to_owned();
        let mut path = vec![name(reference)];
        let mut at = reference;
        while let Some(before) = self.from.get(at) {
            path.push(name(before));
            at = before;
        }
        path.reverse();
        path
    }
}

fn spdx(name: &str, document: &Value) -> Bill {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let package = |value: &Value| {
        let references = value["externalRefs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let locator = |kind: &str| {
            let reference = references.iter().find(|reference| reference["referenceType"] == kind)?;
            text(&reference["referenceLocator"])
        };
        let purl = locator("purl").filter(|purl| purl.starts_with("pkg:apk/"))?;
        let mut package = Package::new(value["name"].as_str()?, value["versionInfo"].as_str()?);
        if let Some(origin) = upstream(&purl) {
            origin.clone_into(&mut package.origin);
        }
        package.product = locator("cpe23Type").as_deref().and_then(product);
        package.purl = Some(purl);
        Some(package)
    };
    let packages = document["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    Bill {
        subject: text(&document["name"]).unwrap_or_else(|| name.to_owned()),
        packages: packages.iter().filter_map(package).collect(),
    }
}
