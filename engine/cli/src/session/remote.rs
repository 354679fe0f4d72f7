//! The remote cache of a build: connected before it, told about after it. One that cannot be
//! used is no reason to stop.

use wiz_base::{Diagnostic, Digest, Severity};
use wiz_cas::{Store, StoredResult};
use wiz_exec::RemoteResults;
use wiz_remote::{Endpoint, Publication, RemoteCache, Traffic};

use super::Session;
use crate::config::Size;
use crate::output;

/// How many results are looked up at once where an answer takes a journey.
pub(super) const REMOTE_LOOKUPS: usize = 32;

/// A remote cache.
#[derive(Debug)]
pub(super) struct Remote {
    cache: RemoteCache,
    endpoint: Endpoint,
}

impl Remote {
    /// Connects to the session's remote cache; none if there is none, or it cannot be used, which
    /// is said.
    pub(super) fn connect(session: &Session<'_>, store: &Store) -> Option<Self> {
        let endpoint = session.remote_cache.clone()?;
        match RemoteCache::connect(&endpoint, store.clone()) {
            Ok(cache) => Some(Self { cache, endpoint }),
            Err(error) => {
                session.remark(&endpoint, &format!("it is not used: {error}"));
                None
            }
        }
    }

    /// Waits until everything is published, and says what there is to say.
    pub(super) fn finish(&self, session: &Session<'_>) {
        let Traffic { received, sent, remarks } = self.cache.finish();
        if received + sent > 0 {
            output::note(&format!("remote cache: {} came, {} went", Size(received), Size(sent)));
        }
        for remark in remarks {
            session.remark(&self.endpoint, &remark);
        }
    }
}

impl Session<'_> {
    fn remark(&self, endpoint: &Endpoint, remark: &str) {
        let (remark, hint) = match remark.split_once("\nhint: ") {
            Some((remark, hint)) => (remark, Some(hint.to_owned())),
            None => (remark, None),
        };
        let message = format!("the remote cache `{endpoint}`: {remark}");
        let diagnostic =
            Diagnostic { severity: Severity::Warning, hint, ..Diagnostic::error("WIZ2111", message) };
        self.warn(&[diagnostic]);
    }
}

impl RemoteResults for Remote {
    fn fetch(&self, key: &Digest) -> Option<StoredResult> {
        self.cache.fetch(key)
    }

    fn publish(&self, key: &Digest, messages: Vec<Vec<u8>>, stored: &StoredResult, is_old: bool) {
        self.cache.publish(Publication { key: *key, messages, stored: stored.clone(), is_old });
    }
}
