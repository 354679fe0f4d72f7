//! How much space the store takes. Unaware of what may be removed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::expand::manifest::TreeManifest;
use crate::index::sharded_files;
use crate::store::Store;

/// What a file takes beyond its bytes, in bytes: half a block and its inode.
pub(crate) const FILE_OVERHEAD: u64 = 2048 + 256;

/// Number of things and the space they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many there are.
    pub count: u64,
    /// Bytes on disk, about.
    pub bytes: u64,
}

impl Share {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// Space by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs, directories among them.
    pub blobs: Share,
    /// Results.
    pub results: Share,
    /// Expanded trees.
    pub trees: Share,
    /// The index, the journal, and what processes are writing.
    pub other: Share,
    /// Damaged files that were set aside; the next collection removes them.
    pub damaged: Share,
}

impl Usage {
    /// Bytes of everything.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        [self.blobs, self.results, self.trees, self.other, self.damaged].iter().map(|share| share.bytes).sum()
    }
}

impl Store {
    /// Looks at every file and adds up.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let layout = self.layout();
        let mut usage = Usage::default();
        for (share, folder) in [(&mut usage.blobs, &layout.blobs), (&mut usage.results, &layout.results)] {
            sharded_files(folder).for_each(|(_, metadata)| share.add(metadata.size() + FILE_OVERHEAD));
        }
        for entry in fs::read_dir(&layout.trees).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                usage.trees.add(tree_bytes(&path.with_extension("manifest")));
            }
        }
        for folder in [&layout.index, &layout.state, &layout.pins, &layout.temporary] {
            add_below(folder, &mut usage.other);
        }
        add_below(&layout.damaged, &mut usage.damaged);
        usage
    }
}

/// What an expanded tree takes; one without a manifest is about to be removed.
fn tree_bytes(manifest: &Path) -> u64 {
    TreeManifest::read(manifest).map_or(0, |manifest| manifest.disk_bytes())
}

fn add_below(folder: &Path, share: &mut Share) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => add_below(&entry.path(), share),
            Ok(metadata) => share.add(metadata.size() + FILE_OVERHEAD),
            Err(_) => {}
        }
    }
}
