//! Segments to an OCI layout: packages grouped to layers, a small layer on top, and
//! the list of everything in the image.
//!
//! Nothing of a package is compressed again. Unaware of registries and signatures.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{Transfer, TreeBuilder};
use wiz_oci::descriptor::Platform;
use wiz_oci::grouping::{self, Budget};
use wiz_oci::image::{Image, ImageLayer, Runtime};
use wiz_oci::layout::{self, Content};
use wiz_oci::tar::Metadata;
use wiz_oci::{LayerPlan, SegmentInfo, SegmentWriter, Sha256Digest};

use super::installation::{Installation, is_plain};
use super::outputs::Outputs;
use super::own::Own;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{FileKind, FileRecord, PackageRecord};
use super::root_files::{self, RootFile};
use super::segment::tar_entry;
use super::solve::Solution;
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageParams {
    packages: Vec<PackageSegment>,
    solution: Input,
    config: Config,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    arch: String,
    #[serde(default)]
    own: Own,
    layout: Output,
    contents: Output,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageSegment {
    segment: Input,
    info: Input,
    record: Input,
}

/// How a container is run; what is empty is left to the runtime.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    user: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    working_directory: String,
    ports: BTreeSet<String>,
    volumes: BTreeSet<String>,
    stop_signal: String,
    labels: BTreeMap<String, String>,
}

/// Everything in an image, sorted by path.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    pub(super) files: Vec<ContentsFile>,
}

/// A file, folder or link of an image.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ContentsFile {
    #[serde(flatten)]
    pub(super) file: FileRecord,
    /// The package it is from; nothing if it was made for the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) package: Option<String>,
}

/// The segments of the chosen packages, in the order of installation.
struct Segments<'a> {
    inputs: Vec<&'a Input>,
    infos: Vec<SegmentInfo>,
}

/// Layers, and where the store has them.
#[derive(Default)]
struct Layers {
    layers: Vec<ImageLayer>,
    blobs: BTreeMap<Sha256Digest, Digest>,
}

/// Carries out an `image` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: ImageParams = params::parse(job)?;
    let solution: Solution = params.solution.json(job)?;
    let given = params.packages.iter().map(|files| files.record.json(job)).collect::<Result<Vec<_>, _>>()?;
    let (installation, places) = Installation::new(&solution, &given)?;
    let chosen = || places.iter().map(|place| &params.packages[*place]);
    let segments = Segments {
        inputs: chosen().map(|files| &files.segment).collect(),
        infos: chosen().map(|files| files.info.json(job)).collect::<Result<_, _>>()?,
    };
    let mut read = |package: usize, path: &RelPath| segments.read(job, package, path);
    let mut top = root_files::render(&installation, &params.own.accounts(), &params.arch, &mut read)?;
    // One that the image declares stands before one that is made of the packages.
    top.splice(..0, params.own.files(job, &installation)?);
    let folders = params.own.directories(&installation)?;
    let contents = contents(&installation, &folders, &top)?;
    // Where two packages have a file, the layers' order must not decide.
    for (path, (package, record)) in installation.contested() {
        let bytes = match record.kind {
            FileKind::File => segments.read(job, package, path)?,
            _ => Vec::new(),
        };
        top.push(RootFile { record: record.clone(), bytes });
    }
    top.sort_by(|a, b| a.record.path.cmp(&b.record.path));
    top.dedup_by(|a, b| a.record.path == b.record.path);
    let layers = layers(job, &installation, &segments, &folders, &top)?;
    let image = Image {
        platform: platform(&params.arch)?,
        created: installation.newest(),
        runtime: params.config.runtime(),
        layers: layers.layers,
        annotations: params.annotations,
    };
    let mut outputs = Outputs::new(job.store);
    outputs.tree(&params.layout, lay_out(job, &image, &layers.blobs)?)?;
    outputs.json(&params.contents, &contents)?;
    outputs.finish(String::new())
}

