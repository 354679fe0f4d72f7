//! Packages to an unsigned repository: the packages under their names in it, and
//! their index. Unaware of keys: signatures are put in front of these bytes.

use std::collections::BTreeMap;

use serde::Deserialize;
use wiz_apk::Record;
use wiz_apk::index::archive;
use wiz_base::{Node, RelPath};
use wiz_cas::TreeBuilder;

use super::outputs::Outputs;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{PackageRecord, parse};
use super::{NativeError, NativeJob, NativeOutput};

/// The index before it is signed.
const UNSIGNED: &str = "APKINDEX.unsigned.tar.gz";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexParams {
    packages: Vec<PackageFiles>,
    arch: String,
    #[serde(default)]
    description: String,
    tree: Output,
}

/// A package and its record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageFiles {
    pub(super) package: Input,
    pub(super) record: Input,
}

/// Carries out an `index` action. The index is as old as the newest package.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: IndexParams = params::parse(job)?;
    let folder: RelPath = parse("arch", &params.arch)?;
    let mut builder = TreeBuilder::new();
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut newest = 0;
    for files in &params.packages {
        let record: PackageRecord = files.record.json(job)?;
        let index_record = record.index_record()?;
        newest = newest.max(record.build_time);
        let file_name: RelPath = parse("name", &index_record.file_name())?;
        if records.insert(record.display_name(), index_record).is_some() {
            return Err(PackError::Twice { package: record.display_name() }.into());
        }
        let node = Node::File { digest: files.package.file(job)?, executable: false };
        builder.insert(job.store, &folder.join(&file_name), node)?;
    }
    let records: Vec<Record> = records.into_values().collect();
    let index = archive::write(&records, &params.description, newest).map_err(PackError::from)?;
    let digest = job.store.put_bytes(&index)?;
    let path: RelPath = parse("index", UNSIGNED)?;
    builder.insert(job.store, &folder.join(&path), Node::File { digest, executable: false })?;
    let mut outputs = Outputs::new(job.store);
    outputs.tree(&params.tree, builder.build(job.store)?)?;
    outputs.finish(String::new())
}

#[cfg(test)]
mod tests;
