//! Which package has which file and folder, and whether a file is still as its package
//! has it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use rustix::fs::FileType;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use wiz_apk::Checksum;
use wiz_apk::database::installed::{InstalledFile, InstalledPackage};

use crate::root::{Folder, RootError};
use crate::state::State;

/// What packages have, by path.
#[derive(Debug, Default)]
pub(super) struct Contents {
    files: BTreeMap<String, Owned>,
    folders: BTreeMap<String, BTreeSet<Checksum>>,
}

/// A file of a package.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    /// The package's identity.
    pub(super) owner: Checksum,
    pub(super) file: InstalledFile,
}

impl Contents {
    pub(super) fn of(state: &State) -> Self {
        let mut contents = Self::default();
        state.packages.iter().for_each(|package| contents.add(package));
        contents
    }

    pub(super) fn add(&mut self, package: &InstalledPackage) {
        let Some(owner) = package.record.identity else { return };
        for directory in &package.directories {
            self.folders.entry(directory.path.clone()).or_default().insert(owner);
            for file in &directory.files {
                let owned = Owned { owner, file: file.clone() };
                self.files.insert(join(&directory.path, &file.name), owned);
            }
        }
    }

    pub(super) fn remove(&mut self, package: &InstalledPackage) {
        let Some(owner) = package.record.identity else { return };
        for directory in &package.directories {
            for file in &directory.files {
                let path = join(&directory.path, &file.name);
                if self.files.get(&path).is_some_and(|owned| owned.owner == owner) {
                    self.files.remove(&path);
                }
            }
            if let Some(owners) = self.folders.get_mut(&directory.path) {
                owners.remove(&owner);
                if owners.is_empty() {
                    self.folders.remove(&directory.path);
                }
            }
        }
    }

    pub(super) fn file(&self, path: &str) -> Option<&Owned> {
        self.files.get(path)
    }

    /// Whether a package other than `except` has the folder.
    pub(super) fn is_folder_of_another(&self, path: &str, except: &[Checksum]) -> bool {
        self.folders.get(path).is_some_and(|owners| owners.iter().any(|owner| !except.contains(owner)))
    }
}

/// A path in a folder of the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether the file or link `name` in `folder` is another than its package has; a missing
/// one is not. Its owner and mode do not count. One that is listed without a checksum
/// cannot be told, and counts as changed.
///
/// # Errors
/// [`RootError`] if it cannot be read.
pub fn is_changed(folder: &Folder, name: &str, expected: Option<&Checksum>) -> Result<bool, RootError> {
    let Some(metadata) = folder.metadata(name)? else { return Ok(false) };
    let Some(expected) = expected else { return Ok(true) };
    Ok(checksum(folder, name, metadata.kind, expected)?.as_ref() != Some(expected))
}

/// The checksum of a file's bytes or a link's text by the same function as `like`; `None`
/// for anything else.
fn checksum(
    folder: &Folder,
    name: &str,
    kind: FileType,
    like: &Checksum,
) -> Result<Option<Checksum>, RootError> {
    let hash = |input: &mut dyn Read| -> std::io::Result<Checksum> {
        let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
        let mut buffer = [0; 64 * 1024];
        loop {
            match (input.read(&mut buffer)?, like) {
                (0, Checksum::Sha1(_)) => return Ok(Checksum::Sha1(sha1.finalize().into())),
                (0, Checksum::Sha256(_)) => return Ok(Checksum::Sha256(sha256.finalize().into())),
                (length, Checksum::Sha1(_)) => sha1.update(&buffer[..length]),
                (length, Checksum::Sha256(_)) => sha256.update(&buffer[..length]),
            }
        }
    };
    let failed = |source| RootError::io("read", name, source);
    match kind {
        FileType::Symlink => hash(&mut folder.link_target(name)?.as_bytes()).map(Some).map_err(failed),
        FileType::RegularFile => hash(&mut folder.file(name)?).map(Some).map_err(failed),
        _ => Ok(None),
    }
}
