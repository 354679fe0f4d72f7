//! Unpacking archives to a tree: tar in any usual compression, zip, deb.
//!
//! Archives come from outside, so nothing about them is trusted: names are placed
//! by [`placement`], which keeps them inside; sizes are bounded by [`limits`];
//! devices and pipes are refused; set-id bits are dropped and reported. Bytes go
//! from the decompressor straight into blobs. Unaware of where archives come from.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{Store, TreeBuilder};

use self::extraction::{Extraction, Unpacked, archive_error, refused};
use self::limits::Limits;
use self::placement::Placement;
use self::selection::Selection;
use self::stream::{Magic, ReadAhead};
use self::tar::TarStream;
use super::file_globs::FileGlobs;
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::root_form::Capture;
use super::tree::TreeFile;
use super::{NativeError, NativeJob, NativeOutput};

mod deb;
mod error;
mod extraction;
mod limits;
mod placement;
mod selection;
mod stream;
mod tar;
mod zip;

pub use error::{ArchiveProblem, EntryProblem, UnpackError};

/// `SOURCE_DATE_EPOCH` of sources without times, and the earliest that is given:
/// zip files know none before 1980.
const EARLIEST_EPOCH: u64 = 315_532_800;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnpackParams {
    #[serde(default)]
    archives: Vec<ArchiveParams>,
    #[serde(default)]
    files: Vec<TreeFile>,
    #[serde(default)]
    links: BTreeMap<RelPath, String>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    capture: Capture,
    #[serde(default)]
    max_bytes: Option<u64>,
    #[serde(default)]
    max_entries: Option<u64>,
    #[serde(default)]
    epoch_value: Option<u64>,
    tree: Output,
    #[serde(default)]
    epoch: Option<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveParams {
    archive: Input,
    #[serde(default)]
    strip: usize,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    into: RelPathOrRoot,
}

/// A path that may be left out or empty.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct RelPathOrRoot(RelPath);

impl Default for RelPathOrRoot {
    fn default() -> Self {
        Self(RelPath::root())
    }
}

/// Carries out an `unpack` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: UnpackParams = params::parse(job)?;
    let without = FileGlobs::new(&params.without)?;
    let mut limits = Limits::new(params.max_bytes, params.max_entries);
    let mut unpacked = Unpacked {
        placement: Placement::new(params.capture),
        newest: 0,
        levelled: Vec::new(),
        entries: 0,
        names: params.archives.iter().map(|archive| archive.archive.name(job).to_owned()).collect(),
    };
    for (index, archive) in params.archives.iter().enumerate() {
        let only = FileGlobs::new(&archive.only)?;
        let selection = Selection::new(archive.strip, only, &without, archive.into.0.clone());
        unpack_archive(job, archive, index, selection, &mut limits, &mut unpacked)?;
    }
    unpacked.names.push("what the definition adds".to_owned());
    add_declared(job, &params, &mut unpacked)?;
    let mut outputs = Outputs::new(job.store);
    if let Some(output) = &params.epoch {
        let epoch = params.epoch_value.unwrap_or_else(|| unpacked.newest.max(EARLIEST_EPOCH));
        outputs.bytes(output, format!("{epoch}\n").as_bytes())?;
    }
    let log = unpacked.log();
    outputs.tree(&params.tree, build(job.store, unpacked.placement)?)?;
    outputs.finish(log)
}

/// Files and links of the definition, which may not replace what archives have.
fn add_declared(
    job: &NativeJob<'_>,
    params: &UnpackParams,
    unpacked: &mut Unpacked,
) -> Result<(), NativeError> {
    let index = params.archives.len();
    for file in &params.files {
        for (path, node) in file.nodes(job)? {
            let placed = match node {
                None => unpacked.placement.folder(index, &path),
                Some(Node::Symlink(target)) => unpacked.placement.link(index, &path, &target),
                Some(file) => unpacked.placement.file(index, &path, file),
            };
            placed.map_err(|refusal| refused(&unpacked.names, index, path.as_str().as_bytes(), refusal))?;
        }
    }
    for (path, target) in &params.links {
        let placed = unpacked.placement.link(index, path, target);
        placed.map_err(|refusal| refused(&unpacked.names, index, path.as_str().as_bytes(), refusal))?;
    }
    Ok(())
}

fn build(store: &Store, placement: Placement) -> Result<Digest, NativeError> {
    let mut builder = TreeBuilder::new();
    for (path, node) in placement.into_nodes() {
        match node {
            None => builder.directory(store, &path)?,
            Some(node) => builder.insert(store, &path, node)?,
        }
    }
    Ok(builder.build(store)?)
}

fn unpack_archive(
    job: &NativeJob<'_>,
    archive: &ArchiveParams,
    index: usize,
    selection: Selection<'_>,
    limits: &mut Limits,
    unpacked: &mut Unpacked,
) -> Result<(), NativeError> {
    let problem = |problem| archive_error(archive.archive.name(job), problem);
    let damaged = |error| problem(ArchiveProblem::Damaged(error));
    let mut file = archive.archive.open(job)?;
    let mut compressed = archive.archive.file(job)?.size();
    let mut magic = Magic::of_file(&mut file).map_err(damaged)?;
    let mut extraction = Extraction { job, index, selection, share: limits.share(compressed), unpacked };
    if magic == Magic::Zip {
        extraction.zip(zip::open(file).map_err(problem)?)?;
        return extraction.selection.finish().map_err(problem);
    }
    let source: Box<dyn Read + Send> = if magic == Magic::Ar {
        compressed = deb::seek_data(&mut file).map_err(problem)?;
        let (head, data) = stream::peek(file.take(compressed)).map_err(damaged)?;
        magic = Magic::of(&head);
        Box::new(data)
    } else {
        Box::new(file)
    };
    let decoded = stream::decoded(magic, source).map_err(damaged)?;
    let (head, decoded) = stream::peek(decoded).map_err(damaged)?;
    if Magic::of(&head) != Magic::Tar {
        return Err(problem(ArchiveProblem::Format));
    }
    let ahead = ReadAhead::new(Box::new(decoded)).map_err(damaged)?;
    extraction.tar(TarStream::new(ahead))?;
    extraction.selection.finish().map_err(problem)
}

#[cfg(test)]
mod tests;
