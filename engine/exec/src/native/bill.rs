//! An image's bill of materials, derived from the records of the packages it was made of:
//! the packers `spdx`, `spdx3` and `cyclonedx` differ in what they write only.
//!
//! Nothing is scanned: files are those the image's assembly listed, sources and patches
//! those the packages were built from. Unaware of how documents are spelled, which is the
//! sbom crate's.

use std::collections::BTreeMap;

use serde::Deserialize;
use wiz_base::RelPath;
use wiz_base::digest::parse_hash;
use wiz_graph::native::NativeKind;
use wiz_sbom::purl::ApkName;
use wiz_sbom::{
    Component, ComponentId, Cpe, Document, Facts, FileDigests, FileRecord, Licence, LicenceRef, Party, Purl,
    Purpose, Relation, cyclonedx, spdx2, spdx3,
};

use super::image::{Contents, ContentsFile};
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::record::{FileKind, PackageRecord};
use super::solve::Solution;
use super::{NativeError, NativeJob, NativeOutput};

mod dependencies;
mod error;
mod os_release;
#[cfg(test)]
mod tests;

pub use error::BillError;
use os_release::OsRelease;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BillParams {
    /// Name of the image.
    name: String,
    image: Input,
    contents: Input,
    solution: Input,
    packages: Vec<PackageEvidence>,
    /// Texts of licences that are not on the SPDX list, by `LicenseRef-` name.
    #[serde(default)]
    license_texts: BTreeMap<String, String>,
    #[serde(default)]
    note: String,
    /// Whether it is said which package needs which.
    #[serde(default)]
    dependencies: bool,
    document: Output,
}

/// A package that may be in the image, and what it was built from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageEvidence {
    record: Input,
    archives: Vec<Archive>,
    patches: Vec<Input>,
    /// The product's name without a version, such as `cpe:2.3:a:gnu:glibc`.
    #[serde(default)]
    cpe: String,
}

/// A fetched source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Archive {
    pub(super) name: String,
    pub(super) urls: Vec<String>,
    pub(super) sha256: String,
}

/// Carries out an action of one of the three kinds.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: BillParams = params::parse(job)?;
    let contents: Contents = params.contents.json(job)?;
    let solution: Solution = params.solution.json(job)?;
    let release = OsRelease::of(job, &contents)?;
    let mut given = BTreeMap::new();
    for evidence in &params.packages {
        let record: PackageRecord = evidence.record.json(job)?;
        given.insert(record.name.clone(), (record, evidence));
    }
    let mut chosen = Vec::new();
    for package in &solution.packages {
        let not_given = || BillError::NotGiven { package: package.name.clone() };
        chosen.push(given.get(&package.name).ok_or_else(not_given)?);
    }
    let newest = chosen.iter().map(|(record, _)| record.build_time).max().unwrap_or_default();
    let mut bill = Bill { document: document(job, &params, &contents, &release, newest)?, release };
    for (record, evidence) in &chosen {
        bill.package(job, record, evidence, &contents.files)?;
    }
    if params.dependencies {
        let records: Vec<&PackageRecord> = chosen.iter().map(|(record, _)| record).collect();
        for (from, to) in dependencies::between(&records)? {
            bill.relate(&package_id(from), Relation::DependsOn, &package_id(to))?;
        }
    }
    let write = match job.kind {
        NativeKind::Spdx3 => spdx3::write,
        NativeKind::CycloneDx => cyclonedx::write,
        _ => spdx2::write,
    };
    let mut outputs = Outputs::new(job.store);
    outputs.bytes(&params.document, &write(&bill.document))?;
    outputs.finish(String::new())
}

/// The document with the image as its subject; the image's own files are those that were
/// made for it.
fn document(
    job: &NativeJob<'_>,
    params: &BillParams,
    contents: &Contents,
    release: &OsRelease,
    newest: u64,
) -> Result<Document, NativeError> {
    let manifest = manifest_digest(job, &params.image)?;
    let mut texts = BTreeMap::new();
    for (name, text) in &params.license_texts {
        texts.insert(LicenceRef::parse(name).map_err(BillError::from)?, text.clone());
    }
    let facts = Facts {
        name: params.name.clone(),
        // The convention of SPDX 2.3, section 6.5: unique, and no promise that anything is there.
        namespace: format!("https://spdx.org/spdxdocs/{}-{manifest}", params.name),
        created: newest,
        author: Party::organization(&release.name),
        tool: format!("wiz-{}-{}", job.kind.name(), job.kind.version()),
        note: (!params.note.is_empty()).then(|| params.note.clone()),
    };
    let mut subject = Component::new(Purpose::Image, &params.name);
    subject.version = Some(format!("sha256:{manifest}"));
    subject.supplier = Some(Party::organization(&release.name));
    subject.sha256 = parse_hash(&manifest).ok();
    subject.files = files(contents.files.iter().filter(|file| file.package.is_none()))?;
    Ok(Document::new(facts, texts, image_id(), subject).map_err(BillError::from)?)
}

fn image_id() -> ComponentId {
    ComponentId::new("image")
}

fn package_id(name: &str) -> ComponentId {
    ComponentId::new(&format!("package-{name}"))
}

