//! Feeds on disk: a document, a folder of them, or a zipped one. Named by their digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest as _, Sha256};

use crate::advisory::Advisory;
use crate::error::AuditError;
use crate::{osv, secdb, wolfi};

const KNOWN: &str = "OSV documents, secdb and Wolfi's advisories are, as JSON or YAML";

/// The advisories of one source, and where in them each package is.
#[derive(Debug)]
pub struct Feed {
    /// The path it was read from, as it was given.
    pub name: String,
    /// SHA-256 of the file; of a folder, of the list of its files that `sha256sum` would
    /// write, sorted by path.
    pub sha256: String,
    advisories: Vec<Advisory>,
    by_name: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Feed {
    /// Reads a feed.
    ///
    /// # Errors
    /// [`AuditError`] if it cannot be read, or one of its documents is broken.
    pub fn read(path: &Path) -> Result<Self, AuditError> {
        let failed = |error| AuditError::Read { path: path.to_owned(), error };
        let name = path.display().to_string();
        if path.is_dir() {
            let mut files = Vec::new();
            below(path, &mut files)?;
            let read = |file: PathBuf| {
                let bytes =
                    std::fs::read(&file).map_err(|error| AuditError::Read { path: file.clone(), error })?;
                Ok((file.strip_prefix(path).unwrap_or(&file).display().to_string(), bytes))
            };
            return Self::of_folder(&name, files.into_iter().map(read).collect::<Result<_, _>>()?);
        }
        Self::of_file(&name, std::fs::read(path).map_err(failed)?)
    }

    /// Reads a feed of a document, or of a zipped folder of them.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn of_file(name: &str, bytes: Vec<u8>) -> Result<Self, AuditError> {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        if bytes.starts_with(b"PK\x03\x04") {
            let failed = |error| AuditError::Read { path: name.into(), error };
            return Self::of_documents(name, sha256, &zipped(&bytes).map_err(failed)?);
        }
        Self::of_documents(name, sha256, &[(name.to_owned(), bytes)])
    }

    /// Reads a feed of the documents in a folder, each with its path in it; other files are left out.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn of_folder(name: &str, mut files: Vec<(String, Vec<u8>)>) -> Result<Self, AuditError> {
        files.retain(|(path, _)| is_document(path));
        files.sort();
        let mut list = String::new();
        for (path, bytes) in &files {
            let _ = writeln!(list, "{}  {path}", hex::encode(Sha256::digest(bytes)));
        }
        Self::of_documents(name, hex::encode(Sha256::digest(list.as_bytes())), &files)
    }

    fn of_documents(name: &str, sha256: String, documents: &[(String, Vec<u8>)]) -> Result<Self, AuditError> {
        let mut advisories = Vec::new();
        for (name, bytes) in documents {
            advisories.extend(advisories_of(name, bytes)?);
        }
        if documents.is_empty() {
            return Err(AuditError::Empty { path: name.into() });
        }
        let mut by_name: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for (number, advisory) in advisories.iter().enumerate() {
            for (place, affected) in advisory.affected.iter().enumerate() {
                by_name.entry(affected.name.to_ascii_lowercase()).or_default().push((number, place));
            }
        }
        Ok(Self { name: name.to_owned(), sha256, advisories, by_name })
    }

    /// How many advisories it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.advisories.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.advisories.is_empty()
    }

    /// The advisories about a package of that name, in lower case.
    pub(crate) fn about(&self, name: &str) -> impl Iterator<Item = (&Advisory, &crate::Affected)> {
        let places = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&(number, place)| {
            let advisory = &self.advisories[number];
            (advisory, &advisory.affected[place])
        })
    }
}

fn is_document(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "json" || extension == "yaml" || extension == "yml")
}

fn below(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), AuditError> {
    let failed = |error| AuditError::Read { path: path.to_owned(), error };
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let file = entry.path();
        if kind.is_dir() {
            below(&file, files)?;
        } else if is_document(&file.to_string_lossy()) {
            files.push(file);
        }
    }
    Ok(())
}

fn zipped(bytes: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).map_err(io::Error::other)?;
    let mut documents = Vec::new();
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).map_err(io::Error::other)?;
        let name = entry.name().map_err(io::Error::other)?.into_owned();
        if entry.is_file() && is_document(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            documents.push((name, bytes));
        }
    }
    Ok(documents)
}

/// What tells the forms apart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Keys {
    id: Option<IgnoredAny>,
    modified: Option<IgnoredAny>,
    packages: Option<IgnoredAny>,
    package: Option<IgnoredAny>,
    advisories: Option<IgnoredAny>,
}

impl Keys {
    fn of(text: &str) -> Option<Self> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).ok();
        }
        // YAML is not read twice: its top-level keys begin their lines.
        let key = |name: &str| {
            text.lines()
                .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
                .then_some(IgnoredAny)
        };
        Some(Self {
            id: key("id"),
            modified: key("modified"),
            packages: key("packages"),
            package: key("package"),
            advisories: key("advisories"),
        })
    }
}

fn advisories_of(name: &str, bytes: &[u8]) -> Result<Vec<Advisory>, AuditError> {
    let unknown = || AuditError::Form { path: name.to_owned(), known: KNOWN };
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    match Keys::of(text) {
        Some(Keys { id: Some(_), modified: Some(_), .. }) => {
            Ok(osv::advisory(parse(name, "OSV", text)?).into_iter().collect())
        }
        Some(Keys { advisories: Some(_), package: Some(_), .. }) => {
            Ok(wolfi::advisories(parse(name, "an advisory document", text)?))
        }
        Some(Keys { packages: Some(_), .. }) => Ok(secdb::advisories(parse(name, "secdb", text)?)),
        _ => Err(unknown()),
    }
}

/// Reads JSON or YAML.
pub(crate) fn parse<T: DeserializeOwned>(
    name: &str,
    form: &'static str,
    text: &str,
) -> Result<T, AuditError> {
    let failed = |reason: String| AuditError::Content { path: name.to_owned(), form, reason };
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| failed(error.to_string()));
    }
    serde_saphyr::from_str(text).map_err(|error| failed(error.to_string()))
}
