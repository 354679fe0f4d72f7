//! The remote cache of a build: connected before it, told about after it. One that cannot be
//! used is no reason to stop.

use std::collections::BTreeSet;

use wiz_base::{Diagnostic, Digest, Severity};
use wiz_cas::{Store, StoredResult};
use wiz_exec::RemoteResults;
use wiz_graph::Value;
use wiz_remote::{Access, Endpoint, Publication, RemoteCache, Traffic};

use super::Session;
use crate::config::Size;
use crate::error::{CliError, Kind};
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
    pub(super) fn connect(session: &Session<'_>, access: &Access, store: &Store) -> Option<Self> {
        let endpoint = session.remote_cache.clone()?;
        match RemoteCache::connect(&endpoint, access, store.clone()) {
            Ok(cache) => Some(Self { cache, endpoint }),
            Err(error) => {
                session.remark(&endpoint, &format!("it is not used: {error}"));
                None
            }
        }
    }

    /// Waits until everything is published, and says what there is to say. Returns the server's
    /// address if it has all results now, or will not have them.
    pub(super) fn finish(&self, session: &Session<'_>) -> Option<String> {
        let Traffic { received, sent, remarks, is_shared } = self.cache.finish();
        if received + sent > 0 {
            output::note(&format!("remote cache: {} came, {} went", Size(received), Size(sent)));
        }
        for remark in remarks {
            session.remark(&self.endpoint, &remark);
        }
        is_shared.then(|| self.endpoint.to_string())
    }
}

/// An address, if it is one; none if it is empty.
///
/// # Errors
/// If it is something else.
pub(crate) fn endpoint(address: Option<String>) -> Result<Option<Endpoint>, CliError> {
    let Some(address) = address.filter(|address| !address.is_empty()) else { return Ok(None) };
    address.parse().map(Some).map_err(|error| CliError::of(Kind::User, "WIZ2110", &error))
}

impl Session<'_> {
    /// The address of the remote cache that WORKSPACE.star names: `workspace(remote = {"cache": "grpcs://..."})`.
    ///
    /// # Errors
    /// If it names anything but an address.
    pub(crate) fn named_remote_cache(&self) -> Result<Option<String>, CliError> {
        let wrong = |what: &str| {
            CliError::new(Kind::User, "WIZ2113", format!("WORKSPACE.star: `remote` {what}"))
                .hint("`remote = {\"cache\": \"grpcs://cache.example:8980\"}`")
        };
        let remote = match self.workspace.other.get("remote") {
            None => return Ok(None),
            Some(Value::Dict(remote)) => remote,
            Some(_) => return Err(wrong("is a dict")),
        };
        let mut address = None;
        for (field, value) in remote {
            match (field.as_str(), value) {
                ("cache", Value::String(value)) => address = Some(value.clone()),
                ("cache", _) => return Err(wrong("takes an address for `cache`")),
                _ => return Err(wrong("has the field `cache` only")),
            }
        }
        Ok(address)
    }

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

    fn bring(&self, digests: BTreeSet<Digest>) {
        self.cache.bring(digests);
    }

    fn publish(&self, key: &Digest, messages: Vec<Vec<u8>>, stored: &StoredResult, is_old: bool) {
        self.cache.publish(Publication { key: *key, messages, stored: stored.clone(), is_old });
    }
}
