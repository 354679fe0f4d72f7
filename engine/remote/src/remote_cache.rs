//! A remote cache for one build: results are fetched while their actions wait, and published in
//! the background. For callers on ordinary threads; the network has a runtime of its own.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use wiz_base::Digest;
use wiz_cas::{Store, StoredResult};

use crate::access::Access;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::RemoteError;
use crate::health::Health;
use crate::push::Known;
use crate::results::{self, Found};
use crate::travelling::Travelling;
use crate::trust::Trust;
use crate::{pull, push};

/// How many results are published at once.
const PUBLICATIONS: usize = 16;

/// A remote cache.
#[derive(Debug)]
pub struct RemoteCache {
    shared: Arc<Shared>,
    publications: Mutex<JoinSet<()>>,
    travelling: Travelling,
    runtime: Runtime,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    store: Store,
    trust: Trust,
    health: Health,
    known: Known,
    permits: Semaphore,
    received: AtomicU64,
    sent: AtomicU64,
}

/// A result that is to be published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What it is found by.
    pub key: Digest,
    /// The messages that are digested to the key.
    pub messages: Vec<Vec<u8>>,
    /// The result; all its blobs are in the store.
    pub stored: StoredResult,
    /// Whether the server may have it already.
    pub is_old: bool,
}

/// What went to and fro.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of blobs that came.
    pub received: u64,
    /// Bytes of blobs that went.
    pub sent: u64,
    /// What is to be told of the server, in words.
    pub remarks: Vec<String>,
    /// Whether everything that was to be published was, or the server takes nothing.
    pub is_shared: bool,
}

impl RemoteCache {
    /// Connects to a server, for results and blobs of `store`.
    ///
    /// # Errors
    /// [`RemoteError`] if it cannot be reached or used.
    pub fn connect(
        endpoint: &Endpoint,
        access: &Access,
        trust: Trust,
        store: Store,
    ) -> Result<Self, RemoteError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("remote")
            .enable_all()
            .build()
            .map_err(RemoteError::Runtime)?;
        let client = runtime.block_on(Client::connect(endpoint, access, store.function()))?;
        let health = Health::default();
        if !client.takes_results {
            health.never_write();
        }
        let shared = Shared {
            client,
            store,
            trust,
            health,
            known: Known::default(),
            permits: Semaphore::new(PUBLICATIONS),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        };
        Ok(Self {
            shared: Arc::new(shared),
            publications: Mutex::new(JoinSet::new()),
            travelling: Travelling::default(),
            runtime,
        })
    }

    /// The result of `key`, all of whose directories are then in the store, and none of whose
    /// files need be. Whatever goes wrong, there is none. Not to be called on a thread of an
    /// async runtime.
    pub fn fetch(&self, key: &Digest) -> Option<StoredResult> {
        let shared = &self.shared;
        if shared.health.is_given_up() {
            return None;
        }
        match self.runtime.block_on(pull::result(&shared.client, &shared.store, &shared.trust, key)) {
            Ok(found) => {
                shared.health.works();
                let (stored, bytes) = found?;
                shared.received.fetch_add(bytes, Ordering::Relaxed);
                Some(stored)
            }
            Err(error) => {
                shared.blame(&error);
                None
            }
        }
    }

    /// Brings blobs into the store, as far as the server has them. Each travels once, however
    /// many ask for it. Not to be called on a thread of an async runtime.
    pub fn bring(&self, digests: BTreeSet<Digest>) {
        let shared = &self.shared;
        if shared.health.is_given_up() {
            return;
        }
        let (own, others) = self.travelling.begin(digests);
        if !own.is_empty() {
            let bringing = pull::blobs(&shared.client, &shared.store, own.iter().copied());
            let (bytes, outcome) = self.runtime.block_on(bringing);
            shared.received.fetch_add(bytes, Ordering::Relaxed);
            match outcome {
                Ok(()) => shared.health.works(),
                Err(error) => shared.blame(&error),
            }
        }
        self.travelling.end(&own);
        self.travelling.wait_for(&others);
    }

    /// Publishes a result in the background, if the server takes any.
    pub fn publish(&self, publication: Publication) {
        let shared = Arc::clone(&self.shared);
        if shared.health.is_read_only() || shared.health.is_given_up() {
            return;
        }
        let mut publications = self.publications.lock().unwrap_or_else(PoisonError::into_inner);
        publications.spawn_on(async move { shared.push(publication).await }, self.runtime.handle());
    }

    /// Waits until everything is published, and tells what went to and fro.
    pub fn finish(&self) -> Traffic {
        let publications =
            std::mem::take(&mut *self.publications.lock().unwrap_or_else(PoisonError::into_inner));
        self.runtime.block_on(publications.join_all());
        Traffic {
            received: self.shared.received.load(Ordering::Relaxed),
            sent: self.shared.sent.load(Ordering::Relaxed),
            remarks: self.shared.health.remarks(),
            is_shared: !self.shared.health.has_failed(),
        }
    }
}

impl Shared {
    /// Draws conclusions from what went wrong.
    fn blame(&self, error: &RemoteError) {
        match error {
            RemoteError::Corrupt { .. } | RemoteError::Malformed(_) => self.health.lies(error),
            RemoteError::Untrusted => self.health.tells(error),
            // The server is sound, it only keeps less than it says.
            RemoteError::Gone { digest } => tracing::debug!(%digest, "the remote cache has lost a blob"),
            RemoteError::Store(error) => tracing::debug!(%error, "what came is not kept"),
            error => self.health.fails("answer", error),
        }
    }

    async fn push(&self, publication: Publication) {
        let Ok(_permit) = self.permits.acquire().await else { return };
        if self.health.is_read_only() || self.health.is_given_up() {
            return;
        }
        let Publication { key, messages, stored, is_old } = publication;
        // One that nobody here believes is no reason to keep a better one back.
        let is_there = |found: &reapi::ActionResult| match results::read(found) {
            Some(Found { seal, .. }) => {
                self.trust.believes(self.store.function(), &key, &stored.result, seal.as_ref())
            }
            None => true,
        };
        if is_old && self.client.result(&key).await.is_ok_and(|found| found.as_ref().is_some_and(is_there)) {
            return;
        }
        let own = self.trust.own.as_ref();
        match push::result(&self.client, &self.store, &self.known, own, &key, messages, &stored).await {
            Ok(bytes) => {
                self.health.works();
                self.sent.fetch_add(bytes, Ordering::Relaxed);
            }
            Err(error) if error.is_denied() => self.health.refuses(&error),
            Err(RemoteError::Store(error)) => tracing::debug!(%error, "a result is not published"),
            Err(error) => self.health.keeps_out(&error),
        }
    }
}
