//! The journal of a root: what is being done to it, so that it can be finished or
//! undone after a process was killed.
//!
//! Lines of JSON in the file `journal` of the database's folder, as
//! docs/formats/journal.md has it. It is there from the first change to the last.

use std::fs::File;
use std::io::Write as _;

use serde::{Deserialize, Serialize};
use wiz_apk::Checksum;
use wiz_apk::database::world::WorldDependency;
use wiz_apk::index::RecordError;

use crate::root::{Root, RootError};
use crate::state;

const NAME: &str = "journal";
const VERSION: u32 = 1;

/// The journal of what is being done.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Since the last commit.
    staged: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Line {
    /// The first line.
    Begin {
        /// Version of the format.
        version: u32,
        /// What shall be asked for when all is done.
        world: Vec<String>,
    },
    /// A file is about to be written under a name of its own.
    Stage(String),
    /// A folder is about to be made.
    Folder(String),
    /// All files of a package are there: from now on it is installed.
    Commit(Commit),
    /// The steps of the last commit are done.
    Done,
}

/// A package comes in, goes out, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commit {
    /// The package that comes in, as the installed database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) installed: Option<String>,
    /// The identity of the one that goes.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "identity")]
    pub(crate) removed: Option<Checksum>,
    /// Folders the one that comes in waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) triggers: Vec<String>,
    /// What is to be done in the root, in order.
    pub(crate) steps: Vec<Step>,
}

/// Something to be done in the root, which may have been done already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// A file gets its name, in its folder.
    Rename {
        /// The folder's path.
        folder: String,
        /// Its name so far.
        from: String,
        /// Its name from now on.
        to: String,
    },
    /// A file or link goes.
    Remove(String),
    /// A folder goes if it is empty.
    RemoveFolder(String),
}

impl Step {
    pub(crate) fn carry_out(&self, root: &Root) -> Result<(), RootError> {
        match self {
            Self::Rename { folder, from, to } => {
                let folder = root.folder(folder)?;
                match folder.metadata(from)? {
                    Some(_) => folder.rename(from, to),
                    None => Ok(()),
                }
            }
            Self::Remove(path) => match root.parent(path) {
                Ok((folder, name)) => folder.remove(name).map(drop),
                Err(error) if error.is_missing() => Ok(()),
                Err(error) => Err(error),
            },
            Self::RemoveFolder(path) => match root.parent(path) {
                Ok((folder, name)) => folder.remove_folder(name).map(drop),
                Err(error) if error.is_missing() => Ok(()),
                Err(error) => Err(error),
            },
        }
    }
}

impl Journal {
    /// Begins a journal; there must be none.
    pub(crate) fn begin(root: &Root, world: &[WorldDependency]) -> Result<Self, JournalError> {
        let folder = root.folder(state::folder(root)?)?;
        let file = folder.create(NAME, 0o600)?;
        let mut journal = Self { file, staged: Vec::new() };
        let world = world.iter().map(ToString::to_string).collect();
        journal.write(&Line::Begin { version: VERSION, world })?;
        Ok(journal)
    }

    /// A file of this path is about to be written.
    pub(crate) fn stage(&mut self, path: &str) -> Result<(), JournalError> {
        self.note(Line::Stage(path.to_owned()))
    }

    /// A folder of this path is about to be made.
    pub(crate) fn folder(&mut self, path: &str) -> Result<(), JournalError> {
        self.note(Line::Folder(path.to_owned()))
    }

    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<(), JournalError> {
        self.staged.clear();
        self.write(&Line::Commit(commit.clone()))
    }

    pub(crate) fn done(&mut self) -> Result<(), JournalError> {
        self.write(&Line::Done)
    }

    /// Undoes what was staged since the last commit.
    pub(crate) fn roll_back(&mut self, root: &Root) -> Result<(), JournalError> {
        undo(root, &std::mem::take(&mut self.staged))
    }

    /// Removes the journal.
    pub(crate) fn end(self, root: &Root) -> Result<(), JournalError> {
        remove(root)
    }

    fn note(&mut self, line: Line) -> Result<(), JournalError> {
        self.write(&line)?;
        self.staged.push(line);
        Ok(())
    }

    /// One write for one line, so that a line is torn at most at the end of the file.
    fn write(&mut self, line: &Line) -> Result<(), JournalError> {
        let mut text = serde_json::to_string(line).map_err(|source| JournalError::Json { source })?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|source| JournalError::Write { source })
    }
}

/// Removes what was staged, the last first.
pub(crate) fn undo(root: &Root, staged: &[Line]) -> Result<(), JournalError> {
    for line in staged.iter().rev() {
        match line {
            Line::Stage(path) => Step::Remove(path.clone()).carry_out(root)?,
            Line::Folder(path) => Step::RemoveFolder(path.clone()).carry_out(root)?,
            Line::Begin { .. } | Line::Commit(_) | Line::Done => {}
        }
    }
    Ok(())
}

/// The lines of the journal in the root, without one that was torn; `None` if there is
/// none.
pub(crate) fn read(root: &Root) -> Result<Option<Vec<Line>>, JournalError> {
    let Some(bytes) = root.read(&format!("{}/{NAME}", state::folder(root)?))? else { return Ok(None) };
    let mut lines: Vec<Line> = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        lines.push(serde_json::from_slice(line).map_err(|source| JournalError::Json { source })?);
    }
    match lines.first() {
        Some(Line::Begin { version, .. }) if *version != VERSION => {
            Err(JournalError::Version { version: *version })
        }
        _ => Ok(Some(lines)),
    }
}

/// Removes the journal.
pub(crate) fn remove(root: &Root) -> Result<(), JournalError> {
    root.folder(state::folder(root)?)?.remove(NAME)?;
    Ok(())
}

/// A checksum as apk writes it.
mod identity {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use wiz_apk::Checksum;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Checksum>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(checksum) => serializer.serialize_str(&checksum.to_string()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Checksum>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Some).map_err(de::Error::custom)
    }
}

/// A journal that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file of the root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A line that is not of the format.
    #[error("the journal of the root is malformed")]
    Json {
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A package that is not of the database's format.
    #[error("the journal of the root is malformed")]
    Package {
        /// What is wrong with it.
        source: RecordError,
    },
    /// A version this program does not know.
    #[error("the journal of the root is of version {version}, hint: this program knows version 1")]
    Version {
        /// The version in the file.
        version: u32,
    },
    /// The disk.
    #[error("cannot write the journal")]
    Write {
        /// Why not.
        source: std::io::Error,
    },
}
