//! Layers: an opening member that lists directories once, segments as they
//! are, and a closing member with the end of the archive.
//!
//! Nothing is compressed again; segments are decompressed only to be hashed,
//! because a layer's diff_id is the SHA-256 of its whole tar and SHA-256 cannot
//! be put together from parts. On one core that runs at some 230 MB of files a
//! second, three quarters of it decompression, and only layers that changed have
//! to be written again: a layer depends on nothing but its plan. Segments kept
//! uncompressed as well would save those three quarters for three times the disk.
//!
//! Concatenated gzip members are one valid gzip stream (RFC 1952, section 2.2).
//! Unaware of which packages belong together (see [`crate::grouping`]) and of
//! whether two segments have the same path.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use flate2::write::GzDecoder;
use serde::{Deserialize, Serialize};
use wiz_base::RelPath;

use crate::digest::Sha256Digest;
use crate::gzip;
use crate::measured::Measured;
use crate::media_type;
use crate::segment::SegmentInfo;
use crate::tar::{END_OF_ARCHIVE, Entry, Kind, Metadata, TarError};

/// How many compressed bytes are read at a time.
const CHUNK: usize = 128 * 1024;

/// Mode of a directory that no package declares.
const IMPLIED_MODE: u32 = 0o755;

/// What goes into one layer.
#[derive(Clone, Debug)]
pub struct LayerPlan<'a> {
    /// Every directory declared in the image. A layer lists a directory that
    /// holds an entry of its own with what is said here, because an extractor
    /// lets the upper layer decide; one not declared is owned by root with mode
    /// 0755 and time 0.
    pub declared: &'a BTreeMap<RelPath, Metadata>,
    /// Directories that this layer lists although none of its segments has an
    /// entry in them.
    pub listed: BTreeSet<RelPath>,
    /// The segments in the order in which they are to be unpacked.
    pub segments: Vec<&'a SegmentInfo>,
}

/// A layer as configuration and manifest name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// One of the layer types of [`crate::media_type`].
    pub media_type: String,
    /// Digest of the layer as it is stored and sent.
    pub digest: Sha256Digest,
    /// Length of the layer as it is stored and sent, in bytes.
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Sha256Digest,
}

impl LayerPlan<'_> {
    /// Writes the layer to `output`. `open` yields a segment's compressed bytes.
    ///
    /// # Errors
    /// [`LayerError`]; what was written so far is then of no use.
    pub fn write<R: Read, W: Write>(
        &self,
        mut open: impl FnMut(&SegmentInfo) -> io::Result<R>,
        output: W,
    ) -> Result<(LayerInfo, W), LayerError> {
        let mut blob = Measured::new(output);
        let mut tar = Measured::new(io::sink());
        write_member(&self.opening()?, &mut blob, &mut tar)?;
        for segment in &self.segments {
            let unreadable = |source| LayerError::Segment { digest: segment.digest, source };
            let bytes = open(segment).map_err(unreadable)?;
            tar = append_segment(segment, bytes, &mut blob, tar)?;
        }
        write_member(&END_OF_ARCHIVE, &mut blob, &mut tar)?;
        let (diff_id, ..) = tar.finish();
        let (digest, size, output) = blob.finish();
        let media_type = media_type::LAYER_GZIP.to_owned();
        Ok((LayerInfo { media_type, digest, size, diff_id }, output))
    }

    /// The directories' entries, parents before children.
    fn opening(&self) -> Result<Vec<u8>, TarError> {
        let mut tar = Vec::new();
        for path in self.directories() {
            let implied = || Metadata::root_owned(IMPLIED_MODE, 0);
            let metadata = self.declared.get(&path).cloned().unwrap_or_else(implied);
            tar.extend(Entry { path, kind: Kind::Directory, metadata }.header()?);
        }
        Ok(tar)
    }

    /// All directories to list. The root is one of them only if it is declared:
    /// an extractor has made it already.
    fn directories(&self) -> BTreeSet<RelPath> {
        let mut directories = BTreeSet::new();
        let parents = self.segments.iter().flat_map(|segment| &segment.parents);
        for start in parents.chain(&self.listed) {
            let ancestors = std::iter::successors(Some(start.clone()), RelPath::parent);
            directories.extend(ancestors.filter(|path| !path.is_root() || self.declared.contains_key(path)));
        }
        directories
    }
}

/// Compresses `bytes` as a member of its own; nothing if there are none.
fn write_member(bytes: &[u8], blob: &mut impl Write, tar: &mut impl Write) -> Result<(), LayerError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let member = gzip::member(bytes).map_err(LayerError::Output)?;
    blob.write_all(&member).map_err(LayerError::Output)?;
    tar.write_all(bytes).map_err(LayerError::Output)
}

/// Copies a segment to `blob` and its tar to `tar`, which it hands back.
fn append_segment<T: Write>(
    segment: &SegmentInfo,
    bytes: impl Read,
    blob: &mut impl Write,
    tar: Measured<T>,
) -> Result<Measured<T>, LayerError> {
    let unreadable = |source| LayerError::Segment { digest: segment.digest, source };
    let before = tar.size();
    let mut decoder = GzDecoder::new(tar);
    let mut compressed = Measured::new(io::sink());
    let mut bytes = bytes.take(segment.size.saturating_add(1));
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = match bytes.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let piece = &chunk[..length];
        compressed.write_all(piece).map_err(unreadable)?;
        decoder.write_all(piece).map_err(unreadable)?;
        blob.write_all(piece).map_err(LayerError::Output)?;
    }
    let tar = decoder.finish().map_err(unreadable)?;
    let (digest, ..) = compressed.finish();
    if digest != segment.digest {
        return Err(LayerError::Mismatch { expected: segment.digest, found: digest });
    }
    if tar.size() - before != segment.uncompressed {
        return Err(LayerError::Length {
            digest,
            expected: segment.uncompressed,
            found: tar.size() - before,
        });
    }
    Ok(tar)
}

/// Why a layer could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A directory has metadata that tar cannot hold.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// A segment could not be opened, read or decompressed.
    #[error("cannot read segment `{digest}`")]
    Segment {
        /// The segment.
        digest: Sha256Digest,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// The bytes are not those of the segment they were opened for.
    #[error("segment `{expected}` has other bytes than it should: they are `{found}`")]
    Mismatch {
        /// What the plan names.
        expected: Sha256Digest,
        /// What was read.
        found: Sha256Digest,
    },
    /// The segment's description does not fit its bytes.
    #[error("segment `{digest}` holds {found} bytes of tar, not {expected}")]
    Length {
        /// The segment.
        digest: Sha256Digest,
        /// What the plan says, in bytes.
        expected: u64,
        /// What it decompresses to, in bytes.
        found: u64,
    },
    /// The layer could not be written.
    #[error("cannot write the layer")]
    Output(#[source] io::Error),
}

#[cfg(test)]
mod tests;
