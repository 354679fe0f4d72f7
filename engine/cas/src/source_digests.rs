//! Digests of the workspace's own files, remembered by what `stat` says of them.
//!
//! One compact file, read whole and written whole. A file that was changed while or
//! shortly before it was hashed is not remembered, since a second change within the
//! same tick of the clock would leave no trace. Unaware of what the files are for.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use wiz_base::{Digest, DigestFunction, RelPath};

use crate::blobs::open_regular;
use crate::error::StoreError;
use crate::frame::{Frame, FrameReader};
use crate::hashing::digest_file;
use crate::stamp::{STAMP_LEN, Stamp};
use crate::temp_area::lock_file;

const MAGIC: &str = "wiz-sources-1";

/// A file of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// The digests of one workspace's files.
#[derive(Debug)]
pub struct SourceDigests {
    /// Where they are kept.
    file: PathBuf,
    function: DigestFunction,
    state: Mutex<State>,
    /// Change time of a file touched before anything was hashed, in nanoseconds.
    started: OnceLock<Option<i64>>,
}

type Known = BTreeMap<RelPath, (Stamp, Digest)>;

#[derive(Debug, Default)]
struct State {
    known: Known,
    /// What this process found out; `None` for what is no longer to be remembered.
    changes: BTreeMap<RelPath, Option<(Stamp, Digest)>>,
}

impl SourceDigests {
    /// Reads what is remembered in `file`; a missing or damaged file remembers
    /// nothing. `function` is the one the workspace uses.
    #[must_use]
    pub fn load(file: &Path, function: DigestFunction) -> Self {
        let known = read(file, function);
        let state = Mutex::new(State { known, changes: BTreeMap::new() });
        Self { file: file.to_owned(), function, state, started: OnceLock::new() }
    }

    /// The file at `path` below the folder `workspace`; hashed only if it changed.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or is not a regular file; links are not
    /// followed at the end of the path.
    pub fn get(&self, workspace: &Path, path: &RelPath) -> Result<SourceFile, StoreError> {
        let place = workspace.join(path.as_str());
        let metadata = fs::symlink_metadata(&place).map_err(|error| {
            self.remember(path, None);
            StoreError::io("read", &place)(error)
        })?;
        let stamp = Stamp::of(&metadata);
        let known = self.known(path);
        if let Some((_, digest)) = known.filter(|(known, _)| metadata.is_file() && *known == stamp) {
            return Ok(SourceFile { digest, executable: is_executable(&metadata) });
        }
        self.hash(path, &place)
    }

    /// Writes what was found out, together with what other processes have written
    /// meanwhile. Does nothing if nothing was found out.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written; only time is lost then.
    pub fn save(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.changes.is_empty() {
            return Ok(());
        }
        let (lock, new) = (self.beside("lock"), self.beside("new"));
        let _lock = lock_file(&lock).map_err(StoreError::io("lock", &lock))?;
        let mut known = read(&self.file, self.function);
        for (path, change) in std::mem::take(&mut state.changes) {
            match change {
                Some(entry) => known.insert(path, entry),
                None => known.remove(&path),
            };
        }
        fs::write(&new, encode(&known, self.function)).map_err(StoreError::io("write", &new))?;
        fs::rename(&new, &self.file).map_err(StoreError::io("write", &self.file))?;
        state.known = known;
        Ok(())
    }

    fn known(&self, path: &RelPath) -> Option<(Stamp, Digest)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.changes.get(path) {
            Some(change) => *change,
            None => state.known.get(path).copied(),
        }
    }

    fn remember(&self, path: &RelPath, entry: Option<(Stamp, Digest)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.is_some() || state.known.contains_key(path) || state.changes.contains_key(path) {
            state.changes.insert(path.clone(), entry);
        }
    }

    fn hash(&self, path: &RelPath, place: &Path) -> Result<SourceFile, StoreError> {
        let read = || StoreError::io::<io::Error>("read", place);
        let started = *self.started.get_or_init(|| self.touch().ok());
        let mut file = open_regular(place)?;
        let metadata = file.metadata().map_err(read())?;
        let before = Stamp::of(&metadata);
        let digest = digest_file(self.function, &mut file, before.size).map_err(read())?;
        let unchanged = Stamp::of(&file.metadata().map_err(read())?) == before;
        let settled = started.is_some_and(|started| before.ctime < started);
        self.remember(path, (unchanged && settled).then_some((before, digest)));
        Ok(SourceFile { digest, executable: is_executable(&metadata) })
    }

    /// Changes a file beside the remembered ones and returns its change time.
    fn touch(&self) -> io::Result<i64> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(self.beside("touched"))?;
        file.write_all(b"\n")?;
        Ok(Stamp::of(&file.metadata()?).ctime)
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(extension);
        self.file.with_file_name(name)
    }
}

fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o100 != 0
}

fn encode(known: &Known, function: DigestFunction) -> Vec<u8> {
    let mut frame = Frame::new(MAGIC);
    frame.bytes(function.name().as_bytes());
    frame.word(known.len() as u64);
    for (path, (stamp, digest)) in known {
        frame.bytes(path.as_str().as_bytes());
        frame.fixed(&stamp.to_bytes());
        frame.digest(digest);
    }
    frame.finish()
}

fn read(file: &Path, function: DigestFunction) -> Known {
    fs::read(file).ok().and_then(|bytes| decode(&bytes, function)).unwrap_or_default()
}

fn decode(bytes: &[u8], function: DigestFunction) -> Option<Known> {
    let mut frame = FrameReader::open(MAGIC, bytes)?;
    if frame.text()? != function.name() {
        return None;
    }
    let mut known = Known::new();
    for _ in 0..frame.word()? {
        let path = RelPath::new(frame.text()?).ok()?;
        let stamp = Stamp::from_bytes(frame.fixed::<STAMP_LEN>()?);
        known.insert(path, (stamp, frame.digest()?));
    }
    frame.is_at_end().then_some(known)
}

#[cfg(test)]
mod tests;
