//! One archive on its way into the tree: entry by entry, whatever the format.
//!
//! Bytes go from the decompressor into blobs; names go to [`super::placement`].
//! Unaware of parameters and outputs.

use std::fs::File;
use std::io::{self, BufReader, Read};

use wiz_base::{Digest, Node, RelPath};
use wiz_cas::StoreError;

use super::error::{ArchiveProblem, EntryProblem, UnpackError};
use super::limits::Share;
use super::placement::{Placement, Refusal};
use super::selection::Selection;
use super::stream::ReadAhead;
use super::tar::{TarEntry, TarKind, TarProblem, TarStream};
use super::zip::{self, ZipEntry, ZipKind};
use crate::native::{NativeError, NativeJob};

/// Files below this many bytes are read whole before they are stored.
const WHOLE_BELOW: u64 = 1 << 20;

/// What has been unpacked so far.
pub(super) struct Unpacked {
    pub(super) placement: Placement,
    /// Newest time of a regular file, in seconds since 1970.
    pub(super) newest: u64,
    /// Files whose set-id bits were dropped.
    pub(super) levelled: Vec<RelPath>,
    pub(super) entries: u64,
    /// What people call the archives.
    pub(super) names: Vec<String>,
}

impl Unpacked {
    pub(super) fn log(&self) -> String {
        let mut log = format!("{} entries unpacked\n", self.entries);
        for path in &self.levelled {
            log.push_str(&format!("set-id bits dropped: {path}\n"));
        }
        log
    }
}

/// One archive on its way into the tree.
pub(super) struct Extraction<'a> {
    pub(super) job: &'a NativeJob<'a>,
    /// Its place among the archives.
    pub(super) index: usize,
    pub(super) selection: Selection<'a>,
    pub(super) share: Share<'a>,
    pub(super) unpacked: &'a mut Unpacked,
}

/// What formats have in common.
struct Found<'a> {
    name: &'a [u8],
    mode: u32,
    mtime: u64,
    size: u64,
}