impl Config {
    fn runtime(self) -> Runtime {
        let text = |value: String| (!value.is_empty()).then_some(value);
        Runtime {
            user: text(self.user),
            environment: self.environment,
            entrypoint: self.entrypoint,
            command: self.command,
            working_directory: text(self.working_directory),
            ports: self.ports,
            volumes: self.volumes,
            labels: self.labels,
            stop_signal: text(self.stop_signal),
        }
    }
}

impl Segments<'_> {
    /// The bytes of one file of a package.
    fn read(&self, job: &NativeJob<'_>, package: usize, path: &RelPath) -> Result<Vec<u8>, NativeError> {
        let failed = PackError::io("a segment");
        let mut archive = ::tar::Archive::new(flate2::read::GzDecoder::new(self.inputs[package].open(job)?));
        for entry in archive.entries().map_err(&failed)? {
            let mut entry = entry.map_err(&failed)?;
            if entry.path_bytes().as_ref() == path.as_str().as_bytes() {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut entry, &mut bytes).map_err(&failed)?;
                return Ok(bytes);
            }
        }
        Err(NativeError::WrongKind { name: path.to_string(), expected: "file" })
    }
}

/// Go's name of what apk calls `arch`.
fn platform(arch: &str) -> Result<Platform, PackError> {
    let architecture = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "riscv64" => "riscv64",
        _ => return Err(PackError::Architecture { arch: arch.to_owned() }),
    };
    Ok(Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None })
}

/// Writes a layer for each group of packages, and the one on top.
fn layers(
    job: &NativeJob<'_>,
    installation: &Installation,
    segments: &Segments<'_>,
    folders: &[FileRecord],
    top: &[RootFile],
) -> Result<Layers, NativeError> {
    let declared = declared(installation, folders)?;
    let mut layers = Layers::default();
    for group in grouping::group(&grouped(&installation.records), Budget::default()) {
        let members: Vec<usize> = (0..installation.records.len())
            .filter(|index| group.packages.contains(&installation.records[*index].name))
            .collect();
        let files = members.iter().flat_map(|index| &installation.records[*index].files);
        let listed = files.filter(|file| file.kind == FileKind::Directory).map(|file| file.path.clone());
        let filled = members.iter().filter(|index| segments.infos[**index].uncompressed > 0);
        let plan = LayerPlan {
            declared: &declared,
            listed: listed.collect(),
            segments: filled.clone().map(|index| &segments.infos[*index]).collect(),
        };
        let open = filled.map(|index| segments.inputs[*index].open(job)).collect::<Result<_, _>>()?;
        let names: Vec<String> =
            members.iter().map(|index| installation.records[*index].display_name()).collect();
        layers.add(job, &plan, open, format!("packages: {}", names.join(" ")))?;
    }
    let (info, segment) = top_segment(job, top, installation.newest())?;
    let plan = LayerPlan {
        declared: &declared,
        listed: folders.iter().map(|folder| folder.path.clone()).collect(),
        segments: vec![&info],
    };
    layers.add(job, &plan, [segment].into(), "installed database and what packages share".to_owned())?;
    Ok(layers)
}

impl Layers {
    fn add(
        &mut self,
        job: &NativeJob<'_>,
        plan: &LayerPlan<'_>,
        mut segments: VecDeque<File>,
        created_by: String,
    ) -> Result<(), NativeError> {
        if (job.cancelled)() {
            return Err(NativeError::Cancelled);
        }
        let output = tempfile::NamedTempFile::new_in(job.scratch).map_err(PackError::io("a layer"))?;
        let next = |_: &SegmentInfo| segments.pop_front().ok_or_else(|| io::ErrorKind::NotFound.into());
        let writer = io::BufWriter::new(output.as_file());
        let (layer, writer) = plan.write(next, writer).map_err(PackError::from)?;
        writer.into_inner().map_err(|error| PackError::io("a layer")(error.into_error()))?;
        self.blobs.insert(layer.digest, job.store.put_file(output.path(), Transfer::Keep)?);
        self.layers.push(ImageLayer { layer, created_by });
        Ok(())
    }
}

