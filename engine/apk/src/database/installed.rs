//! `installed`: each installed package's record, and behind it its folders and files.
//!
//! Modes and owners are written only where they differ from 0:0:755 for folders and
//! 0:0:644 for files.

use std::fmt;

use crate::checksum::Checksum;
use crate::dependency::{Dependency, parse_list};
use crate::index::record::{list, number, split_field};
use crate::index::{Record, RecordError, paragraphs};

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledPackage {
    /// The fields it shares with an index.
    pub record: Record,
    /// `r:` packages whose files it may overwrite.
    pub replaces: Vec<Dependency>,
    /// `q:`
    pub replaces_priority: Option<u64>,
    /// `s:` tag of the repository it is pinned to.
    pub repository_tag: Option<String>,
    /// `f:` and `g:` what is wrong with it, and other fields behind the record.
    pub others: Vec<(char, String)>,
    /// Its folders in order.
    pub directories: Vec<InstalledDirectory>,
}

/// A folder of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledDirectory {
    /// Path below the root; empty for the root itself.
    pub path: String,
    /// `M:` owner and mode.
    pub attributes: Attributes,
    /// The package's files and links in it, in order.
    pub files: Vec<InstalledFile>,
}

/// A file or link of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// Its name in its folder.
    pub name: String,
    /// `a:` owner and mode.
    pub attributes: Attributes,
    /// `Z:` checksum of its bytes, or of a symbolic link's target.
    pub checksum: Option<Checksum>,
}

/// Owner and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Attributes {
    /// What a folder has if nothing is said: 0:0:755.
    pub const DIRECTORY: Self = Self { uid: 0, gid: 0, mode: 0o755 };
    /// What a file has if nothing is said: 0:0:644.
    pub const FILE: Self = Self { uid: 0, gid: 0, mode: 0o644 };

    fn parse(letter: char, value: &str) -> Result<Self, RecordError> {
        let wrong = || RecordError::Number { field: letter, value: value.to_owned() };
        let mut parts = value.split(':');
        let mut next = || parts.next().ok_or_else(wrong);
        let (uid, gid, mode) = (number(letter, next()?)?, number(letter, next()?)?, next()?);
        let mode = u32::from_str_radix(mode, 8).map_err(|_| wrong())?;
        Ok(Self { uid, gid, mode })
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:o}", self.uid, self.gid, self.mode)
    }
}

/// Reads an installed database.
///
/// # Errors
/// The first malformed package's error.
pub fn parse(text: &str) -> Result<Vec<InstalledPackage>, RecordError> {
    paragraphs(text).map(InstalledPackage::parse).collect()
}

/// Writes an installed database: a package, an empty line, the next.
#[must_use]
pub fn format(packages: &[InstalledPackage]) -> String {
    packages.iter().map(|package| format!("{package}\n")).collect()
}

impl InstalledPackage {
    /// A package without files.
    #[must_use]
    pub fn new(record: Record) -> Self {
        Self {
            record,
            replaces: Vec::new(),
            replaces_priority: None,
            repository_tag: None,
            others: Vec::new(),
            directories: Vec::new(),
        }
    }

    /// Reads one package.
    ///
    /// # Errors
    /// [`RecordError`] if a line is malformed or has nothing to belong to.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let is_local = |line: &&str| line.starts_with(['r', 'q', 's', 'f', 'g', 'F', 'M', 'R', 'a', 'Z']);
        let (local, header): (Vec<&str>, Vec<&str>) = text.lines().partition(is_local);
        let mut package = Self::new(Record::parse(&header.join("\n"))?);
        for line in local {
            let (letter, value) = split_field(line)?;
            package.set(letter, value).ok_or_else(|| RecordError::Place { line: line.to_owned() })??;
        }
        Ok(package)
    }

    /// `None` if the field has no folder or file to belong to.
    fn set(&mut self, letter: char, value: &str) -> Option<Result<(), RecordError>> {
        let result = match letter {
            'r' => parse_list(value).map(|replaces| self.replaces = replaces).map_err(RecordError::from),
            'q' => number(letter, value).map(|priority| self.replaces_priority = Some(priority)),
            's' => {
                self.repository_tag = Some(value.to_owned());
                Ok(())
            }
            'F' => {
                let attributes = Attributes::DIRECTORY;
                self.directories.push(InstalledDirectory {
                    path: value.to_owned(),
                    attributes,
                    files: Vec::new(),
                });
                Ok(())
            }
            'M' => {
                let directory = self.directories.last_mut()?;
                Attributes::parse(letter, value).map(|attributes| directory.attributes = attributes)
            }
            'R' => {
                let attributes = Attributes::FILE;
                let file = InstalledFile { name: value.to_owned(), attributes, checksum: None };
                self.directories.last_mut()?.files.push(file);
                Ok(())
            }
            'a' => {
                let file = self.directories.last_mut()?.files.last_mut()?;
                Attributes::parse(letter, value).map(|attributes| file.attributes = attributes)
            }
            'Z' => {
                let file = self.directories.last_mut()?.files.last_mut()?;
                value.parse().map(|checksum| file.checksum = Some(checksum)).map_err(RecordError::from)
            }
            _ => {
                self.others.push((letter, value.to_owned()));
                Ok(())
            }
        };
        Some(result)
    }
}

impl fmt::Display for InstalledPackage {
    /// The package's lines, without an empty line behind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.record)?;
        if let Some(replaces) = list(&self.replaces) {
            writeln!(f, "r:{replaces}")?;
        }
        if let Some(priority) = self.replaces_priority {
            writeln!(f, "q:{priority}")?;
        }
        if let Some(tag) = &self.repository_tag {
            writeln!(f, "s:{tag}")?;
        }
        for (letter, value) in &self.others {
            writeln!(f, "{letter}:{value}")?;
        }
        self.directories.iter().try_for_each(|directory| write!(f, "{directory}"))
    }
}

impl fmt::Display for InstalledDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "F:{}", self.path)?;
        if self.attributes != Attributes::DIRECTORY {
            writeln!(f, "M:{}", self.attributes)?;
        }
        for file in &self.files {
            writeln!(f, "R:{}", file.name)?;
            if file.attributes != Attributes::FILE {
                writeln!(f, "a:{}", file.attributes)?;
            }
            if let Some(checksum) = file.checksum {
                writeln!(f, "Z:{checksum}")?;
            }
        }
        Ok(())
    }
}
