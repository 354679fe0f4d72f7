//! Where entries of archives end up: the rules that keep them inside the tree.
//!
//! Everything happens on names in memory, so nothing can be written through a link
//! or outside. Within one archive the last entry at a path wins; two archives may
//! not differ. Unaware of formats and of bytes.

use std::collections::BTreeMap;
use std::ops::Bound;

use wiz_base::{Node, RelPath};

use super::error::EntryProblem;
use crate::native::root_form::{self, Capture};

/// A tree that grows entry by entry.
#[derive(Debug)]
pub(super) struct Placement {
    capture: Capture,
    placed: BTreeMap<RelPath, Placed>,
}

#[derive(Debug, Clone)]
struct Placed {
    /// `None` for a folder.
    node: Option<Node>,
    /// The path before it was made canonical.
    written: RelPath,
    archive: usize,
}

/// Why an entry cannot be placed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its own fault.
    Entry(EntryProblem),
    /// An earlier archive has something else there.
    Overlap {
        /// The earlier archive.
        first: usize,
        path: RelPath,
    },
}

impl From<EntryProblem> for Refusal {
    fn from(problem: EntryProblem) -> Self {
        Self::Entry(problem)
    }
}

impl Placement {
    pub(super) fn new(capture: Capture) -> Self {
        Self { capture, placed: BTreeMap::new() }
    }

    /// Places a folder; one that is there already stays.
    pub(super) fn folder(&mut self, archive: usize, written: &RelPath) -> Result<(), Refusal> {
        self.place(archive, written, None)
    }

    /// Places a file.
    pub(super) fn file(&mut self, archive: usize, written: &RelPath, file: Node) -> Result<(), Refusal> {
        self.place(archive, written, Some(file))
    }

    /// Places a symbolic link.
    pub(super) fn link(&mut self, archive: usize, written: &RelPath, target: &str) -> Result<(), Refusal> {
        if self.capture == Capture::Plain && root_form::escapes(written, target) {
            return Err(EntryProblem::LinkEscapes { target: target.to_owned() }.into());
        }
        if self.capture.alias(written, target) {
            return match self.capture {
                Capture::Base => {
                    self.put(archive, written, written, Some(Node::Symlink(format!("usr/{written}"))))
                }
                Capture::Plain | Capture::Root => Ok(()),
            };
        }
        let target = self.capture.target(written, target);
        self.place(archive, written, Some(Node::Symlink(target)))
    }

    /// The file that a hard link names.
    pub(super) fn file_at(&self, written: &RelPath) -> Option<Node> {
        match &self.placed.get(&self.capture.path(written))?.node {
            Some(node @ Node::File { .. }) => Some(node.clone()),
            _ => None,
        }
    }

    /// All paths in order; `None` stands for a folder.
    pub(super) fn into_nodes(self) -> impl Iterator<Item = (RelPath, Option<Node>)> {
        self.placed.into_iter().map(|(path, placed)| (path, placed.node))
    }

    fn place(&mut self, archive: usize, written: &RelPath, node: Option<Node>) -> Result<(), Refusal> {
        let path = self.capture.path(written);
        self.put(archive, &path, written, node)
    }

    fn put(
        &mut self,
        archive: usize,
        path: &RelPath,
        written: &RelPath,
        node: Option<Node>,
    ) -> Result<(), Refusal> {
        if path.is_root() {
            return if node.is_none() { Ok(()) } else { Err(EntryProblem::FolderAndFile.into()) };
        }
        self.refuse_through(path)?;
        if let Some(placed) = self.placed.get(path) {
            match (&placed.node, &node) {
                (None, None) => return Ok(()),
                (Some(old), Some(new)) if old == new => return Ok(()),
                _ if placed.archive != archive => {
                    return Err(Refusal::Overlap { first: placed.archive, path: path.clone() });
                }
                (None, Some(_)) | (Some(_), None) => return Err(EntryProblem::FolderAndFile.into()),
                (Some(_), Some(_)) if placed.written != *written => {
                    return Err(EntryProblem::Alias { other: placed.written.to_string() }.into());
                }
                (Some(_), Some(_)) => {}
            }
        } else if node.is_some() && self.has_below(path) {
            return Err(EntryProblem::FolderAndFile.into());
        }
        self.placed.insert(path.clone(), Placed { node, written: written.clone(), archive });
        Ok(())
    }

    /// Refuses a path one of whose folders is something else.
    fn refuse_through(&self, path: &RelPath) -> Result<(), Refusal> {
        let mut ancestor = path.parent();
        while let Some(folder) = ancestor.filter(|folder| !folder.is_root()) {
            if let Some(Placed { node: Some(_), .. }) = self.placed.get(&folder) {
                return Err(EntryProblem::Through { through: folder.to_string() }.into());
            }
            ancestor = folder.parent();
        }
        Ok(())
    }

    fn has_below(&self, path: &RelPath) -> bool {
        // No name starts with a smaller character, so this is where such paths begin.
        let Ok(first) = RelPath::new(&format!("{path}/\u{1}")) else { return false };
        let mut after = self.placed.range((Bound::Included(first), Bound::Unbounded));
        after.next().is_some_and(|(next, _)| next.starts_with(path))
    }
}