/// The folders that are not simply root's with mode 0755. The others are left to the
/// layers, which list them alike in every image.
fn declared(
    installation: &Installation,
    own: &[FileRecord],
) -> Result<BTreeMap<RelPath, Metadata>, PackError> {
    let folders = installation.folders()?.into_values().filter(|(_, folder)| !is_plain(folder));
    let packaged = folders.map(|(index, folder)| (folder, installation.records[index].build_time));
    let own = own.iter().map(|folder| (folder, installation.newest()));
    let metadata = |(folder, mtime): (&FileRecord, u64)| {
        let metadata =
            Metadata { uid: folder.uid, gid: folder.gid, ..Metadata::root_owned(folder.mode, mtime) };
        (folder.path.clone(), metadata)
    };
    Ok(packaged.chain(own).map(metadata).collect())
}

fn grouped(records: &[PackageRecord]) -> Vec<grouping::Package> {
    let package = |record: &PackageRecord| {
        let origin = if record.facts.origin.is_empty() { &record.name } else { &record.facts.origin };
        grouping::Package { name: record.name.clone(), origin: origin.clone(), size: record.installed_size }
    };
    records.iter().map(package).collect()
}

/// The segment of the top layer, in a file that is read from its start.
fn top_segment(
    job: &NativeJob<'_>,
    files: &[RootFile],
    epoch: u64,
) -> Result<(SegmentInfo, File), NativeError> {
    let failed = PackError::io("the top layer");
    let mut writer = SegmentWriter::new(tempfile::tempfile_in(job.scratch).map_err(&failed)?);
    for file in files {
        let entry = tar_entry(&file.record.entry()?, epoch)?;
        writer.append(&entry, file.bytes.as_slice()).map_err(PackError::from)?;
    }
    let (info, mut segment) = writer.finish().map_err(&failed)?;
    io::Seek::rewind(&mut segment).map_err(&failed)?;
    Ok((info, segment))
}

/// Everything in the image; the image's own `folders` and what is `made` stand before
/// what packages have at their paths, and the first of two made ones before the second.
fn contents(
    installation: &Installation,
    folders: &[FileRecord],
    made: &[RootFile],
) -> Result<Contents, PackError> {
    let mut files: BTreeMap<RelPath, ContentsFile> = BTreeMap::new();
    let owned = installation.folders()?.into_iter().chain(installation.files());
    for (path, (index, file)) in owned {
        let package = Some(installation.records[index].name.clone());
        files.insert(path.clone(), ContentsFile { file: file.clone(), package });
    }
    let own = folders.iter().chain(made.iter().rev().map(|file| &file.record));
    for record in own {
        let path = &record.path;
        for folder in std::iter::successors(path.parent(), RelPath::parent).filter(|path| !path.is_root()) {
            let record = FileRecord::new(&folder, FileKind::Directory, 0o755);
            files.entry(folder).or_insert(ContentsFile { file: record, package: None });
        }
        files.insert(path.clone(), ContentsFile { file: record.clone(), package: None });
    }
    Ok(Contents { files: files.into_values().collect() })
}

/// The layout's tree.
fn lay_out(
    job: &NativeJob<'_>,
    image: &Image,
    blobs: &BTreeMap<Sha256Digest, Digest>,
) -> Result<Digest, NativeError> {
    let mut builder = TreeBuilder::new();
    for file in layout::image_layout(&image.encode()) {
        let digest = match file.content {
            Content::Bytes(bytes) => job.store.put_bytes(&bytes)?,
            Content::Blob(blob) => blobs[&blob.digest],
        };
        builder.insert(job.store, &file.path, Node::File { digest, executable: false })?;
    }
    Ok(builder.build(job.store)?)
}

#[cfg(test)]
mod tests;
