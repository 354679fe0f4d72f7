//! Which blobs are on their way: who wants one that is waits for it instead of asking again.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use wiz_base::Digest;

/// Blobs on their way.
#[derive(Debug, Default)]
pub(crate) struct Travelling {
    digests: Mutex<BTreeSet<Digest>>,
    arrived: Condvar,
}

impl Travelling {
    /// Parts `digests` into those that the caller has to bring and to [`Travelling::end`], and
    /// those that somebody brings already.
    pub(crate) fn begin(&self, digests: BTreeSet<Digest>) -> (BTreeSet<Digest>, BTreeSet<Digest>) {
        let mut travelling = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        let (others, own) = digests.into_iter().partition(|digest| travelling.contains(digest));
        travelling.extend(&own);
        (own, others)
    }

    /// Nobody need wait for these any more.
    pub(crate) fn end(&self, digests: &BTreeSet<Digest>) {
        let mut travelling = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        travelling.retain(|digest| !digests.contains(digest));
        drop(travelling);
        self.arrived.notify_all();
    }

    /// Returns when none of these is on its way. The caller brings nothing meanwhile, so no two
    /// wait for each other.
    pub(crate) fn wait_for(&self, digests: &BTreeSet<Digest>) {
        let mut travelling = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        while !travelling.is_disjoint(digests) {
            travelling = self.arrived.wait(travelling).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
