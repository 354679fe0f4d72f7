//! What packages and images were made from, as an in-toto statement with a SLSA predicate: the
//! part that follows from the graph. Who ran the build, when, and at which revision is added by
//! whoever vouches for it. Unaware of keys and signatures.
//!
//! Source: in-toto Statement v1; SLSA provenance v1.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use wiz_oci::Sha256Digest;

use super::bill::{Archive, manifest_digest};
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::record::PackageRecord;
use super::solve::Solution;
use super::{NativeError, NativeJob, NativeOutput};

/// Says how the parameters and dependencies of a statement are to be read:
/// `docs/formats/provenance.md`.
const BUILD_TYPE: &str = "urn:x-wiz:build:v1";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceParams {
    /// The target.
    label: String,
    /// The platform it was built for.
    platform: String,
    /// Files that were made.
    #[serde(default)]
    files: Vec<Named>,
    /// An image that was made, as a layout.
    #[serde(default)]
    image: Option<Named>,
    /// Packages it was made from or with.
    #[serde(default)]
    packages: Vec<Packed>,
    /// Which of the packages those are; all without it.
    #[serde(default)]
    solution: Option<Input>,
    /// Fetched sources.
    #[serde(default)]
    archives: Vec<Archive>,
    /// Patches and other files of the definition.
    #[serde(default)]
    sources: Vec<Input>,
    /// Pinned binaries of the toolchain.
    #[serde(default)]
    components: Vec<Component>,
    document: Output,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    file: Input,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    record: Input,
    package: Input,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    name: String,
    version: String,
    sha256: String,
}

/// Carries out a `provenance` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: ProvenanceParams = params::parse(job)?;
    let mut subjects = Vec::new();
    for Named { name, file } in &params.files {
        subjects.push(json!({"name": name, "digest": {"sha256": sha256(job, file)?}}));
    }
    if let Some(Named { name, file }) = &params.image {
        subjects.push(json!({"name": name, "digest": {"sha256": manifest_digest(job, file)?}}));
    }
    let dependencies: Vec<Value> = dependencies(job, &params)?.into_values().collect();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"label": params.label, "platform": params.platform},
                "internalParameters": {},
                "resolvedDependencies": dependencies,
            },
        },
    });
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.document, &statement)?;
    outputs.finish(String::new())
}

/// Everything it was made from and with, each once, by URI and digest.
fn dependencies(
    job: &NativeJob<'_>,
    params: &ProvenanceParams,
) -> Result<BTreeMap<(String, String), Value>, NativeError> {
    let mut all = BTreeMap::new();
    let mut add = |uri: String, name: &str, sha256: String| {
        let value = json!({"uri": uri, "name": name, "digest": {"sha256": sha256}});
        all.insert((uri, sha256), value);
    };
    let solution: Option<Solution> =
        params.solution.as_ref().map(|solution| solution.json(job)).transpose()?;
    for Packed { record, package } in &params.packages {
        let record: PackageRecord = record.json(job)?;
        let is_chosen =
            |solution: &Solution| solution.packages.iter().any(|chosen| chosen.name == record.name);
        if solution.as_ref().is_none_or(is_chosen) {
            let uri = format!("pkg:apk/{}@{}", record.name, record.version);
            add(uri, &record.name, sha256(job, package)?);
        }
    }
    for Archive { name, urls, sha256 } in &params.archives {
        add(urls.first().cloned().unwrap_or_default(), name, sha256.clone());
    }
    for source in &params.sources {
        let name = source.name(job);
        add(format!("file:{name}"), name, sha256(job, source)?);
    }
    for Component { name, version, sha256 } in &params.components {
        add(format!("pkg:deb/debian/{name}@{version}"), name, sha256.clone());
    }
    Ok(all)
}

/// The SHA-256 of a file, as hexadecimal digits.
fn sha256(job: &NativeJob<'_>, file: &Input) -> Result<String, NativeError> {
    let malformed = |error: std::io::Error| NativeError::Malformed {
        name: file.name(job).to_owned(),
        message: error.to_string(),
    };
    Sha256Digest::read(&mut file.open(job)?).map(|digest| digest.hex()).map_err(malformed)
}

#[cfg(test)]
mod tests;
