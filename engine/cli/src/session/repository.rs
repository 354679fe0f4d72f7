//! Repositories among the results: signed on the way, and files of their own.

use std::fs;
use std::path::{Path, PathBuf};

use wiz_base::reapi::ActionResult;
use wiz_base::{Node, RelPath};
use wiz_cas::Store;
use wiz_exec::MaterialiseError;
use wiz_graph::{AnalyzedTarget, Artifact, Value};
use wiz_repo::{KEYS, Unsigned, write_signed};

use super::deliver::{DeliveredOutput, Inner, refused};
use super::signing::Signing;
use super::{Session, store_error};
use crate::error::CliError;

/// A repository that was signed.
#[derive(Clone, Debug)]
pub(crate) struct SignedRepository {
    /// The folder that has `keys/` and the architecture's folder.
    pub(crate) folder: PathBuf,
    /// The architecture.
    pub(crate) arch: String,
}

/// The unsigned repository that a target declares by `RepositoryInfo`.
pub(super) struct DeclaredRepository<'a> {
    /// The output that has it.
    pub(super) tree: &'a RelPath,
    arch: &'a str,
}

impl<'a> DeclaredRepository<'a> {
    /// The repository of a target, if it is one.
    pub(super) fn of(target: &'a AnalyzedTarget) -> Option<Self> {
        let info = target.provider("RepositoryInfo")?;
        let tree = info.artifacts("tree").into_iter().find_map(|artifact| match artifact {
            Artifact::Output { path, .. } => Some(path),
            Artifact::Source { .. } => None,
        })?;
        match info.fields.get("arch") {
            Some(Value::String(arch)) => Some(Self { tree, arch }),
            _ => None,
        }
    }
}

impl Session<'_> {
    /// Writes the signed form of a repository to `folder`, and to `copy` if that is given.
    ///
    /// # Errors
    /// If a package is not what the index means, or a file cannot be written.
    pub(super) fn deliver_repository(
        &self,
        store: &Store,
        signing: &Signing,
        declared: &DeclaredRepository<'_>,
        result: &ActionResult,
        folder: PathBuf,
        copy: Option<&Path>,
    ) -> Result<(DeliveredOutput, SignedRepository), CliError> {
        if let Some(copy) = copy {
            sign_into(store, signing, declared, result, copy)?;
        }
        let digest = sign_into(store, signing, declared, result, &folder)?;
        let output = DeliveredOutput {
            name: "repository".to_owned(),
            path: self.shown(&folder),
            digest,
            inner: Inner::Paths(paths_of(&folder, declared.arch)?),
        };
        Ok((output, SignedRepository { folder, arch: declared.arch.to_owned() }))
    }
}

/// Writes the signed form of a repository to `folder`; the digest of the unsigned tree, which
/// is the same whoever signs.
fn sign_into(
    store: &Store,
    signing: &Signing,
    declared: &DeclaredRepository<'_>,
    result: &ActionResult,
    folder: &Path,
) -> Result<String, CliError> {
    let node = store.subtree(&result.output_root, declared.tree).map_err(|error| store_error(&error))?;
    let Some(Node::Directory(digest)) = node else {
        return Err(refused(&MaterialiseError::Missing { output: declared.tree.clone() }));
    };
    let tree = digest.to_string();
    let unsigned = Unsigned { arch: declared.arch, tree: &tree };
    write_signed(unsigned, &signing.key, &signing.trusted, folder, || -> Result<PathBuf, CliError> {
        let expanded = store.expand(&result.output_root).map_err(|error| store_error(&error))?;
        Ok(expanded.path.join(declared.tree.as_str()))
    })?;
    Ok(tree)
}

/// What a signed repository consists of. The folder itself is left out: results of other
/// targets may lie in it.
fn paths_of(folder: &Path, arch: &str) -> Result<Vec<RelPath>, CliError> {
    let mut paths = Vec::new();
    for part in [KEYS, arch] {
        let path = folder.join(part);
        let read = |source| refused(&MaterialiseError::Write { path: path.clone(), source });
        let path_in_it = |name: &str| RelPath::new(name).map_err(|error| read(std::io::Error::other(error)));
        paths.push(path_in_it(part)?);
        for entry in fs::read_dir(&path).map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            paths.push(path_in_it(&format!("{part}/{}", name.to_string_lossy()))?);
        }
    }
    paths.sort();
    Ok(paths)
}
