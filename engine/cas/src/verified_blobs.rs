//! Which large blobs this process has hashed already, and what they looked like
//! then. Unaware of where blobs lie.

use wiz_base::Digest;

use crate::generations::Generations;
use crate::stamp::Stamp;

/// Blobs of fewer bytes are hashed on every reading: that is cheaper than looking.
pub(crate) const REMEMBER_FROM: u64 = 64 * 1024;

/// Remembers stamps of verified blobs.
#[derive(Debug)]
pub(crate) struct VerifiedBlobs(Generations<Digest, Stamp>);

impl VerifiedBlobs {
    pub(crate) fn new() -> Self {
        Self(Generations::new(100_000))
    }

    /// Whether the blob was hashed when its file looked as `stamp` says.
    pub(crate) fn knows(&self, digest: &Digest, stamp: Stamp) -> bool {
        digest.size() >= REMEMBER_FROM && self.0.get(digest) == Some(stamp)
    }

    pub(crate) fn remember(&self, digest: &Digest, stamp: Stamp) {
        if digest.size() >= REMEMBER_FROM {
            self.0.insert(*digest, stamp, 1);
        }
    }

    pub(crate) fn forget(&self, digest: &Digest) {
        self.0.remove(digest);
    }
}
