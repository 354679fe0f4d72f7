//! How much one unpacking may make: bytes, entries, and bytes in relation to the
//! archive's size. Unaware of formats.

use super::error::ArchiveProblem;

/// Bytes unless the definition says otherwise.
pub(super) const MAX_BYTES: u64 = 16 << 30;
/// Entries unless the definition says otherwise.
pub(super) const MAX_ENTRIES: u64 = 1_000_000;
/// Real sources stay below 50; xz reaches 7,000 on zeros.
const RATIO: u64 = 250;
/// Small archives may be mostly padding.
const RATIO_FROM: u64 = 64 << 20;

/// What is left for the archives of one action.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    max_bytes: u64,
    max_entries: u64,
    guard_ratio: bool,
    bytes: u64,
    entries: u64,
}

/// The share of one archive.
#[derive(Debug)]
pub(super) struct Share<'a> {
    limits: &'a mut Limits,
    compressed: u64,
    bytes: u64,
}

impl Limits {
    /// The defaults where nothing is said; whoever says how many bytes are right is
    /// not asked about the ratio.
    pub(super) fn new(max_bytes: Option<u64>, max_entries: Option<u64>) -> Self {
        Self {
            max_bytes: max_bytes.unwrap_or(MAX_BYTES),
            max_entries: max_entries.unwrap_or(MAX_ENTRIES),
            guard_ratio: max_bytes.is_none(),
            bytes: 0,
            entries: 0,
        }
    }

    /// For an archive of `compressed` bytes.
    pub(super) fn share(&mut self, compressed: u64) -> Share<'_> {
        Share { limits: self, compressed, bytes: 0 }
    }
}

impl Share<'_> {
    /// Accounts for bytes that are about to be unpacked.
    pub(super) fn bytes(&mut self, count: u64) -> Result<(), ArchiveProblem> {
        let limits = &mut *self.limits;
        limits.bytes = limits.bytes.saturating_add(count);
        self.bytes = self.bytes.saturating_add(count);
        if limits.bytes > limits.max_bytes {
            return Err(ArchiveProblem::TooLarge { limit: limits.max_bytes });
        }
        let limit = self.compressed.saturating_mul(RATIO).max(RATIO_FROM);
        if limits.guard_ratio && self.bytes > limit {
            return Err(ArchiveProblem::Bomb { compressed: self.compressed, limit, ratio: RATIO });
        }
        Ok(())
    }

    /// Accounts for an entry of so many bytes.
    pub(super) fn entry(&mut self, bytes: u64) -> Result<(), ArchiveProblem> {
        self.limits.entries += 1;
        if self.limits.entries > self.limits.max_entries {
            return Err(ArchiveProblem::TooMany { limit: self.limits.max_entries });
        }
        self.bytes(bytes)
    }
}
