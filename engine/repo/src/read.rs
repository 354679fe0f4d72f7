//! A repository as its readers see it: which architectures it has and what their
//! indexes list, once somebody who is trusted vouches for them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use wiz_apk::Record;
use wiz_apk::index::archive::{self, IndexArchive};
use wiz_apk::key::{PrivateKey, PublicKeys};
use wiz_apk::signature::Signature;

use crate::INDEX;
use crate::error::{RepositoryError, reading};

/// What an index says.
#[derive(Debug)]
pub struct Index {
    /// What it says of itself.
    pub description: String,
    /// One for each package.
    pub records: Vec<Record>,
    /// The key that vouches for it, by file name.
    pub signed_by: String,
}

/// The architectures that have an index, in order.
///
/// # Errors
/// [`RepositoryError`] if the folder cannot be read or has none.
pub fn architectures(repository: &Path) -> Result<Vec<String>, RepositoryError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository).map_err(reading(repository))? {
        let entry = entry.map_err(reading(repository))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().join(INDEX).is_file() {
            found.push(name);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(RepositoryError::NoRepository { path: repository.to_owned() });
    }
    Ok(found)
}

/// Reads an index that one of `keys` has signed; `None` if there is no such file.
///
/// # Errors
/// [`RepositoryError::Untrusted`] if none has, and others if it is malformed.
pub fn index(path: &Path, keys: &PublicKeys) -> Result<Option<Index>, RepositoryError> {
    let Some(archive) = open(path)? else { return Ok(None) };
    let untrusted = |source| RepositoryError::Untrusted { path: path.to_owned(), source };
    let signed_by = archive.verify(keys).map_err(untrusted)?.to_owned();
    Ok(Some(taken(path, archive, signed_by)?))
}

/// Reads an index that a build left. Its signatures, if any, are not looked at.
pub(crate) fn unsigned_index(path: &Path) -> Result<Index, RepositoryError> {
    let missing = || reading(path)(io::Error::from(io::ErrorKind::NotFound));
    let archive = open(path)?.ok_or_else(missing)?;
    taken(path, archive, String::new())
}

/// The records of an index whose packages can lie beside it.
fn taken(path: &Path, archive: IndexArchive, signed_by: String) -> Result<Index, RepositoryError> {
    let records = archive.records().map_err(|source| malformed(path, source))?;
    for record in &records {
        let name = record.file_name();
        if name.contains('/') || name.starts_with('.') {
            return Err(RepositoryError::FileName { path: path.to_owned(), name });
        }
    }
    Ok(Index { description: archive.description, records, signed_by })
}

/// The bytes of an index with the signature of `key` in front. It is as old as its
/// newest package.
pub(crate) fn signed_index(
    path: &Path,
    records: &[Record],
    description: &str,
    key: &PrivateKey,
) -> Result<Vec<u8>, RepositoryError> {
    let newest = records.iter().filter_map(|record| record.build_time).max().unwrap_or(0);
    let failed = |source| RepositoryError::Sign { path: path.to_owned(), source };
    let member = archive::write(records, description, newest).map_err(|source| malformed(path, source))?;
    let mut bytes = Signature::sign(&member, key).and_then(|made| made.to_member()).map_err(failed)?;
    bytes.extend_from_slice(&member);
    Ok(bytes)
}

/// The record of the highest version of each name, in the order of names.
pub(crate) fn newest(records: &[Record]) -> Vec<&Record> {
    let mut newest: BTreeMap<&wiz_apk::Name, &Record> = BTreeMap::new();
    for record in records {
        let kept = newest.entry(&record.name).or_insert(record);
        if record.version.compare(&kept.version).is_gt() {
            *kept = record;
        }
    }
    newest.into_values().collect()
}

/// Where a package lies.
pub(crate) fn package_path(folder: &Path, record: &Record) -> PathBuf {
    folder.join(record.file_name())
}

fn open(path: &Path) -> Result<Option<IndexArchive>, RepositoryError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reading(path)(error)),
    };
    IndexArchive::read(BufReader::new(file)).map(Some).map_err(|source| malformed(path, source))
}

fn malformed(path: &Path, source: archive::IndexError) -> RepositoryError {
    RepositoryError::Index { path: path.to_owned(), source }
}
