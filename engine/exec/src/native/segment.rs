//! A package to its segment: its files and links as one compressed piece of a layer.
//!
//! Folders are not in it: a layer lists them once for all its segments. Unaware of
//! which image the segment ends up in.

use std::io::BufReader;

use serde::Deserialize;
use wiz_apk::package::PackageError;
use wiz_apk::{Entry, Kind, PackageReader};
use wiz_base::RelPath;
use wiz_cas::Transfer;
use wiz_oci::SegmentWriter;
use wiz_oci::tar::{self, Metadata};

use super::outputs::Outputs;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{PackageRecord, parse};
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentParams {
    package: Input,
    record: Input,
    segment: Output,
    info: Output,
}

/// Carries out a `segment` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: SegmentParams = params::parse(job)?;
    let record: PackageRecord = params.record.json(job)?;
    let failed = PackError::io("the segment");
    let output = tempfile::NamedTempFile::new_in(job.scratch).map_err(&failed)?;
    let mut writer = SegmentWriter::new(output.as_file());
    read_package(job, &params.package, &record, &mut |entry, content| {
        if entry.kind == Kind::Directory {
            return Ok(());
        }
        let entry = tar_entry(entry, record.build_time)?;
        Ok(writer.append(&entry, content).map_err(PackError::from)?)
    })?;
    let (info, _) = writer.finish().map_err(&failed)?;
    let mut outputs = Outputs::new(job.store);
    outputs.file(&params.segment, job.store.put_file(output.path(), Transfer::Keep)?)?;
    outputs.json(&params.info, &info)?;
    outputs.finish(String::new())
}

/// What is called with each entry of a package and its content.
pub(super) type Visit<'a> = dyn FnMut(&Entry, &mut dyn std::io::Read) -> Result<(), NativeError> + 'a;

/// Reads a package to its end, checking it against its record and its own hashes.
pub(super) fn read_package(
    job: &NativeJob<'_>,
    package: &Input,
    record: &PackageRecord,
    visit: &mut Visit<'_>,
) -> Result<(), NativeError> {
    let unreadable = |source| PackError::Package { package: record.display_name(), source };
    let reader = PackageReader::open(BufReader::new(package.open(job)?)).map_err(unreadable)?;
    if reader.control().identity().to_string() != record.identity {
        return Err(PackError::Other { package: record.display_name() }.into());
    }
    let read = reader.read_data::<Failure>(&mut |entry, content| {
        if (job.cancelled)() {
            return Err(Failure::Visit(NativeError::Cancelled));
        }
        visit(entry, content).map_err(Failure::Visit)
    });
    read.map(|_| ()).map_err(|failure| match failure {
        Failure::Visit(error) => error,
        Failure::Package(source) => unreadable(source).into(),
    })
}

/// What reading a package ends with: its own failure or that of what is done with it.
enum Failure {
    Visit(NativeError),
    Package(PackageError),
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        Self::Package(error)
    }
}

/// A package's entry as a layer has it.
pub(super) fn tar_entry(entry: &Entry, mtime: u64) -> Result<tar::Entry, PackError> {
    let path = |text: &str| parse::<RelPath>("path", text);
    let kind = match &entry.kind {
        Kind::File { size } => tar::Kind::File { size: *size },
        Kind::Directory => tar::Kind::Directory,
        Kind::Symlink { target } => tar::Kind::Symlink { target: target.clone() },
        Kind::HardLink { target } => tar::Kind::HardLink { target: path(target)? },
    };
    let metadata = Metadata {
        mode: entry.mode,
        uid: entry.owner.uid,
        gid: entry.owner.gid,
        mtime,
        xattrs: entry.xattrs.clone(),
    };
    Ok(tar::Entry { path: path(&entry.path)?, kind, metadata })
}

#[cfg(test)]
mod tests;
