//! A workspace on disk. Unaware of what its files say.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use wiz_base::RelPath;

use crate::sources::{DirEntry, EntryKind, Sources};

/// The file that names what the loader does not look at: one glob a line, relative to
/// the workspace; `#` opens a comment.
pub const IGNORE_FILE: &str = ".wizignore";

/// The folder results are linked in, never a source.
const OUTPUT_FOLDER: &str = "wiz-out";

/// Folders of version control, never sources.
const VERSION_CONTROL: [&str; 3] = [".git", ".hg", ".jj"];

/// A folder on disk as a workspace.
#[derive(Debug)]
pub struct DiskSources {
    root: PathBuf,
    hidden: BTreeSet<RelPath>,
    ignored: GlobSet,
}

impl DiskSources {
    /// The workspace at `root`, without `wiz-out`, version control, the folders in
    /// `hidden` (the cache, if it lies in the workspace) and what `.wizignore` names.
    ///
    /// # Errors
    /// [`DiskSourcesError`] if `.wizignore` cannot be read or understood.
    pub fn new(
        root: impl Into<PathBuf>,
        hidden: impl IntoIterator<Item = RelPath>,
    ) -> Result<Self, DiskSourcesError> {
        let root = root.into();
        let text = match std::fs::read_to_string(root.join(IGNORE_FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(DiskSourcesError::Unreadable { source }),
        };
        Ok(Self { root, hidden: hidden.into_iter().collect(), ignored: ignored(&text)? })
    }

    fn is_ignored(&self, path: &RelPath) -> bool {
        let top = path.segments().next().unwrap_or_default();
        top == OUTPUT_FOLDER
            || VERSION_CONTROL.contains(&path.file_name())
            || self.hidden.contains(path)
            || self.ignored.is_match(path.as_str())
    }
}

fn ignored(text: &str) -> Result<GlobSet, DiskSourcesError> {
    let mut set = GlobSetBuilder::new();
    for (index, line) in text.lines().enumerate() {
        let pattern = line.trim().trim_matches('/');
        if pattern.is_empty() || pattern.starts_with('#') {
            continue;
        }
        let malformed = |source| DiskSourcesError::Glob { line: index + 1, source };
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(malformed)?);
    }
    set.build().map_err(|source| DiskSourcesError::Glob { line: 1, source })
}

impl Sources for DiskSources {
    fn read(&self, path: &RelPath) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.root.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, path: &RelPath) -> io::Result<Option<Vec<DirEntry>>> {
        let entries = match std::fs::read_dir(self.root.join(path)) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is no text, or no path segment, cannot be written in a BUILD.star.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(inner) = path.join_str(&name) else { continue };
            if self.is_ignored(&inner) {
                continue;
            }
            let kind = entry.file_type()?;
            let kind = match (kind.is_dir(), kind.is_file(), kind.is_symlink()) {
                (true, _, _) => EntryKind::Directory,
                (_, true, _) => EntryKind::File,
                (_, _, true) => EntryKind::Symlink,
                _ => continue,
            };
            found.push(DirEntry { name, kind });
        }
        Ok(Some(found))
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// A workspace that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DiskSourcesError {
    /// `.wizignore` exists and cannot be read.
    #[error("cannot read `{IGNORE_FILE}`")]
    Unreadable {
        /// Why.
        source: io::Error,
    },
    /// A line of `.wizignore` is not a glob.
    #[error("line {line} of `{IGNORE_FILE}` is not a glob")]
    Glob {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: globset::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn what_is_ignored_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a/BUILD.star", "a/x.tmp", "wiz-out/f", ".git/f", "cache/f", "old/deep/f"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        std::fs::write(folder.path().join(IGNORE_FILE), "# comment\n/old/\n**/*.tmp\n").unwrap();
        let sources = DiskSources::new(folder.path(), [RelPath::new("cache").unwrap()]).unwrap();

        let list = |path: &str| {
            let entries = sources.list(&RelPath::new(path).unwrap()).unwrap();
            entries.map(BTreeSet::from_iter).map(Vec::from_iter)
        };
        expect![[r#"
            Some(
                [
                    DirEntry {
                        name: ".wizignore",
                        kind: File,
                    },
                    DirEntry {
                        name: "a",
                        kind: Directory,
                    },
                    DirEntry {
                        name: "link",
                        kind: Symlink,
                    },
                ],
            )
        "#]]
        .assert_debug_eq(&list(""));
        assert_eq!(list("a").unwrap().len(), 1);
        assert_eq!(list("none"), None);
        assert_eq!(sources.read(&RelPath::new("a").unwrap()).unwrap(), None);
    }
}
