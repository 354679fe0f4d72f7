//! Reads a workspace once and remembers what was read as what, so that a later build
//! can tell whether any of it changed. Unaware of what files mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wiz_base::{Digest, DigestFunction, RelPath};

use crate::sources::{DirEntry, EntryKind, Sources};

/// What the loader saw at a path. Digests are of the text, or of the sorted listing
/// with one entry a line, by the workspace's function; `None` where nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observation {
    /// A file was read.
    File(Option<Digest>),
    /// A folder was listed.
    Folder(Option<Digest>),
}

/// Whether all of `observed` would be observed again.
///
/// # Errors
/// Whatever keeps an existing file or folder from being read.
pub fn unchanged<'a>(
    sources: &dyn Sources,
    function: DigestFunction,
    observed: impl IntoIterator<Item = (&'a RelPath, &'a Observation)>,
) -> io::Result<bool> {
    for (path, before) in observed {
        let now = match before {
            Observation::File(_) => {
                Observation::File(sources.read(path)?.map(|text| function.digest(text.as_bytes())))
            }
            Observation::Folder(_) => {
                Observation::Folder(sources.list(path)?.map(|entries| listing_digest(function, entries)))
            }
        };
        if now != *before {
            return Ok(false);
        }
    }
    Ok(true)
}

fn listing_digest(function: DigestFunction, mut entries: Vec<DirEntry>) -> Digest {
    entries.sort();
    digest_sorted(function, &entries)
}

fn digest_sorted(function: DigestFunction, entries: &[DirEntry]) -> Digest {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{:?} {}", entry.kind, entry.name);
    }
    function.digest(text.as_bytes())
}

/// Reads each file and lists each folder at most once.
pub(crate) struct Reader<'a> {
    sources: &'a dyn Sources,
    function: DigestFunction,
    files: Mutex<BTreeMap<RelPath, Option<Digest>>>,
    folders: Mutex<BTreeMap<RelPath, Option<Arc<Folder>>>>,
}

/// The entries of a folder, ordered by name.
#[derive(Debug)]
pub(crate) struct Folder {
    entries: Vec<DirEntry>,
}

impl Folder {
    /// What the entry of that name is.
    pub(crate) fn kind(&self, name: &str) -> Option<EntryKind> {
        let place = self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        Some(self.entries[place].kind)
    }

    /// The entries by name.
    pub(crate) fn entries(&self) -> &[DirEntry] {
        &self.entries
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(sources: &'a dyn Sources, function: DigestFunction) -> Self {
        Self { sources, function, files: Mutex::default(), folders: Mutex::default() }
    }

    /// The text of a file; `None` if there is none.
    pub(crate) fn read(&self, path: &RelPath) -> io::Result<Option<String>> {
        let text = self.sources.read(path)?;
        let digest = text.as_ref().map(|text| self.function.digest(text.as_bytes()));
        locked(&self.files).insert(path.clone(), digest);
        Ok(text)
    }

    /// The entries of a folder; `None` if there is none.
    pub(crate) fn list(&self, path: &RelPath) -> io::Result<Option<Arc<Folder>>> {
        if let Some(known) = locked(&self.folders).get(path) {
            return Ok(known.clone());
        }
        let folder = self.sources.list(path)?.map(|mut entries| {
            entries.sort();
            Arc::new(Folder { entries })
        });
        locked(&self.folders).insert(path.clone(), folder.clone());
        Ok(folder)
    }

    /// Everything read so far.
    pub(crate) fn observations(&self) -> BTreeMap<RelPath, Observation> {
        let mut observed: BTreeMap<_, _> = locked(&self.folders)
            .iter()
            .map(|(path, folder)| {
                let digest = folder.as_ref().map(|folder| digest_sorted(self.function, &folder.entries));
                (path.clone(), Observation::Folder(digest))
            })
            .collect();
        let files = locked(&self.files);
        observed.extend(files.iter().map(|(path, digest)| (path.clone(), Observation::File(*digest))));
        observed
    }
}

/// A lock's content; nothing that panics holds one.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
