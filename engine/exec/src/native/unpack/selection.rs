//! Which entries of an archive are taken, and under which path. Unaware of formats.

use wiz_base::RelPath;

use super::error::{ArchiveProblem, EntryProblem};
use crate::native::file_globs::FileGlobs;

/// As many paths are shown when a glob matches nothing.
const SHOWN: usize = 5;

/// What is taken of one archive.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    strip: usize,
    only: FileGlobs,
    without: &'a FileGlobs,
    into: RelPath,
    /// Globs of `only` that took something.
    used: Vec<bool>,
    seen: Vec<String>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(strip: usize, only: FileGlobs, without: &'a FileGlobs, into: RelPath) -> Self {
        let used = vec![false; only.len()];
        Self { strip, only, without, into, used, seen: Vec::new() }
    }

    /// Where an entry goes; `None` if it is left out.
    pub(super) fn place(&mut self, name: &[u8]) -> Result<Option<RelPath>, EntryProblem> {
        let text = String::from_utf8_lossy(name);
        let segments = segments(&text)?;
        if segments.len() <= self.strip {
            return Ok(None);
        }
        let inner = segments[self.strip..].join("/");
        if self.seen.len() < SHOWN {
            self.seen.push(inner.clone());
        }
        if !self.wants(&inner) {
            return Ok(None);
        }
        if std::str::from_utf8(name).is_err() {
            return Err(EntryProblem::Name);
        }
        self.into.join_str(&inner).map(Some).map_err(|_| EntryProblem::Name)
    }

    /// Where the file that a hard link names went, had it been taken.
    pub(super) fn place_of_target(&self, name: &[u8]) -> Result<Option<RelPath>, EntryProblem> {
        let text = std::str::from_utf8(name).map_err(|_| EntryProblem::Target)?;
        let segments = segments(text)?;
        let inner = segments.get(self.strip..).unwrap_or_default().join("/");
        if inner.is_empty() {
            return Ok(None);
        }
        self.into.join_str(&inner).map(Some).map_err(|_| EntryProblem::Target)
    }

    /// Refuses globs that took nothing.
    pub(super) fn finish(self) -> Result<(), ArchiveProblem> {
        let unused = self.used.iter().position(|used| !used);
        match unused.and_then(|index| self.only.texts().nth(index)) {
            Some(glob) => Err(ArchiveProblem::Unmatched { glob: glob.to_owned(), seen: self.seen }),
            None => Ok(()),
        }
    }

    fn wants(&mut self, path: &str) -> bool {
        if self.without.find(path).is_some() {
            return false;
        }
        let mut wanted = self.only.is_empty();
        for index in self.only.all(path) {
            self.used[index] = true;
            wanted = true;
        }
        wanted
    }
}

/// The segments of a path, without those that say nothing.
fn segments(text: &str) -> Result<Vec<&str>, EntryProblem> {
    if text.starts_with('/') {
        return Err(EntryProblem::Absolute);
    }
    let segments: Vec<&str> = text.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    if segments.contains(&"..") { Err(EntryProblem::Escapes) } else { Ok(segments) }
}
