//! What an expanded tree looked like when it was made. Unaware of the tree's folder.

use std::path::Path;

use wiz_base::{Digest, RelPath};

use crate::frame::{Frame, FrameReader};
use crate::stamp::{STAMP_LEN, Stamp};
use crate::usage::FILE_OVERHEAD;

const MAGIC: &str = "wiz-tree-1";

/// The manifest beside an expanded tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TreeManifest {
    /// Digest of the tree.
    pub(crate) root: Digest,
    /// Bytes of all its files.
    pub(crate) bytes: u64,
    /// Every path with its stamp; the empty path is the tree's own folder.
    pub(crate) entries: Vec<(RelPath, Stamp)>,
}

impl TreeManifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut frame = Frame::new(MAGIC);
        frame.digest(&self.root);
        frame.word(self.bytes);
        frame.word(self.entries.len() as u64);
        for (path, stamp) in &self.entries {
            frame.bytes(path.as_str().as_bytes());
            frame.fixed(&stamp.to_bytes());
        }
        frame.finish()
    }

    /// Bytes the tree takes on disk, about.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.bytes + self.entries.len() as u64 * FILE_OVERHEAD
    }

    /// The manifest in that file; any defect makes it none.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::decode(&std::fs::read(path).ok()?)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut frame = FrameReader::open(MAGIC, bytes)?;
        let root = frame.digest()?;
        let bytes = frame.word()?;
        let count = frame.word()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let path = RelPath::new(frame.text()?).ok()?;
            entries.push((path, Stamp::from_bytes(frame.fixed::<STAMP_LEN>()?)));
        }
        frame.is_at_end().then_some(Self { root, bytes, entries })
    }
}
