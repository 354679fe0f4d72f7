//! Taking a tree apart by globs: the first part with a matching glob gets a file,
//! folders follow their files. Unaware of what parts are for.

use serde::Deserialize;
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{Store, TreeBuilder};

use super::file_globs::FileGlobs;
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitParams {
    tree: Input,
    parts: Vec<PartParams>,
    #[serde(default)]
    rest: Option<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartParams {
    name: String,
    globs: Vec<String>,
    tree: Output,
    /// Whether it may be empty.
    #[serde(default)]
    optional: bool,
}

/// A part on its way.
struct Part {
    globs: FileGlobs,
    /// Globs that took something.
    used: Vec<bool>,
    builder: TreeBuilder,
    entries: usize,
}

impl Part {
    /// The part itself, if one of its globs takes `path`.
    fn take(&mut self, path: &str) -> Option<&mut Self> {
        let before = self.entries;
        for index in self.globs.all(path) {
            self.used[index] = true;
            self.entries = before + 1;
        }
        (self.entries > before).then_some(self)
    }
}

/// Why a tree cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// Nothing in the tree belongs to a part.
    #[error("nothing belongs to the part `{part}`: no file is matched by {}\nhint: remove the part, or give it globs of files that the build installs; what is left over is in {}", quoted(.globs), quoted(.folders))]
    Empty {
        /// Its name.
        part: String,
        /// Its globs.
        globs: Vec<String>,
        /// Folders of what no part took.
        folders: Vec<String>,
    },
    /// Files that no part takes where no rest is made.
    #[error("no part takes {}", quoted(.paths))]
    Rest {
        /// Some of them.
        paths: Vec<String>,
    },
}

fn quoted(texts: &[String]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// Carries out a `split` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: SplitParams = params::parse(job)?;
    let mut parts = Vec::new();
    for part in &params.parts {
        let globs = FileGlobs::new(&part.globs)?;
        let used = vec![false; part.globs.len()];
        parts.push(Part { globs, used, builder: TreeBuilder::new(), entries: 0 });
    }
    let left_over = distribute(job.store, &params.tree.folder(job)?, &mut parts)?;
    let mut outputs = Outputs::new(job.store);
    let mut log = String::new();
    for (part, declared) in parts.into_iter().zip(&params.parts) {
        if part.entries == 0 && !declared.optional {
            let globs = declared.globs.clone();
            let folders = folders(&left_over);
            return Err(SplitError::Empty { part: declared.name.clone(), globs, folders }.into());
        }
        log.push_str(&format!("{}: {} entries\n", declared.name, part.entries));
        let unused = part.globs.texts().zip(&part.used).filter(|(_, used)| !**used);
        for (glob, _) in unused {
            log.push_str(&format!("{}: nothing matches `{glob}`\n", declared.name));
        }
        outputs.tree(&declared.tree, part.builder.build(job.store)?)?;
    }
    match &params.rest {
        Some(output) => outputs.tree(output, rest(job.store, &left_over)?)?,
        None if left_over.is_empty() => {}
        None => {
            let paths = left_over.iter().take(10).map(|(path, _)| path.to_string()).collect();
            return Err(SplitError::Rest { paths }.into());
        }
    }
    outputs.finish(log)
}

/// Files, links and empty folders.
type Leaf = (RelPath, Node);

/// Gives each leaf to a part, and returns those that no part takes.
fn distribute(store: &Store, tree: &Digest, parts: &mut [Part]) -> Result<Vec<Leaf>, NativeError> {
    let mut left_over = Vec::new();
    for entry in store.walk(tree) {
        let (path, node) = entry?;
        if let Node::Directory(digest) = &node
            && !store.get_directory(digest)?.is_empty()
        {
            continue;
        }
        match parts.iter_mut().find_map(|part| part.take(path.as_str())) {
            Some(part) => part.builder.insert(store, &path, node)?,
            None => left_over.push((path, node)),
        }
    }
    Ok(left_over)
}

fn rest(store: &Store, leaves: &[Leaf]) -> Result<Digest, NativeError> {
    let mut builder = TreeBuilder::new();
    for (path, node) in leaves {
        builder.insert(store, path, node.clone())?;
    }
    Ok(builder.build(store)?)
}

/// The first folders of some leaves, for a message.
fn folders(leaves: &[Leaf]) -> Vec<String> {
    let mut folders: Vec<String> =
        leaves.iter().filter_map(|(path, _)| path.parent()).map(|folder| folder.to_string()).collect();
    folders.dedup();
    folders.truncate(10);
    folders
}

#[cfg(test)]
mod tests;
