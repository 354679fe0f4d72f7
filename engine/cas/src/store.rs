//! One cache folder opened for one digest function. What it can do is said in the
//! files named after the things it does it with. Unaware of other stores.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wiz_base::{Digest, DigestFunction};

use crate::directories::{DirectoryCache, directory_cache};
use crate::durability::Suspects;
use crate::error::StoreError;
use crate::expand::{Clones, ExpandedTrees};
use crate::layout::Layout;
use crate::lease::OwnLease;
use crate::merge::{MergeCache, merge_cache};
use crate::results::{CompleteCache, complete_cache};
use crate::temp_area::{Scratch, TempArea};
use crate::verified_blobs::VerifiedBlobs;

/// Where Linux tells one boot from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// How a store is opened.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// Identifies the running boot; by default what the kernel says.
    pub boot_id: Option<String>,
}

/// The store. Cloning is cheap and shares everything; any number of threads and
/// processes may use one cache folder at once.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    function: DigestFunction,
    empty: Digest,
    suspects: Suspects,
    temp: Mutex<Option<Arc<TempArea>>>,
    unsynced: AtomicBool,
    verified: VerifiedBlobs,
    directories: DirectoryCache,
    merges: MergeCache,
    complete: CompleteCache,
    lease: OwnLease,
    expanded: ExpandedTrees,
    clones: Clones,
}

impl Store {
    /// Opens the store below `cache`, making it where it is missing.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] if the folder cannot be made or written.
    pub fn open(cache: &Path, function: DigestFunction, options: &StoreOptions) -> Result<Self, StoreError> {
        let layout = Layout::new(cache, function);
        layout.create()?;
        let boot_id = options.boot_id.clone().unwrap_or_else(boot_id);
        let suspects = Suspects::load(&layout, &boot_id)?;
        let inner = Inner {
            layout,
            function,
            empty: function.empty(),
            suspects,
            temp: Mutex::new(None),
            unsynced: AtomicBool::new(false),
            verified: VerifiedBlobs::new(),
            directories: directory_cache(),
            merges: merge_cache(),
            complete: complete_cache(),
            lease: OwnLease::default(),
            expanded: ExpandedTrees::default(),
            clones: Clones::new(true),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether `cache` has a store for a digest function.
    #[must_use]
    pub fn exists(cache: &Path, function: DigestFunction) -> bool {
        Layout::new(cache, function).root.is_dir()
    }

    /// The function all digests in this store are made with.
    #[must_use]
    pub fn function(&self) -> DigestFunction {
        self.inner.function
    }

    /// The folder that expanded trees lie in, under their short names.
    #[must_use]
    pub fn trees_folder(&self) -> &Path {
        &self.inner.layout.trees
    }

    /// A folder on the cache's disk that is removed with the value, or after the
    /// process dies.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be made.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Scratch::create(self.temp()?)
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    pub(crate) fn suspects(&self) -> &Suspects {
        &self.inner.suspects
    }

    pub(crate) fn verified(&self) -> &VerifiedBlobs {
        &self.inner.verified
    }

    pub(crate) fn directories(&self) -> &DirectoryCache {
        &self.inner.directories
    }

    pub(crate) fn merges(&self) -> &MergeCache {
        &self.inner.merges
    }

    pub(crate) fn expanded(&self) -> &ExpandedTrees {
        &self.inner.expanded
    }

    pub(crate) fn clones(&self) -> &Clones {
        &self.inner.clones
    }

    pub(crate) fn complete(&self) -> &CompleteCache {
        &self.inner.complete
    }

    pub(crate) fn own_lease(&self) -> &OwnLease {
        &self.inner.lease
    }

    /// The digest of no bytes, whose blob need not exist.
    pub(crate) fn empty_digest(&self) -> &Digest {
        &self.inner.empty
    }

    /// The temporary area of this store, made on first use.
    pub(crate) fn temp(&self) -> Result<Arc<TempArea>, StoreError> {
        let mut temp = self.inner.temp.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(area) = &*temp {
            return Ok(Arc::clone(area));
        }
        let area = Arc::new(TempArea::create(&self.inner.layout.temporary)?);
        *temp = Some(Arc::clone(&area));
        Ok(area)
    }

    pub(crate) fn mark_unsynced(&self) {
        self.inner.unsynced.store(true, Ordering::Release);
    }

    pub(crate) fn take_unsynced(&self) -> bool {
        self.inner.unsynced.swap(false, Ordering::AcqRel)
    }

    /// Forgets what was seen before files were removed.
    pub(crate) fn forget_memory(&self) {
        self.inner.directories.clear();
        self.inner.merges.clear();
        self.inner.complete.clear();
    }

    /// Moves a defective file out of the way, for a look later; it may be gone.
    pub(crate) fn set_aside(&self, path: &Path) {
        let name = path.file_name().unwrap_or_default();
        let aside: PathBuf = self.inner.layout.damaged.join(name);
        tracing::warn!(path = %path.display(), "a damaged file of the cache is set aside");
        if std::fs::rename(path, aside).is_err() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Without a boot id nothing tells boots apart, and one name for all of them would
/// hide crashes: then every process is taken for a new boot.
fn boot_id() -> String {
    let read = std::fs::read_to_string(BOOT_ID);
    read.map_or_else(|_| format!("unknown-{}", std::process::id()), |text| text.trim().to_owned())
}
