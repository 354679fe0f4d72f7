//! Segments: a package's files and links as tar, compressed once.
//!
//! A segment is one gzip member without directories and without an end of
//! archive, so that a layer is made of segments by concatenation (see
//! [`crate::layer`]). Unaware of packages, of who owns which directory, and of
//! files on disk: contents come from readers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use wiz_base::RelPath;

use crate::digest::Sha256Digest;
use crate::gzip;
use crate::measured::Measured;
use crate::tar::{Entry, Kind, TarError, padding};

/// What a layer must know of a segment besides its bytes.
///
/// There is no SHA-256 of the uncompressed bytes here: it could not be joined
/// with those of other segments. A layer's diff_id is made by decompressing its
/// segments while they are concatenated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Digest of the compressed bytes.
    pub digest: Sha256Digest,
    /// Length of the compressed bytes.
    pub size: u64,
    /// Length of the tar in bytes, a multiple of [`crate::tar::BLOCK`].
    pub uncompressed: u64,
    /// The directories that hold the segment's entries, which its layer has to list.
    pub parents: BTreeSet<RelPath>,
}

/// Writes a segment, entry by entry in the order given.
#[derive(Debug)]
pub struct SegmentWriter<W: Write> {
    encoder: GzEncoder<Measured<W>>,
    uncompressed: u64,
    /// Every path so far, and whether a hard link may name it.
    paths: BTreeMap<RelPath, Linkable>,
    parents: BTreeSet<RelPath>,
}

/// Whether a path is a file, which hard links may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Linkable {
    File,
    Other,
}

impl<W: Write> SegmentWriter<W> {
    /// Starts a segment on `output`.
    pub fn new(output: W) -> Self {
        Self {
            encoder: gzip::encoder(Measured::new(output)),
            uncompressed: 0,
            paths: BTreeMap::new(),
            parents: BTreeSet::new(),
        }
    }

    /// Adds `entry`; a file's bytes are read from `content`, which is left alone
    /// for links.
    ///
    /// # Errors
    /// [`SegmentError`]; the segment is then unusable.
    pub fn append(&mut self, entry: &Entry, content: impl Read) -> Result<(), SegmentError> {
        let header = entry.header()?;
        self.admit(entry)?;
        let io_error = |source| SegmentError::Io { path: entry.path.clone(), source };
        self.encoder.write_all(&header).map_err(io_error)?;
        self.uncompressed += header.len() as u64;
        if let Kind::File { size } = entry.kind {
            self.copy(&entry.path, size, content)?;
        }
        Ok(())
    }

    /// Ends the segment.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(self) -> io::Result<(SegmentInfo, W)> {
        let Self { encoder, uncompressed, parents, .. } = self;
        let (digest, size, output) = encoder.finish()?.finish();
        Ok((SegmentInfo { digest, size, uncompressed, parents }, output))
    }

    /// Notes the entry's path, or says why the segment cannot have it.
    fn admit(&mut self, entry: &Entry) -> Result<(), SegmentError> {
        let linkable = match &entry.kind {
            Kind::Directory => return Err(SegmentError::Directory { path: entry.path.clone() }),
            Kind::HardLink { target } if self.paths.get(target) != Some(&Linkable::File) => {
                return Err(SegmentError::DanglingHardLink {
                    path: entry.path.clone(),
                    target: target.clone(),
                });
            }
            Kind::File { .. } | Kind::HardLink { .. } => Linkable::File,
            Kind::Symlink { .. } => Linkable::Other,
        };
        if self.paths.insert(entry.path.clone(), linkable).is_some() {
            return Err(SegmentError::Duplicate { path: entry.path.clone() });
        }
        self.parents.extend(entry.path.parent());
        Ok(())
    }

    fn copy(&mut self, path: &RelPath, size: u64, content: impl Read) -> Result<(), SegmentError> {
        let io_error = |source| SegmentError::Io { path: path.clone(), source };
        // One byte more than announced is asked for, to notice a longer content.
        let mut content = content.take(size.saturating_add(1));
        let copied = io::copy(&mut content, &mut self.encoder).map_err(io_error)?;
        if copied != size {
            return Err(SegmentError::Length { path: path.clone(), expected: size });
        }
        let padding = padding(size);
        self.encoder.write_all(padding).map_err(io_error)?;
        self.uncompressed += size + padding.len() as u64;
        Ok(())
    }
}

/// Why an entry could not be added to a segment.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Tar has no form for the entry.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Directories are listed by the layer, once for all its segments.
    #[error("`{path}` is a directory, which a segment cannot hold: its layer lists it")]
    Directory {
        /// Path of the entry.
        path: RelPath,
    },
    /// The path was added before.
    #[error("`{path}` is in the segment twice")]
    Duplicate {
        /// Path of the entry.
        path: RelPath,
    },
    /// The hard link comes before its file, or the file is not in the segment.
    #[error("hard link `{path}` names `{target}`, which is no file earlier in the segment")]
    DanglingHardLink {
        /// Path of the link.
        path: RelPath,
        /// What it names.
        target: RelPath,
    },
    /// The content is shorter or longer than the entry says.
    #[error("`{path}` does not have the {expected} bytes its entry announces")]
    Length {
        /// Path of the file.
        path: RelPath,
        /// The size in the entry, in bytes.
        expected: u64,
    },
    /// The content could not be read, or the output not written.
    #[error("cannot copy `{path}` into the segment")]
    Io {
        /// Path of the entry.
        path: RelPath,
        /// What the system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
