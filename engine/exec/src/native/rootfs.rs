//! Packages to a root as a tree: what unpacking the layers of their image gives, as
//! far as a tree can say it. Unaware of layers.

use serde::Deserialize;
use wiz_apk::Kind;
use wiz_base::{Node, RelPath};
use wiz_cas::TreeBuilder;

use super::index::PackageFiles;
use super::installation::Installation;
use super::outputs::Outputs;
use super::own::Own;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{FileKind, PackageRecord, parse};
use super::root_files::{self, RootFile};
use super::segment::read_package;
use super::solve::Solution;
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootfsParams {
    packages: Vec<PackageFiles>,
    solution: Input,
    arch: String,
    #[serde(default)]
    own: Own,
    tree: Output,
}

/// Carries out a `rootfs` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: RootfsParams = params::parse(job)?;
    let solution: Solution = params.solution.json(job)?;
    let given = params.packages.iter().map(|files| files.record.json(job)).collect::<Result<Vec<_>, _>>()?;
    let (installation, places) = Installation::new(&solution, &given)?;
    let owners = installation.files();
    let mut builder = TreeBuilder::new();
    for (index, place) in places.iter().enumerate() {
        let is_owned = |path: &RelPath| owners.get(path).is_some_and(|(owner, _)| *owner == index);
        let package = &params.packages[*place].package;
        unpack(job, package, &installation.records[index], &is_owned, &mut builder)?;
    }
    let bare = builder.clone().build(job.store)?;
    let mut read = |_: usize, path: &RelPath| match job.store.subtree(&bare, path)? {
        Some(Node::File { digest, .. }) => Ok(job.store.read(&digest)?),
        _ => Err(NativeError::WrongKind { name: path.to_string(), expected: "file" }),
    };
    let made = root_files::render(&installation, &params.own.accounts(), &params.arch, &mut read)?;
    for folder in params.own.directories(&installation)? {
        builder.directory(job.store, &folder.path)?;
    }
    for file in made.into_iter().chain(params.own.files(job, &installation)?) {
        builder.replace(job.store, &file.record.path.clone(), node(job, file)?)?;
    }
    let mut outputs = Outputs::new(job.store);
    outputs.tree(&params.tree, builder.build(job.store)?)?;
    outputs.finish(String::new())
}

/// Puts a package's folders, and what it owns of its files, into the tree.
fn unpack(
    job: &NativeJob<'_>,
    package: &Input,
    record: &PackageRecord,
    is_owned: &dyn Fn(&RelPath) -> bool,
    builder: &mut TreeBuilder,
) -> Result<(), NativeError> {
    read_package(job, package, record, &mut |entry, content| {
        let path: RelPath = parse("path", &entry.path)?;
        if entry.kind == Kind::Directory {
            return Ok(builder.directory(job.store, &path)?);
        }
        if !is_owned(&path) {
            return Ok(());
        }
        let node = match &entry.kind {
            Kind::Symlink { target } => Node::Symlink(target.clone()),
            _ => {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).map_err(PackError::io("a file of a package"))?;
                let digest = job.store.put_bytes(&bytes)?;
                Node::File { digest, executable: entry.mode & 0o111 != 0 }
            }
        };
        Ok(builder.insert(job.store, &path, node)?)
    })
}

fn node(job: &NativeJob<'_>, file: RootFile) -> Result<Node, NativeError> {
    Ok(match (file.record.kind, file.record.target) {
        (FileKind::Symlink, Some(target)) => Node::Symlink(target),
        _ => Node::File {
            digest: job.store.put_bytes(&file.bytes)?,
            executable: file.record.mode & 0o111 != 0,
        },
    })
}

#[cfg(test)]
mod tests;
