//! A tree to an unsigned apk package and its record.
//!
//! What the tree cannot say (owners, odd modes, capabilities, empty folders) comes
//! from the definition. Unaware of signatures and of what else is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};

use serde::Deserialize;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use wiz_apk::package::PackageError;
use wiz_apk::package::writer::WrittenPackage;
use wiz_apk::{PkgInfo, write_package};
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::Transfer;
use wiz_install::Effects;

use super::attributes::{Account, Attributes};
use super::outputs::Outputs;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{Facts, FileKind, FileRecord, PackageRecord, parse};
use super::scan::Found;
use super::{NativeError, NativeJob, NativeOutput};

/// How many bytes are hashed at a time.
const CHUNK: usize = 128 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApkParams {
    tree: Input,
    found: Input,
    info: Info,
    /// Seconds since 1970, as text.
    epoch: String,
    #[serde(default)]
    files: BTreeMap<RelPath, Attributes>,
    #[serde(default)]
    directories: BTreeMap<RelPath, Attributes>,
    #[serde(default)]
    effects: Effects,
    package: Output,
    record: Output,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    name: String,
    version: String,
    arch: String,
    #[serde(flatten)]
    facts: Facts,
}

/// Carries out an `apk` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: ApkParams = params::parse(job)?;
    let epoch: u64 = parse("epoch", params.epoch.trim())?;
    let found: Found = params.found.json(job)?;
    let facts = facts(&params.info.facts, &found);
    let Info { name, version, arch, .. } = &params.info;
    let info = facts.info(name, version, arch)?;
    let files = files(job, &params, &info)?;
    let (package, written) = write(job, &info, epoch, &files)?;
    let record = PackageRecord {
        name: name.clone(),
        version: version.clone(),
        arch: arch.clone(),
        identity: written.control.identity().to_string(),
        size: written.size(),
        installed_size: written.data.installed_size,
        facts,
        build_time: epoch,
        effects: params.effects.clone(),
        files,
    };
    let mut outputs = Outputs::new(job.store);
    outputs.file(&params.package, package)?;
    outputs.json(&params.record, &record)?;
    outputs.finish(String::new())
}

/// What the definition says and what was found, ordered and each once.
fn facts(declared: &Facts, found: &Found) -> Facts {
    let joined = |declared: &[String], found: &BTreeSet<String>| -> Vec<String> {
        declared.iter().chain(found).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    Facts {
        depends: joined(&declared.depends, &found.depends),
        provides: joined(&declared.provides, &found.provides),
        ..declared.clone()
    }
}

/// Everything in the package, sorted by path.
fn files(job: &NativeJob<'_>, params: &ApkParams, info: &PkgInfo) -> Result<Vec<FileRecord>, NativeError> {
    let mut files = BTreeMap::new();
    for entry in job.store.walk(&params.tree.folder(job)?) {
        if (job.cancelled)() {
            return Err(NativeError::Cancelled);
        }
        let (path, node) = entry?;
        files.insert(path.as_str().to_owned(), file(job, &path, &node)?);
    }
    add_effects(job, params, info, &mut files)?;
    for (path, attributes) in &params.directories {
        attributes.apply(folder(&mut files, path)?, &params.effects)?;
    }
    for (path, attributes) in &params.files {
        attributes.apply(regular(&mut files, path)?, &params.effects)?;
    }
    Ok(files.into_values().collect())
}

fn file(job: &NativeJob<'_>, path: &RelPath, node: &Node) -> Result<FileRecord, NativeError> {
    Ok(match node {
        Node::Directory(_) => FileRecord::new(path, FileKind::Directory, 0o755),
        Node::Symlink(target) => FileRecord::symlink(path, target),
        Node::File { digest, executable } => {
            let (sha1, sha256) = hashes(job.store.open_verified(digest)?)?;
            FileRecord {
                size: digest.size(),
                sha1: Some(sha1),
                sha256: Some(sha256),
                digest: Some(*digest),
                ..FileRecord::new(path, FileKind::File, if *executable { 0o755 } else { 0o644 })
            }
        }
    })
}

/// SHA-1 and SHA-256 in hexadecimal digits.
fn hashes(mut file: File) -> Result<(String, String), PackError> {
    let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok((hex::encode(sha1.finalize()), hex::encode(sha256.finalize()))),
            Ok(length) => {
                sha1.update(&chunk[..length]);
                sha256.update(&chunk[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(PackError::io("a file of the package")(error)),
        }
    }
}

/// What declared effects add: their own file, folders, and capabilities of files.
fn add_effects(
    job: &NativeJob<'_>,
    params: &ApkParams,
    info: &PkgInfo,
    files: &mut BTreeMap<String, FileRecord>,
) -> Result<(), NativeError> {
    let effects = &params.effects;
    if effects.is_empty() {
        return Ok(());
    }
    let invalid = |source| PackError::Effects { package: info.name.to_string(), source };
    let text = effects.to_json().map_err(invalid)?;
    let path: RelPath = parse("effects", &Effects::path(&info.name))?;
    let digest = job.store.put_bytes(text.as_bytes())?;
    if let Some(parent) = path.parent() {
        folder(files, &parent)?;
    }
    files.insert(path.as_str().to_owned(), file(job, &path, &Node::File { digest, executable: false })?);
    for declared in &effects.directories {
        let attributes = Attributes {
            mode: Some(format!("{:o}", declared.mode)),
            owner: Some(Account::Name(declared.owner.clone())),
            group: Some(Account::Name(declared.group.clone())),
            capabilities: Vec::new(),
        };
        attributes.apply(folder(files, &parse("effects", &declared.path)?)?, effects)?;
    }
    for declared in &effects.capabilities {
        let record = regular(files, &parse("effects", &declared.path)?)?;
        record.capabilities.clone_from(&declared.capabilities);
    }
    Ok(())
}

/// The regular file at `path`.
fn regular<'a>(
    files: &'a mut BTreeMap<String, FileRecord>,
    path: &RelPath,
) -> Result<&'a mut FileRecord, PackError> {
    let record = files.get_mut(path.as_str()).filter(|record| record.kind == FileKind::File);
    record.ok_or_else(|| PackError::NoFile { path: path.clone() })
}