impl Extraction<'_> {
    pub(super) fn tar(&mut self, mut stream: TarStream<ReadAhead>) -> Result<(), NativeError> {
        while let Some(entry) = stream.next(&mut self.share).map_err(|problem| self.tar_error(problem))? {
            self.stop_if_cancelled()?;
            self.tar_entry(&entry, &mut stream)?;
        }
        stream.finish(&mut self.share).map_err(|problem| self.tar_error(problem))
    }

    fn tar_entry(&mut self, entry: &TarEntry, stream: &mut TarStream<ReadAhead>) -> Result<(), NativeError> {
        let found = Found { name: &entry.name, mode: entry.mode, mtime: entry.mtime, size: entry.size };
        let Some(path) = self.place(&found, matches!(entry.kind, TarKind::File))? else { return Ok(()) };
        match &entry.kind {
            TarKind::Folder => self.folder(&found, &path),
            TarKind::File => self.file(&found, &path, stream),
            TarKind::Symlink(target) => self.link(&found, &path, target),
            TarKind::HardLink(target) => self.hard_link(&found, &path, target),
            TarKind::Refused(problem) => Err(self.entry_error(&entry.name, problem.clone())),
        }
    }

    pub(super) fn zip(&mut self, mut archive: ::zip::ZipArchive<BufReader<File>>) -> Result<(), NativeError> {
        for (number, name) in zip::raw_names(&archive).into_iter().enumerate() {
            self.stop_if_cancelled()?;
            let mut file = match archive.by_index(number) {
                Ok(file) => file,
                Err(error) if zip::unsupported(&error) => {
                    let problem = EntryProblem::Unsupported("encrypted or compressed in an unusual way");
                    return Err(self.entry_error(&name, problem));
                }
                Err(error) => return Err(self.archive_error(ArchiveProblem::Zip(error))),
            };
            let entry = ZipEntry::of(&file);
            self.share.entry(entry.size).map_err(|problem| self.archive_error(problem))?;
            let found = Found { name: &name, mode: entry.mode, mtime: entry.mtime, size: entry.size };
            let Some(path) = self.place(&found, matches!(entry.kind, ZipKind::File))? else { continue };
            match entry.kind {
                ZipKind::Folder => self.folder(&found, &path)?,
                ZipKind::File => self.file(&found, &path, &mut file)?,
                ZipKind::Symlink => {
                    let target = self.read_whole(&found, &mut file)?;
                    self.link(&found, &path, &target)?;
                }
                ZipKind::Refused(problem) => return Err(self.entry_error(&name, problem)),
            }
        }
        Ok(())
    }

    /// Where the entry goes. Times of files that are left out count too: a package's
    /// epoch is that of its whole source.
    fn place(&mut self, found: &Found<'_>, is_file: bool) -> Result<Option<RelPath>, NativeError> {
        if is_file {
            self.unpacked.newest = self.unpacked.newest.max(found.mtime);
        }
        let placed = self.selection.place(found.name);
        let placed = placed.map_err(|problem| self.entry_error(found.name, problem))?;
        self.unpacked.entries += u64::from(placed.is_some());
        Ok(placed)
    }

    fn folder(&mut self, found: &Found<'_>, path: &RelPath) -> Result<(), NativeError> {
        let placed = self.unpacked.placement.folder(self.index, path);
        placed.map_err(|refusal| self.refused(found, refusal))
    }

    fn file(
        &mut self,
        found: &Found<'_>,
        path: &RelPath,
        source: &mut (impl Read + Send),
    ) -> Result<(), NativeError> {
        let digest = if found.size < WHOLE_BELOW {
            self.job.store.put_bytes(&self.read_whole(found, source)?)?
        } else {
            self.store_large(found, source)?
        };
        if found.mode & 0o6000 != 0 {
            self.unpacked.levelled.push(path.clone());
        }
        let node = Node::File { digest, executable: found.mode & 0o111 != 0 };
        let placed = self.unpacked.placement.file(self.index, path, node);
        placed.map_err(|refusal| self.refused(found, refusal))
    }

    fn link(&mut self, found: &Found<'_>, path: &RelPath, target: &[u8]) -> Result<(), NativeError> {
        let text = std::str::from_utf8(target).ok().filter(|text| !text.is_empty() && !text.contains('\0'));
        let Some(target) = text else { return Err(self.entry_error(found.name, EntryProblem::Target)) };
        let placed = self.unpacked.placement.link(self.index, path, target);
        placed.map_err(|refusal| self.refused(found, refusal))
    }

    fn hard_link(&mut self, found: &Found<'_>, path: &RelPath, target: &[u8]) -> Result<(), NativeError> {
        let place = self.selection.place_of_target(target);
        let place = place.map_err(|problem| self.entry_error(found.name, problem))?;
        let Some(node) = place.and_then(|place| self.unpacked.placement.file_at(&place)) else {
            let target = String::from_utf8_lossy(target).into_owned();
            return Err(self.entry_error(found.name, EntryProblem::HardLink { target }));
        };
        let placed = self.unpacked.placement.file(self.index, path, node);
        placed.map_err(|refusal| self.refused(found, refusal))
    }

    /// Reads an entry of known size; one byte more would be noticed.
    fn read_whole(&self, found: &Found<'_>, source: &mut impl Read) -> Result<Vec<u8>, NativeError> {
        let mut bytes = Vec::with_capacity(usize::try_from(found.size.min(WHOLE_BELOW)).unwrap_or(0) + 1);
        let read = source.take(found.size.saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(|error| self.archive_error(ArchiveProblem::Damaged(error)))?;
        self.expect_size(found, read as u64)?;
        Ok(bytes)
    }

    fn store_large(&self, found: &Found<'_>, source: &mut (impl Read + Send)) -> Result<Digest, NativeError> {
        let cancelled = self.job.cancelled;
        let limited = source.take(found.size.saturating_add(1));
        let mut watched = Watched { source: limited, cancelled, failure: None };
        match self.job.store.put_reader(&mut watched) {
            Ok(digest) => self.expect_size(found, digest.size()).map(|()| digest),
            Err(error) => Err(self.reading_failed(watched.failure, error)),
        }
    }

    /// Tells a damaged archive from a store that cannot be written.
    fn reading_failed(&self, failure: Option<Failure>, error: StoreError) -> NativeError {
        match failure {
            Some(Failure::Cancelled) => NativeError::Cancelled,
            Some(Failure::Source(error)) => self.archive_error(ArchiveProblem::Damaged(error)),
            None => NativeError::Store(error),
        }
    }

    fn expect_size(&self, found: &Found<'_>, size: u64) -> Result<(), NativeError> {
        if size == found.size {
            return Ok(());
        }
        let message = format!("{size} bytes where {} were announced", found.size);
        Err(self.archive_error(ArchiveProblem::Damaged(io::Error::other(message))))
    }

    fn stop_if_cancelled(&self) -> Result<(), NativeError> {
        if (self.job.cancelled)() { Err(NativeError::Cancelled) } else { Ok(()) }
    }

    fn name(&self) -> &str {
        &self.unpacked.names[self.index]
    }

    fn archive_error(&self, problem: ArchiveProblem) -> NativeError {
        archive_error(self.name(), problem)
    }

    fn entry_error(&self, entry: &[u8], problem: EntryProblem) -> NativeError {
        refused(&self.unpacked.names, self.index, entry, Refusal::Entry(problem))
    }

    fn refused(&self, found: &Found<'_>, refusal: Refusal) -> NativeError {
        refused(&self.unpacked.names, self.index, found.name, refusal)
    }

    fn tar_error(&self, problem: TarProblem) -> NativeError {
        match problem {
            TarProblem::Archive(problem) => self.archive_error(problem),
            TarProblem::Entry(name, problem) => self.entry_error(&name, problem),
        }
    }
}

/// A source that remembers why it stopped.
struct Watched<'a, R> {
    source: R,
    cancelled: &'a (dyn Fn() -> bool + Sync),
    failure: Option<Failure>,
}

enum Failure {
    Cancelled,
    Source(io::Error),
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.cancelled)() {
            self.failure = Some(Failure::Cancelled);
            return Err(io::Error::other("stopped"));
        }
        self.source.read(buffer).inspect_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.failure = Some(Failure::Source(copy));
        })
    }
}

pub(super) fn archive_error(archive: &str, problem: ArchiveProblem) -> NativeError {
    UnpackError::Archive { archive: archive.to_owned(), problem }.into()
}

pub(super) fn refused(names: &[String], archive: usize, entry: &[u8], refusal: Refusal) -> NativeError {
    let name = |index: usize| names[index].clone();
    let error = match refusal {
        Refusal::Entry(problem) => {
            UnpackError::Entry { archive: name(archive), entry: printable(entry), problem }
        }
        Refusal::Overlap { first, path } => {
            UnpackError::Overlap { first: name(first), second: name(archive), path: path.to_string() }
        }
    };
    error.into()
}

/// A name on one line, whatever is in it.
fn printable(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
