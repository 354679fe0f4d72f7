//! A cache server: the stores of this machine over the protocol's cache services. What is
//! written is checked, whoever writes it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_server::ByteStreamServer;
use reapi::action_cache_server::ActionCacheServer;
use reapi::capabilities_server::CapabilitiesServer;
use reapi::content_addressable_storage_server::ContentAddressableStorageServer;
use tokio::net::{TcpListener, TcpSocket};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Status};
use wiz_base::{Digest, DigestFunction};
use wiz_cas::{IndexRecord, Store, StoreError, Use};

use crate::access::Pem;
use crate::error::RemoteError;
use crate::wire;

mod action_cache;
mod byte_stream;
mod capabilities;
mod guard;
mod metrics;
mod status;
mod storage;

pub use guard::{Guard, Role, Tokens, TokensError};
use metrics::Metrics;

/// Bytes of blobs in one batch, either way.
const MOST_BATCH: usize = 4 * 1024 * 1024 - 64 * 1024;

/// Bytes of a message that is taken: a batch and what surrounds it.
const MOST_MESSAGE: usize = 8 * 1024 * 1024;

/// How long a client may take to agree on encryption.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;

/// How long requests that are under way may take once the server is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(30);

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
    /// Who may do what.
    pub guard: Guard,
    /// How connections are encrypted; none for not at all.
    pub tls: Option<Tls>,
}

/// How connections are encrypted.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's own certificate with its private key.
    pub identity: Pem,
    /// Certificates of authorities that sign clients, in PEM; none to ask clients for nothing.
    pub authorities: Option<Vec<u8>>,
    /// Whether clients without certificate are let in, to show a token.
    pub is_optional: bool,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// For the cache's services.
    pub cache: SocketAddr,
    /// For the status page and metrics; none for neither.
    pub status: Option<SocketAddr>,
}

/// Serves stores until `stop` is done; requests under way then have half a minute. `listening` is told the
/// addresses once they are listened at.
///
/// # Errors
/// [`RemoteError`] if nobody can be listened to at an address, or certificates are none.
pub fn serve(
    served: &Served,
    addresses: Addresses,
    listening: impl FnOnce(Addresses),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RemoteError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("serve")
        .enable_all()
        .build()
        .map_err(RemoteError::Runtime)?;
    runtime.block_on(async {
        let mut builder = builder(served)?;
        let listener = listen(addresses.cache)?;
        let status = addresses.status.map(listen).transpose()?;
        let local = |listener: &TcpListener| listener.local_addr().map_err(RemoteError::Listen);
        listening(Addresses { cache: local(&listener)?, status: status.as_ref().map(local).transpose()? });
        let state = State { served: served.clone(), uses: Mutex::default(), metrics: Metrics::default() };
        let state = Arc::new(state);
        if let Some(listener) = status {
            tokio::spawn(status::answer(listener, Arc::clone(&state)));
        }
        let upkeep = tokio::spawn(keep_up(Arc::clone(&state)));
        let guarded = Guarded(&state);
        let services = builder
            .add_service(
                guarded.service(CapabilitiesServer::new(capabilities::Capabilities(Arc::clone(&state)))),
            )
            .add_service(
                guarded.service(
                    ActionCacheServer::new(action_cache::ActionCache(Arc::clone(&state)))
                        .max_decoding_message_size(MOST_MESSAGE),
                ),
            )
            .add_service(
                guarded.service(
                    ContentAddressableStorageServer::new(storage::Storage(Arc::clone(&state)))
                        .max_decoding_message_size(MOST_MESSAGE),
                ),
            )
            .add_service(
                guarded.service(
                    ByteStreamServer::new(byte_stream::Bytes(Arc::clone(&state)))
                        .max_decoding_message_size(MOST_MESSAGE),
                ),
            );
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let stop = async move {
            stop.await;
            drop(stopping);
        };
        let late = async move {
            // The channel is closed by dropping its other end.
            let _ = stopped.await;
            tokio::time::sleep(LAST_REQUESTS).await;
        };
        let ended = tokio::select! {
            ended = services.serve_with_incoming_shutdown(TcpIncoming::from(listener), stop) => ended,
            () = late => Ok(()),
        };
        upkeep.abort();
        let _ = tokio::task::spawn_blocking(move || state.note_uses()).await;
        Ok(ended?)
    })
}

/// How connections are spoken over.
fn builder(served: &Served) -> Result<Server, RemoteError> {
    let builder = Server::builder()
        .tcp_nodelay(true)
        .max_concurrent_streams(Some(256))
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)));
    let Some(Tls { identity: Pem { certificate, key }, authorities, is_optional }) = &served.tls else {
        return Ok(builder);
    };
    let mut tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key)).timeout(HANDSHAKE);
    if let Some(authorities) = authorities {
        tls = tls.client_ca_root(Certificate::from_pem(authorities)).client_auth_optional(*is_optional);
    }
    builder.tls_config(tls).map_err(|error| RemoteError::Certificate(crate::error::with_causes(&error)))
}

/// Listens at an address, beside another server that is about to end.
fn listen(address: SocketAddr) -> Result<TcpListener, RemoteError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // A fixed port may be taken over; a free one must be nobody's.
        socket.set_reuseport(address.port() != 0)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(RemoteError::Listen)
}

/// Puts the guard before services.
struct Guarded<'a>(&'a Arc<State>);

impl Guarded<'_> {
    fn service<S>(&self, service: S) -> InterceptedService<S, Doorkeeper> {
        InterceptedService::new(service, Doorkeeper(Arc::clone(self.0)))
    }
}

/// Asks the guard, and counts whom it refuses.
#[derive(Clone)]
struct Doorkeeper(Arc<State>);

impl Interceptor for Doorkeeper {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        self.0.served.guard.admit(request).inspect_err(|_| self.0.metrics.refused.add(1))
    }
}

/// What all services share.
#[derive(Debug)]
struct State {
    served: Served,
    /// Results that were asked for since uses were last noted.
    uses: Mutex<Vec<(DigestFunction, Digest)>>,
    metrics: Metrics,
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

    /// Of each store its function, results and bytes.
    fn kept(&self) -> Vec<(String, u64, u64)> {
        let kept = self.served.stores.iter().map(|store| {
            let usage = store.usage();
            (store.function().name().to_owned(), usage.results.count, usage.bytes())
        });
        kept.collect()
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