/// The SHA-256 of the one manifest that a layout's index names.
pub(super) fn manifest_digest(job: &NativeJob<'_>, image: &Input) -> Result<String, NativeError> {
    let malformed = |message: String| NativeError::Malformed { name: image.name(job).to_owned(), message };
    let path = RelPath::new("index.json").expect("a file name is a path");
    let node = job.store.subtree(&image.folder(job)?, &path)?;
    let Some(wiz_base::Node::File { digest, .. }) = node else {
        return Err(malformed("it has no `index.json`".to_owned()));
    };
    let index: serde_json::Value =
        serde_json::from_slice(&job.store.read(&digest)?).map_err(|error| malformed(error.to_string()))?;
    let manifest = index["manifests"][0]["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    manifest.map(str::to_owned).ok_or_else(|| malformed("its index names no manifest".to_owned()))
}

/// Regular files with both hashes.
fn files<'a>(listed: impl Iterator<Item = &'a ContentsFile>) -> Result<Vec<FileRecord>, BillError> {
    let mut files = Vec::new();
    for ContentsFile { file, .. } in listed.filter(|file| file.file.kind == FileKind::File) {
        let missing = || BillError::NoHash { path: file.path.clone() };
        let mut sha1 = [0; wiz_sbom::component::SHA1_LEN];
        let text = file.sha1.as_deref().ok_or_else(missing)?;
        hex::decode_to_slice(text, &mut sha1).map_err(|_| missing())?;
        let sha256 = file.sha256.as_deref().and_then(|text| parse_hash(text).ok()).ok_or_else(missing)?;
        files.push(FileRecord { path: file.path.clone(), digests: FileDigests { sha1, sha256 } });
    }
    Ok(files)
}

/// A version without the release.
fn upstream_version(record: &PackageRecord) -> &str {
    record.version.rsplit_once("-r").map_or(&record.version, |(upstream, _)| upstream)
}

/// A document being filled.
struct Bill {
    document: Document,
    release: OsRelease,
}

impl Bill {
    /// Adds a package of the image with its files and everything it was built from.
    fn package(
        &mut self,
        job: &NativeJob<'_>,
        record: &PackageRecord,
        evidence: &PackageEvidence,
        listed: &[ContentsFile],
    ) -> Result<(), NativeError> {
        let id = package_id(&record.name);
        let mut component = Component::new(Purpose::Package, &record.name);
        component.version = Some(record.version.clone());
        component.summary = Some(record.facts.summary.clone());
        component.origin = Some(record.facts.origin.clone());
        component.licence = Some(Licence::parse(&record.facts.license).map_err(BillError::from)?);
        component.supplier = Some(Party::organization(&self.release.name));
        component.purl = Some(Purl::apk(ApkName {
            distribution: &self.release.id,
            distribution_version: &self.release.version,
            name: &record.name,
            version: &record.version,
            architecture: &record.arch,
            origin: &record.facts.origin,
        }));
        if !evidence.cpe.is_empty() {
            let cpe = Cpe::new(&evidence.cpe, upstream_version(record)).map_err(BillError::from)?;
            component.cpe = Some(cpe);
        }
        component.homepage = Some(record.facts.url.clone()).filter(|url| !url.is_empty());
        component.files = files(listed.iter().filter(|file| file.package.as_ref() == Some(&record.name)))?;
        self.document.add(id.clone(), component).map_err(BillError::from)?;
        self.relate(&image_id(), Relation::Contains, &id)?;
        for archive in &evidence.archives {
            self.archive(&id, record, archive)?;
        }
        for patch in &evidence.patches {
            self.patch(job, &id, record, patch)?;
        }
        Ok(())
    }

    fn archive(
        &mut self,
        package: &ComponentId,
        record: &PackageRecord,
        archive: &Archive,
    ) -> Result<(), BillError> {
        let hash = parse_hash(&archive.sha256).map_err(|_| BillError::ArchiveHash {
            archive: archive.name.clone(),
            hash: archive.sha256.clone(),
        })?;
        let upstream = upstream_version(record);
        // A scheme such as `debian:` is this engine's own: nobody else can follow it.
        let locations =
            archive.urls.iter().filter(|url| url.starts_with("https:") || url.starts_with("http:"));
        let id = ComponentId::new(&format!("source-{}", archive.name));
        let mut component = Component::new(Purpose::Source, &archive.name);
        component.version = Some(upstream.to_owned());
        component.locations = locations.cloned().collect();
        component.sha256 = Some(hash);
        let first = component.locations.first().map(String::as_str);
        component.purl = Some(Purl::archive(&record.facts.origin, upstream, first, &hash));
        self.document.add(id.clone(), component)?;
        self.relate(package, Relation::GeneratedFrom, &id)
    }

    fn patch(
        &mut self,
        job: &NativeJob<'_>,
        package: &ComponentId,
        record: &PackageRecord,
        patch: &Input,
    ) -> Result<(), NativeError> {
        let name = patch.name(job).rsplit('/').next().unwrap_or_default().to_owned();
        let digests = FileDigests::read(patch.open(job)?).map_err(|source| BillError::Read { source })?;
        let id = ComponentId::new(&format!("patch-{}-{name}", record.facts.origin));
        let mut component = Component::new(Purpose::Patch, &name);
        component.supplier = Some(Party::organization(&self.release.name));
        component.sha1 = Some(digests.sha1);
        component.sha256 = Some(digests.sha256);
        self.document.add(id.clone(), component).map_err(BillError::from)?;
        Ok(self.relate(&id, Relation::PatchApplied, package)?)
    }

    fn relate(&mut self, from: &ComponentId, relation: Relation, to: &ComponentId) -> Result<(), BillError> {
        Ok(self.document.relate(from, relation, to, None)?)
    }
}
