//! From what stands on the command line to the contents of an image or a package.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use wiz_apk::package::reader::PackageReader;
use wiz_apk::{Entry, Kind as EntryKind};
use wiz_oci::image::config::ImageConfig;
use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::unpacked::{Found, FoundKind, Unpacked};
use wiz_oci::{Descriptor, Sha256Digest, media_type};
use wiz_registry::Layout;

use super::revision::Checkout;
use super::{Contents, Installed, LayerSize, is_telling};
use crate::arguments::BuildOptions;
use crate::commands::{build, delivery};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::session::Session;

/// Reads the contents of a label, a label at a revision (`//images:base@HEAD~1`), a folder
/// with an OCI layout, a package file, or an image in a registry.
///
/// # Errors
/// If it is none of these, cannot be built or fetched, or is malformed.
pub(crate) fn open(config: &Config, options: &BuildOptions, subject: &str) -> Result<Contents, CliError> {
    let path = config.directory.join(subject);
    let read = if let Some((label, revision)) = subject.split_once('@').filter(|_| subject.starts_with("//"))
    {
        let checkout = Checkout::make(config, revision)?;
        of_label(&checkout.config, options, label)?
    } else if subject.starts_with("//") {
        of_label(config, options, subject)?
    } else if path.is_dir() {
        of_layout(&path)
    } else if path.is_file() {
        of_package(&path)
    } else {
        of_reference(config, subject)?
    };
    let contents = read.map_err(|problem| {
        CliError::new(Kind::User, "WIZ2501", format!("`{subject}` cannot be read: {problem}")).hint(
            "images are OCI layouts, labels or references of a registry; packages are labels or .apk files",
        )
    })?;
    Ok(Contents { name: subject.to_owned(), ..contents })
}

/// Contents, or what is wrong with them.
type Outcome = Result<Contents, String>;

fn of_label(config: &Config, options: &BuildOptions, label: &str) -> Result<Outcome, CliError> {
    let session = Session::open(config, options)?;
    let target = build::outputs(config, &session, label, options)?;
    let root = config.require_workspace()?;
    let find =
        |is_wanted: &dyn Fn(&str) -> bool| target.outputs.iter().find(|output| is_wanted(&output.name));
    if let Some(output) = find(&|name| name == "oci") {
        return Ok(of_layout(&root.join(&output.path)));
    }
    match find(&|name| name.ends_with(".apk")) {
        Some(output) => Ok(of_package(&root.join(&output.path))),
        None => Err(CliError::new(Kind::User, "WIZ2500", format!("`{label}` is neither image nor package"))
            .hint("name a target of `image(...)` or `package(...)`")),
    }
}

fn of_reference(config: &Config, subject: &str) -> Result<Outcome, CliError> {
    let reference = delivery::reference(subject)?;
    let connection = delivery::connect(config, &reference, false)?;
    let platform = delivery::platform(std::env::consts::ARCH);
    let folder = tempfile::tempdir().map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2502", format!("no temporary folder can be made: {error}"))
    })?;
    let layout = Layout::new(folder.path());
    wiz_registry::pull(&connection, &reference, &platform, &layout, &|_| {})
        .map_err(|error| delivery::failure(&error))?;
    Ok(of_layout(folder.path()))
}

/// The image of a layout that has one.
fn of_layout(folder: &Path) -> Outcome {
    let layout = Layout::new(folder);
    let mut named = layout.named().map_err(|error| error.to_string())?;
    if named.media_type == media_type::IMAGE_INDEX {
        let index: ImageIndex = document(&layout, &named.digest)?;
        let wanted = delivery::platform(std::env::consts::ARCH);
        let is_fit = |found: &Descriptor| {
            found.platform.as_ref().is_some_and(|found| found.architecture == wanted.architecture)
        };
        let chosen = index.manifests.into_iter().find(is_fit);
        named = chosen.ok_or_else(|| format!("it has no image for {}", wanted.architecture))?;
    }
    let manifest: Manifest = document(&layout, &named.digest)?;
    let config: ImageConfig = document(&layout, &manifest.config.digest)?;
    let mut unpacked = Unpacked::default();
    for (index, layer) in manifest.layers.iter().enumerate() {
        let tar = decompressed(&layout.blob(&layer.digest), &layer.media_type);
        let added = tar.and_then(|tar| unpacked.add_layer(index, tar, &is_telling));
        added.map_err(|error| format!("layer {}: {error}", layer.digest))?;
    }
    let layers = manifest.layers.iter().map(|layer| LayerSize { digest: layer.digest, size: layer.size });
    let mut contents = Contents {
        layers: layers.collect(),
        config: facts(&config, &manifest.annotations),
        ..Contents::default()
    };
    contents.take(unpacked)?;
    Ok(contents)
}