/// The folder at `path`, made with those above it where it is missing.
fn folder<'a>(
    files: &'a mut BTreeMap<String, FileRecord>,
    path: &RelPath,
) -> Result<&'a mut FileRecord, PackError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
        folder(files, &parent)?;
    }
    let record = files
        .entry(path.as_str().to_owned())
        .or_insert_with(|| FileRecord::new(path, FileKind::Directory, 0o755));
    if record.kind == FileKind::Directory {
        Ok(record)
    } else {
        Err(PackError::NoFolder { path: path.clone() })
    }
}

/// Writes the package and returns its blob.
fn write(
    job: &NativeJob<'_>,
    info: &PkgInfo,
    epoch: u64,
    files: &[FileRecord],
) -> Result<(Digest, WrittenPackage), NativeError> {
    let failed = PackError::io("the package");
    let scratch = tempfile::tempfile_in(job.scratch).map_err(&failed)?;
    let mut output = tempfile::NamedTempFile::new_in(job.scratch).map_err(&failed)?;
    // What a reader of the store fails with does not fit through the package writer.
    let mut stopped: Option<NativeError> = None;
    let written = write_package(info, epoch, scratch, output.as_file_mut(), |data| {
        for file in files {
            let (entry, mut content) = opened(job, file).map_err(|error| {
                stopped = Some(error);
                PackageError::Write(io::Error::other("the package is given up"))
            })?;
            data.append(&entry, &mut content)?;
        }
        Ok(())
    });
    let written = written.map_err(|source| {
        stopped.unwrap_or_else(|| PackError::Package { package: info.name.to_string(), source }.into())
    })?;
    Ok((job.store.put_file(output.path(), Transfer::Keep)?, written))
}

/// A file's entry and its content, empty for all else.
fn opened(job: &NativeJob<'_>, file: &FileRecord) -> Result<(wiz_apk::Entry, Box<dyn Read>), NativeError> {
    if (job.cancelled)() {
        return Err(NativeError::Cancelled);
    }
    let content: Box<dyn Read> = match &file.digest {
        Some(digest) => Box::new(job.store.open_verified(digest)?),
        None => Box::new(io::empty()),
    };
    Ok((file.entry()?, content))
}

#[cfg(test)]
mod tests;
