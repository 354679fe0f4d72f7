//! A signed repository from the unsigned one that a build leaves.
//!
//! The packages of an architecture and their index are one folder, made beside its
//! place and put there whole. A stamp in it says what it was made from, so that
//! nothing is written when nothing changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use wiz_apk::Record;
use wiz_apk::key::PrivateKey;

use crate::error::{RepositoryError, reading, writing};
use crate::key_folder::{self, NamedPublicKeys};
use crate::lock::Lock;
use crate::{INDEX, KEYS, UNSIGNED_INDEX, package, place, read};

/// Says what a folder was made from.
const STAMP: &str = ".signed";

/// Raised when the same input gives other files.
const STAMP_VERSION: u32 = 1;

/// What a build leaves of a repository.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// The architecture's name.
    pub arch: &'a str,
    /// Identifies the tree of the unsigned repository.
    pub tree: &'a str,
}

/// What became of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is as it was.
    Unchanged,
    /// It was signed, with this many packages.
    Signed {
        /// How many packages it has.
        packages: usize,
    },
}

/// Writes the signed repository to `folder`, beside what it has for other architectures.
/// `keys` are the public keys it is verified with; `source` gives the folder that holds
/// `<arch>/`, and is asked only if something changed.
///
/// # Errors
/// [`RepositoryError`] if a package is not what the unsigned index means, or a file
/// fails; the repository is then what it was.
pub fn write_signed<E: From<RepositoryError>>(
    unsigned: Unsigned<'_>,
    key: &PrivateKey,
    keys: &NamedPublicKeys,
    folder: &Path,
    source: impl FnOnce() -> Result<std::path::PathBuf, E>,
) -> Result<Written, E> {
    let origin = origin(unsigned, key);
    let place = folder.join(unsigned.arch);
    let is_current = || is_current(&place, &origin) && keys_are(&folder.join(KEYS), keys);
    if is_current() {
        return Ok(Written::Unchanged);
    }
    let _lock = Lock::take(folder)?;
    if is_current() {
        return Ok(Written::Unchanged);
    }
    place::sweep(folder).map_err(writing(folder))?;
    write_keys(folder, keys)?;
    let mut packages = 0;
    if !self::is_current(&place, &origin) {
        packages = write_architecture(&source()?.join(unsigned.arch), &place, key, &origin)?;
    }
    remove_keys(folder, |name| !keys.contains_key(name))?;
    Ok(Written::Signed { packages })
}

/// Makes the folder of an architecture and puts it in its place.
fn write_architecture(
    from: &Path,
    place: &Path,
    key: &PrivateKey,
    origin: &str,
) -> Result<usize, RepositoryError> {
    let index = read::unsigned_index(&from.join(UNSIGNED_INDEX))?;
    let new = place::beside(place);
    fs::create_dir(&new).map_err(writing(&new))?;
    let mut records: Vec<Record> = index.records;
    for record in &mut records {
        let path = read::package_path(&new, record);
        let mut file = fs::File::create(&path).map_err(writing(&path))?;
        record.size = package::sign(&read::package_path(from, record), record, key, &mut file)?;
    }
    let path = new.join(INDEX);
    let bytes = read::signed_index(&path, &records, &index.description, key)?;
    fs::write(&path, bytes).map_err(writing(&path))?;
    let path = new.join(STAMP);
    let stamp = stamp(&new, origin).map_err(reading(&new))?;
    fs::write(&path, stamp).map_err(writing(&path))?;
    place::swap(&new, place).map_err(writing(place))?;
    Ok(records.len())
}

/// Writes the keys that are missing or other than they should be.
pub(crate) fn write_keys(folder: &Path, keys: &NamedPublicKeys) -> Result<(), RepositoryError> {
    let folder = folder.join(KEYS);
    fs::create_dir_all(&folder).map_err(writing(&folder))?;
    for (name, (_, pem)) in keys {
        let path = folder.join(name);
        if !fs::read(&path).is_ok_and(|found| found == pem.as_bytes()) {
            place::write(&path, pem.as_bytes(), 0o644).map_err(writing(&path))?;
        }
    }
    Ok(())
}

/// Removes the keys that `is_gone` names.
pub(crate) fn remove_keys(folder: &Path, is_gone: impl Fn(&str) -> bool) -> Result<(), RepositoryError> {
    let folder = folder.join(KEYS);
    for name in key_folder::public_key_names(&folder)?.iter().filter(|name| is_gone(name)) {
        let path = folder.join(name);
        fs::remove_file(&path).map_err(writing(&path))?;
    }
    Ok(())
}

/// What a signed folder is made from, as the first lines of its stamp.
fn origin(unsigned: Unsigned<'_>, key: &PrivateKey) -> String {
    let public = hex::encode(sha2_of(key.public().to_pem().as_bytes()));
    format!(
        "wiz signed repository {STAMP_VERSION}\ntree {}\nkey {} {public}\n",
        unsigned.tree,
        key.public_file_name()
    )
}

fn sha2_of(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

/// The stamp of a folder: its origin, and its files as they are now.
fn stamp(folder: &Path, origin: &str) -> std::io::Result<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != STAMP {
            names.insert(name);
        }
    }
    let mut text = origin.to_owned();
    for name in names {
        let metadata = fs::symlink_metadata(folder.join(&name))?;
        let _ = writeln!(text, "{name} {} {}.{}", metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    }
    Ok(text)
}

/// Whether the folder at `place` is made from `origin` and has not been touched since.
fn is_current(place: &Path, origin: &str) -> bool {
    let found = fs::read_to_string(place.join(STAMP)).unwrap_or_default();
    found.starts_with(origin) && stamp(place, origin).is_ok_and(|stamp| stamp == found)
}

fn keys_are(folder: &Path, keys: &NamedPublicKeys) -> bool {
    let text = |keys: &NamedPublicKeys| -> Vec<(String, String)> {
        keys.iter().map(|(name, (_, pem))| (name.clone(), pem.clone())).collect()
    };
    key_folder::public_keys(folder).is_ok_and(|found| text(&found) == text(keys))
}