fn document<T: DeserializeOwned>(layout: &Layout, digest: &Sha256Digest) -> Result<T, String> {
    let path = layout.blob(digest);
    let bytes = std::fs::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    if Sha256Digest::of(&bytes) != *digest {
        return Err(format!("`{}` is not what its digest says", path.display()));
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("`{}`: {error}", path.display()))
}

fn decompressed(path: &Path, kind: &str) -> io::Result<Box<dyn io::Read>> {
    let file = BufReader::new(File::open(path)?);
    Ok(if kind.ends_with("gzip") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else if kind.ends_with("zstd") {
        Box::new(zstd::Decoder::with_buffer(file)?)
    } else {
        Box::new(file)
    })
}

/// How an image is run, and what it says of itself.
fn facts(image: &ImageConfig, annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: String, value: String| {
        if !value.is_empty() {
            facts.insert(name, value);
        }
    };
    add("platform".to_owned(), format!("{}/{}", image.os, image.architecture));
    add("created".to_owned(), image.created.clone().unwrap_or_default());
    for (name, value) in annotations {
        add(format!("annotation {name}"), value.clone());
    }
    let run = image.config.clone().unwrap_or_default();
    let words = |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" ");
    add("user".to_owned(), run.user.unwrap_or_default());
    add("entrypoint".to_owned(), words(&run.entrypoint));
    add("command".to_owned(), words(&run.cmd));
    add("working directory".to_owned(), run.working_dir.unwrap_or_default());
    add("ports".to_owned(), run.exposed_ports.into_keys().collect::<Vec<_>>().join(" "));
    add("volumes".to_owned(), run.volumes.into_keys().collect::<Vec<_>>().join(" "));
    add("stop signal".to_owned(), run.stop_signal.unwrap_or_default());
    for variable in &run.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        add(format!("variable {name}"), value.to_owned());
    }
    for (name, value) in run.labels {
        add(format!("label {name}"), value);
    }
    facts
}

/// What a package file has.
fn of_package(path: &PathBuf) -> Outcome {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let package = PackageReader::open(BufReader::new(file)).map_err(|error| error.to_string())?;
    let info = package.control().info.clone();
    let name = info.name.to_string();
    let mut contents = Contents::default();
    let visited = package.read_data::<wiz_apk::package::PackageError>(&mut |entry, content| {
        let found = found(entry, content, &contents.files).map_err(wiz_apk::package::PackageError::Write)?;
        contents.owners.insert(entry.path.clone(), name.clone());
        contents.files.insert(entry.path.clone(), found);
        Ok(())
    });
    visited.map_err(|error| error.to_string())?;
    let depends: Vec<String> = info.depends.iter().map(ToString::to_string).collect();
    let provides: Vec<String> = info.provides.iter().map(ToString::to_string).collect();
    contents.config = [
        ("license", info.license.clone().unwrap_or_default()),
        ("depends", depends.join(" ")),
        ("provides", provides.join(" ")),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let installed =
        Installed { version: info.version.to_string(), size: contents.unpacked(), path: vec![name.clone()] };
    contents.packages.insert(name, installed);
    Ok(contents)
}

fn found(entry: &Entry, content: &mut dyn io::Read, known: &BTreeMap<String, Found>) -> io::Result<Found> {
    let kind = match &entry.kind {
        EntryKind::File { size } => FoundKind::File { size: *size, digest: Sha256Digest::read(content)? },
        EntryKind::Directory => FoundKind::Directory,
        EntryKind::Symlink { target } => FoundKind::Symlink { target: target.clone() },
        EntryKind::HardLink { target } => match known.get(target) {
            Some(first) => first.kind.clone(),
            None => FoundKind::Special,
        },
    };
    let (uid, gid) = (entry.owner.uid.into(), entry.owner.gid.into());
    Ok(Found { kind, mode: entry.mode, uid, gid, xattrs: entry.xattrs.clone(), layer: 0 })
}
