//! The remote cache of a build: connected before it, told about after it. One that cannot be
//! used is no reason to stop.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wiz_base::{Diagnostic, Digest, Severity};
use wiz_cas::{Store, StoredResult};
use wiz_exec::{Disagreement, RemoteResults};
use wiz_graph::Value;
use wiz_remote::{Endpoint, Publication, RemoteCache, Traffic};

use super::Session;
use crate::config::Size;
use crate::error::{CliError, Kind};
use crate::output;

/// How many results are looked up at once where an answer takes a journey.
pub(super) const REMOTE_LOOKUPS: usize = 32;

/// So many paths of a disagreement are shown.
const MOST_PATHS: usize = 5;

/// What WORKSPACE.star says of remote caches.
#[derive(Debug, Default)]
pub(crate) struct NamedRemote {
    /// The address of the one that results are shared with.
    pub(crate) cache: Option<String>,
    /// Files with keys whose results are believed, absolute.
    trusted_keys: Vec<PathBuf>,
}

/// A remote cache.
#[derive(Debug)]
pub(super) struct Remote {
    cache: RemoteCache,
    endpoint: Endpoint,
}

impl Remote {
    /// Connects to the session's remote cache; none if there is none, or it cannot be used, which
    /// is said.
    ///
    /// # Errors
    /// If a file that the configuration names is not what it should be.
    pub(super) fn connect(session: &Session<'_>, store: &Store) -> Result<Option<Self>, CliError> {
        Self::connect_to(session, session.remote_cache.clone(), store)
    }

    fn connect_to(
        session: &Session<'_>,
        endpoint: Option<Endpoint>,
        store: &Store,
    ) -> Result<Option<Self>, CliError> {
        let Some(endpoint) = endpoint else { return Ok(None) };
        let access = session.config.remote_access()?;
        let trust = session.config.remote_trust(&session.named_remote()?.trusted_keys)?;
        Ok(match RemoteCache::connect(&endpoint, &access, trust, store.clone()) {
            Ok(cache) => Some(Self { cache, endpoint }),
            Err(error) => {
                session.remark(&endpoint, &format!("it is not used: {error}"));
                None
            }
        })
    }

    /// Waits until everything is published, and says what there is to say. Returns the server's
    /// address if it has all results now, or will not have them.
    pub(super) fn finish(&self, session: &Session<'_>, audited: &[Disagreement]) -> Option<String> {
        let Traffic { received, sent, remarks, is_shared } = self.cache.finish();
        if received + sent > 0 {
            output::note(&format!("remote cache: {} came, {} went", Size(received), Size(sent)));
        }
        for remark in remarks {
            session.remark(&self.endpoint, &remark);
        }
        audited.iter().for_each(|disagreement| session.disagree(&self.endpoint, disagreement));
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
    /// What WORKSPACE.star says of remote caches:
    /// `workspace(remote = {"cache": "grpcs://...", "trusted_keys": ["keys/ci.pub"]})`.
    ///
    /// # Errors
    /// If it says anything else.
    pub(crate) fn named_remote(&self) -> Result<NamedRemote, CliError> {
        let wrong = |what: &str| {
            CliError::new(Kind::User, "WIZ2113", format!("WORKSPACE.star: `remote` {what}")).hint(
                "`remote = {\"cache\": \"grpcs://cache.example:8980\", \"trusted_keys\": [\"keys/ci.pub\"]}`",
            )
        };
        let mut named = NamedRemote::default();
        let remote = match self.workspace.other.get("remote") {
            None => return Ok(named),
            Some(Value::Dict(remote)) => remote,
            Some(_) => return Err(wrong("is a dict")),
        };
        for (field, value) in remote {
            match (field.as_str(), value) {
                ("cache", Value::String(address)) => named.cache = Some(address.clone()),
                ("cache", _) => return Err(wrong("takes an address for `cache`")),
                ("trusted_keys", Value::List(files)) => {
                    for file in files {
                        let Value::String(file) = file else {
                            return Err(wrong("takes files for `trusted_keys`"));
                        };
                        named.trusted_keys.push(self.root.join(file));
                    }
                }
                ("trusted_keys", _) => return Err(wrong("takes a list for `trusted_keys`")),
                _ => return Err(wrong("has the fields `cache` and `trusted_keys` only")),
            }
        }
        Ok(named)
    }

    /// Brings blobs that stayed in the remote cache, as far as there is one that has them.
    ///
    /// # Errors
    /// If what names the remote cache is wrong.
    pub(super) fn bring(&self, store: &Store, digests: BTreeSet<Digest>) -> Result<(), CliError> {
        if digests.is_empty() {
            return Ok(());
        }
        let said = self.config.remote_cache.clone().or(self.named_remote()?.cache);
        if let Some(remote) = Remote::connect_to(self, endpoint(said)?, store)? {
            remote.cache.bring(digests);
        }
        Ok(())
    }

    /// Tells that a result of the remote cache is not what the same action makes here.
    fn disagree(&self, endpoint: &Endpoint, Disagreement { action, paths }: &Disagreement) {
        let named: Vec<String> = paths.iter().take(MOST_PATHS).map(|path| format!("`{path}`")).collect();
        let more = paths.len().saturating_sub(MOST_PATHS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "the remote cache `{endpoint}` has another result of `{action}`, different in {}{more}",
            named.join(", ")
        );
        let hint = "the action is not reproducible, or somebody who may write is not to be trusted; the result made here was used";
        let diagnostic = Diagnostic::error("WIZ2119", message).hint(hint);
        self.warn(&[Diagnostic { severity: Severity::Warning, ..diagnostic }]);
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
