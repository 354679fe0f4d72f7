//! Putting files, links and trees together to one tree. Unaware of what is in them.

use serde::Deserialize;
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::{Store, TreeBuilder};

use super::error::merge;
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::root_form::Capture;
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeParams {
    #[serde(default)]
    files: Vec<TreeFile>,
    #[serde(default)]
    directories: Vec<RelPath>,
    #[serde(default)]
    trees: Vec<Input>,
    #[serde(default)]
    capture: Capture,
    tree: Output,
}

/// One thing at a path: exactly one of `artifact`, `text` and `target` is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeFile {
    path: RelPath,
    #[serde(default)]
    artifact: Option<Input>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    executable: Option<bool>,
}

/// A path and what stands there; `None` for a folder that may be empty.
pub(super) type PlacedNode = (RelPath, Option<Node>);

impl TreeFile {
    /// What it puts into the tree: one node, or the whole of a folder.
    pub(super) fn nodes(&self, job: &NativeJob<'_>) -> Result<Vec<PlacedNode>, NativeError> {
        let node = match (&self.artifact, &self.text, &self.target) {
            (Some(input), None, None) => match (input.node(job)?, self.executable) {
                (Node::Directory(digest), None) => return below(job.store, &self.path, &digest),
                (Node::File { digest, executable }, declared) => {
                    Node::File { digest, executable: declared.unwrap_or(executable) }
                }
                (node, None) => node,
                (_, Some(_)) => return Err(self.wrong(job, "`executable` is for files only")),
            },
            (None, Some(text), None) => Node::File {
                digest: job.store.put_bytes(text.as_bytes())?,
                executable: self.executable.unwrap_or(false),
            },
            (None, None, Some(_)) if self.executable.is_some() => {
                return Err(self.wrong(job, "`executable` is for files only"));
            }
            (None, None, Some(target)) => Node::Symlink(target.clone()),
            _ => return Err(self.wrong(job, "one of `artifact`, `text` and `target` has to be given")),
        };
        Ok(vec![(self.path.clone(), Some(node))])
    }

    fn wrong(&self, job: &NativeJob<'_>, message: &str) -> NativeError {
        NativeError::Params { kind: job.kind.name(), message: format!("`files`, `{}`: {message}", self.path) }
    }
}

/// Everything in a stored tree, moved below `path`.
fn below(store: &Store, path: &RelPath, tree: &Digest) -> Result<Vec<PlacedNode>, NativeError> {
    let mut nodes = vec![(path.clone(), None)];
    for entry in store.walk(tree) {
        let (inner, node) = entry?;
        let node = if matches!(node, Node::Directory(_)) { None } else { Some(node) };
        nodes.push((path.join(&inner), node));
    }
    Ok(nodes)
}

/// Carries out a `tree` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: TreeParams = params::parse(job)?;
    let mut builder = TreeBuilder::new();
    for file in &params.files {
        for (path, node) in file.nodes(job)? {
            put(job.store, &mut builder, params.capture, &path, node)?;
        }
    }
    for directory in &params.directories {
        put(job.store, &mut builder, params.capture, directory, None)?;
    }
    let mut trees = vec![("what the definition adds".to_owned(), builder.build(job.store)?)];
    for input in &params.trees {
        let tree = match params.capture {
            Capture::Plain => input.folder(job)?,
            capture => canonical(job.store, capture, &input.folder(job)?)?,
        };
        trees.push((input.name(job).to_owned(), tree));
    }
    let mut outputs = Outputs::new(job.store);
    outputs.tree(&params.tree, merge(job.store, &trees)?)?;
    outputs.finish(String::new())
}

/// A tree in the form that pieces of a root have.
fn canonical(store: &Store, capture: Capture, tree: &Digest) -> Result<Digest, NativeError> {
    let mut builder = TreeBuilder::new();
    for (path, node) in below(store, &RelPath::root(), tree)? {
        put(store, &mut builder, capture, &path, node)?;
    }
    Ok(builder.build(store)?)
}

fn put(
    store: &Store,
    builder: &mut TreeBuilder,
    capture: Capture,
    path: &RelPath,
    node: Option<Node>,
) -> Result<(), NativeError> {
    match node {
        None => Ok(builder.directory(store, &capture.path(path))?),
        Some(Node::Symlink(target)) if capture.alias(path, &target) => match capture {
            Capture::Base => Ok(builder.insert(store, path, Node::Symlink(format!("usr/{path}")))?),
            Capture::Plain | Capture::Root => Ok(()),
        },
        Some(Node::Symlink(target)) => {
            let target = capture.target(path, &target);
            Ok(builder.insert(store, &capture.path(path), Node::Symlink(target))?)
        }
        Some(node) => Ok(builder.insert(store, &capture.path(path), node)?),
    }
}

#[cfg(test)]
mod tests;
