//! Results where people look for them: links below `wiz-out/` to the expanded trees in
//! the cache, or copies. Unaware of how the results came to be.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node, PlatformName, RelPath};
use wiz_cas::{Store, StoreError};
use wiz_graph::ConfiguredTarget;

/// An output that people can use now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its declared path.
    pub name: RelPath,
    /// Where it is.
    pub path: PathBuf,
    /// Digest of the file or of the tree.
    pub digest: Digest,
    /// Whether it is a tree.
    pub is_tree: bool,
}

/// An output that cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// The store failed; what it lost has to be made again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The result has no such output.
    #[error("the result has no output `{output}`")]
    Missing {
        /// The declared path.
        output: RelPath,
    },
    /// A link or copy cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The link or copy.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where results are linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLinks {
    /// The folder `wiz-out` of the workspace.
    pub folder: PathBuf,
    /// Whose results go to `wiz-out/<folder>/<target>/`; those for others to
    /// `wiz-out/@<platform>/<folder>/<target>/`.
    pub default_platform: PlatformName,
}

impl OutputLinks {
    /// The folder of a target's results.
    #[must_use]
    pub fn folder_of(&self, target: &ConfiguredTarget) -> PathBuf {
        let mut folder = self.folder.clone();
        if target.platform != self.default_platform {
            folder.push(format!("@{}", target.platform));
        }
        folder.join(target.label.output_folder().as_str())
    }

    /// Makes the folder of a target's results, for results that are written there.
    ///
    /// # Errors
    /// [`MaterialiseError::Write`] if it cannot be made.
    pub fn make_folder(&self, target: &ConfiguredTarget) -> Result<PathBuf, MaterialiseError> {
        let folder = self.folder_of(target);
        match self.make_folders(&folder) {
            Ok(()) => Ok(folder),
            Err(source) => Err(MaterialiseError::Write { path: folder, source }),
        }
    }

    /// Links the declared `outputs` of a target, each with the result that has it, and
    /// removes links of outputs it no longer has. A link that is right is left alone.
    ///
    /// # Errors
    /// [`MaterialiseError`] if the store lost an output, or a link cannot be written.
    pub fn link(
        &self,
        store: &Store,
        target: &ConfiguredTarget,
        outputs: &[(RelPath, ActionResult)],
    ) -> Result<Vec<Delivered>, MaterialiseError> {
        let folder = self.folder_of(target);
        let mut delivered = Vec::new();
        for (name, result) in outputs {
            let (digest, is_tree) = digest_of(store, name, result)?;
            let tree = store.expand(&result.output_root)?.path;
            let path = folder.join(name.as_str());
            self.make_link(&tree.join(name.as_str()), &path)
                .map_err(|source| MaterialiseError::Write { path: path.clone(), source })?;
            delivered.push(Delivered { name: name.clone(), path, digest, is_tree });
        }
        remove_stale(&folder, outputs);
        Ok(delivered)
    }

    /// Makes `path` a link to `target`, at once, unless it is one.
    fn make_link(&self, target: &Path, path: &Path) -> io::Result<()> {
        if fs::read_link(path).is_ok_and(|found| found == target) {
            return Ok(());
        }
        let parent = path.parent().unwrap_or(&self.folder);
        self.make_folders(parent)?;
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            remove(path)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = parent.join(format!(".{name}.{}", std::process::id()));
        remove(&temporary)?;
        symlink(target, &temporary)?;
        fs::rename(&temporary, path)
    }

    /// Makes a folder below `wiz-out`; a link or file on the way there is from an earlier
    /// shape of the outputs.
    fn make_folders(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut place = self.folder.clone();
        for part in folder.strip_prefix(&self.folder).into_iter().flatten() {
            place.push(part);
            // Made before anything is removed: another build may be making the same.
            while let Err(error) = fs::create_dir(&place) {
                if error.kind() != io::ErrorKind::AlreadyExists {
                    return Err(error);
                }
                if place.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                    break;
                }
                remove(&place)?;
            }
        }
        Ok(())
    }
}

/// Copies the declared `outputs` of a target to `folder`, in place of what is there.
///
/// # Errors
/// [`MaterialiseError`] if the store lost an output, or a copy cannot be written.
pub fn copy(
    store: &Store,
    folder: &Path,
    outputs: &[(RelPath, ActionResult)],
) -> Result<Vec<Delivered>, MaterialiseError> {
    let mut delivered = Vec::new();
    for (name, result) in outputs {
        let path = folder.join(name.as_str());
        let write = |source| MaterialiseError::Write { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(write)?;
        }
        remove(&path).map_err(write)?;
        let node = store.subtree(&result.output_root, name)?;
        let node = node.ok_or_else(|| MaterialiseError::Missing { output: name.clone() })?;
        copy_node(store, &node, &path)?;
        let (digest, is_tree) = digest_of(store, name, result)?;
        delivered.push(Delivered { name: name.clone(), path, digest, is_tree });
    }
    Ok(delivered)
}

fn copy_node(store: &Store, node: &Node, path: &Path) -> Result<(), MaterialiseError> {
    let write = |source| MaterialiseError::Write { path: path.to_owned(), source };
    match node {
        Node::File { digest, executable } => Ok(store.copy_to(digest, path, *executable)?),
        Node::Symlink(target) => symlink(target, path).map_err(write),
        Node::Directory(digest) => {
            fs::create_dir(path).map_err(write)?;
            for (name, child) in store.get_directory(digest)?.entries() {
                copy_node(store, child, &path.join(name))?;
            }
            Ok(())
        }
    }
}

/// The digest of an output, and whether it is a tree.
fn digest_of(
    store: &Store,
    name: &RelPath,
    result: &ActionResult,
) -> Result<(Digest, bool), MaterialiseError> {
    match store.subtree(&result.output_root, name)? {
        Some(Node::File { digest, .. }) => Ok((digest, false)),
        Some(Node::Directory(digest)) => Ok((digest, true)),
        _ => Err(MaterialiseError::Missing { output: name.clone() }),
    }
}

/// Removes the links beside a target's outputs that are none of them. Folders stay:
/// they may be other targets'.
fn remove_stale(folder: &Path, outputs: &[(RelPath, ActionResult)]) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let name = entry.file_name();
        let is_output = outputs.iter().any(|(output, _)| name.to_str() == output.segments().next());
        if is_link && !is_output && !is_being_made(&name.to_string_lossy()) {
            // A link that stays is a nuisance at most.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a link is that of a build at work, which is about to give it its name.
fn is_being_made(name: &str) -> bool {
    let process = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    process.is_some_and(|(_, id)| id.parse::<u32>().is_ok() && Path::new("/proc").join(id).exists())
}

fn remove(path: &Path) -> io::Result<()> {
    Ok(wiz_sandbox::remove_tree(path)?)
}

#[cfg(test)]
mod tests;
