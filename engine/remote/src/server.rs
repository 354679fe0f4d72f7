//! A cache server: the stores of this machine over the protocol's cache services. Every client
//! may read and write; what is written is checked. Unaware of who the clients are.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_server::ByteStreamServer;
use reapi::action_cache_server::ActionCacheServer;
use reapi::capabilities_server::CapabilitiesServer;
use reapi::content_addressable_storage_server::ContentAddressableStorageServer;
use tonic::Status;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use wiz_base::{Digest, DigestFunction};
use wiz_cas::{IndexRecord, Store, StoreError, Use};

use crate::error::RemoteError;
use crate::wire;

mod action_cache;
mod byte_stream;
mod capabilities;
mod storage;

/// Bytes of blobs in one batch, either way.
const MOST_BATCH: usize = 4 * 1024 * 1024 - 64 * 1024;

/// Bytes of a message that is taken: a batch and what surrounds it.
const MOST_MESSAGE: usize = 8 * 1024 * 1024;

/// How often uses are noted, leases are given back, and the budget is looked at.
const UPKEEP: Duration = Duration::from_secs(60);

/// How a server is run.
#[derive(Debug, Clone)]
pub struct Served {
    /// One store for each digest function.
    pub stores: Vec<Store>,
    /// Bytes that each store may take; none for no limit.
    pub budget: Option<u64>,
    /// The present time in seconds since 1970.
    pub now: fn() -> u64,
}

/// Serves stores at an address until `stop` is done; requests under way are finished.
///
/// # Errors
/// [`RemoteError`] if nobody can be listened to at the address.
pub fn serve(
    served: &Served,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RemoteError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("serve")
        .enable_all()
        .build()
        .map_err(RemoteError::Runtime)?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.map_err(RemoteError::Runtime)?;
        listening(listener.local_addr().map_err(RemoteError::Runtime)?);
        let state = Arc::new(State { served: served.clone(), uses: Mutex::default() });
        let upkeep = tokio::spawn(keep_up(Arc::clone(&state)));
        let services = Server::builder()
            .tcp_nodelay(true)
            .max_concurrent_streams(Some(256))
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            .add_service(CapabilitiesServer::new(capabilities::Capabilities(Arc::clone(&state))))
            .add_service(
                ActionCacheServer::new(action_cache::ActionCache(Arc::clone(&state)))
                    .max_decoding_message_size(MOST_MESSAGE),
            )
            .add_service(
                ContentAddressableStorageServer::new(storage::Storage(Arc::clone(&state)))
                    .max_decoding_message_size(MOST_MESSAGE)
                    .max_encoding_message_size(MOST_MESSAGE),
            )
            .add_service(
                ByteStreamServer::new(byte_stream::Bytes(Arc::clone(&state)))
                    .max_decoding_message_size(MOST_MESSAGE),
            );
        let ended = services.serve_with_incoming_shutdown(TcpIncoming::from(listener), stop).await;
        upkeep.abort();
        let _ = tokio::task::spawn_blocking(move || state.note_uses()).await;
        Ok(ended?)
    })
}

/// What all services share.
#[derive(Debug)]
struct State {
    served: Served,
    /// Results that were asked for since uses were last noted.
    uses: Mutex<Vec<(DigestFunction, Digest)>>,
}

impl State {
    /// The store for the digest function of a request.
    fn store(&self, function: i32) -> Result<Store, Status> {
        let function = wire::read_function(function)
            .ok_or_else(|| Status::invalid_argument("there is no store for this digest function"))?;
        self.store_of(function)
    }

    fn store_of(&self, function: DigestFunction) -> Result<Store, Status> {
        let store = self.served.stores.iter().find(|store| store.function() == function);
        let none = || Status::invalid_argument(format!("there is no store for {} digests", function.name()));
        store.cloned().ok_or_else(none)
    }

    fn used(&self, function: DigestFunction, key: Digest) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).push((function, key));
    }

    fn note_uses(&self) {
        let uses = std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner));
        let used = (self.served.now)();
        for store in &self.served.stores {
            let own = uses.iter().filter(|(function, _)| *function == store.function());
            let record = IndexRecord { used, ..IndexRecord::default() };
            let own: Vec<Use> = own.map(|(_, key)| Use { key: *key, record: record.clone() }).collect();
            if let Err(error) = store.note_uses(&own) {
                tracing::warn!(%error, "it is forgotten which results were asked for");
            }
        }
    }
}

async fn keep_up(state: Arc<State>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        let state = Arc::clone(&state);
        let kept = tokio::task::spawn_blocking(move || {
            state.note_uses();
            for store in &state.served.stores {
                // A client that is amid a result finds blobs missing at worst, which is a miss.
                store.end_lease();
                if let Some(budget) = state.served.budget
                    && let Err(error) = store.collect(budget, &mut |_| {})
                {
                    tracing::warn!(%error, "the store is not kept to its budget");
                }
            }
        });
        let _ = kept.await;
    }
}

/// Does something that waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Status::internal("a bug in the server"))?
}

/// The digest of a message.
fn digest(message: Option<&reapi::Digest>) -> Result<Digest, Status> {
    let digest = message.and_then(wire::read_digest);
    digest.ok_or_else(|| Status::invalid_argument("a digest is missing or malformed"))
}

/// A failure of the store as clients see it.
fn refused(error: &StoreError) -> Status {
    tracing::warn!(%error, "the store fails");
    match error {
        StoreError::Full { .. } => Status::resource_exhausted("the server's disk is full"),
        _ => Status::unavailable("the server's store fails"),
    }
}
