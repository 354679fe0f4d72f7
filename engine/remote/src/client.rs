//! Requests to one server: what it can do, results, blobs. Every request is repeated while
//! the reason of its failure may pass. Unaware of what the blobs are for.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient;
use bazel_remote_apis::google::bytestream::{ReadRequest, WriteRequest};
use prost::Message as _;
use reapi::action_cache_client::ActionCacheClient;
use reapi::batch_update_blobs_request;
use reapi::capabilities_client::CapabilitiesClient;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use tonic::metadata::{Binary, KeyAndValueRef, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use wiz_base::reapi::OUTPUT_PATH;
use wiz_base::{Digest, DigestFunction};

use crate::access::Access;
use crate::compression::{Compressor, Unpacking, pack, packing, unpack};
use crate::endpoint::Endpoint;
use crate::error::RemoteError;
use crate::wire;

/// Bytes of a message that every implementation takes.
const MOST_MESSAGE: usize = 4 * 1024 * 1024;

/// What is left free in a message for all that is not content.
const OVERHEAD: usize = 64 * 1024;

/// Bytes of the pieces a blob is streamed in.
const PIECE: usize = 256 * 1024;

/// What a digest and its like take in a batch, in bytes.
const ENTRY: usize = 128;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a request may take; a stream of a large blob takes as long as it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a request is tried.
const TRIES: u32 = 4;

/// The pause before a request is tried again; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// Blobs that came, and what was wrong with the first that did not.
type Read = (Vec<(Digest, Vec<u8>)>, Result<(), RemoteError>);

/// A connection to one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    link: Link,
    instance: String,
    function: DigestFunction,
    /// Bytes that a batch may hold.
    pub(crate) batch: usize,
    /// How blobs of streams, and of batches either way, may travel.
    pub(crate) streams: Compressor,
    batches: Compressor,
    /// Whether results may be written.
    pub(crate) takes_results: bool,
}

/// A channel that puts headers into each request.
type Link = InterceptedService<Channel, Headers>;

/// The headers of each request.
#[derive(Clone)]
struct Headers(Arc<MetadataMap>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers")
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, tonic::Status> {
        for entry in self.0.iter() {
            match entry {
                KeyAndValueRef::Ascii(key, value) => drop(request.metadata_mut().append(key, value.clone())),
                KeyAndValueRef::Binary(key, value) => {
                    request.metadata_mut().append_bin(key, value.clone());
                }
            }
        }
        Ok(request)
    }
}

/// The header by which servers know who asks.
fn introduction() -> MetadataValue<Binary> {
    let details = reapi::ToolDetails {
        tool_name: "wiz".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let metadata = reapi::RequestMetadata { tool_details: Some(details), ..Default::default() };
    MetadataValue::from_bytes(&metadata.encode_to_vec())
}

impl Client {
    /// Connects, and asks what the server can do.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        access: &Access,
        function: DigestFunction,
    ) -> Result<Self, RemoteError> {
        let channel = Channel::from_shared(endpoint.url()).map_err(|_| RemoteError::Address {
            address: endpoint.to_string(),
            problem: "it is not a URL",
        })?;
        let mut channel = channel.connect_timeout(CONNECT).tcp_nodelay(true);
        if endpoint.is_encrypted() {
            channel = channel.tls_config(access.tls())?;
        }
        let mut headers = access.headers(endpoint).await?;
        headers.insert_bin("build.bazel.remote.execution.v2.requestmetadata-bin", introduction());
        let channel = channel.connect().await?;
        let mut client = Self {
            link: InterceptedService::new(channel, Headers(Arc::new(headers))),
            instance: endpoint.instance().to_owned(),
            function,
            batch: MOST_MESSAGE - OVERHEAD,
            streams: Compressor::Identity,
            batches: Compressor::Identity,
            takes_results: false,
        };
        let said = patiently(|| client.capabilities()).await?;
        let cache = said.cache_capabilities.ok_or(RemoteError::Malformed("it is no cache"))?;
        if !cache.digest_functions.contains(&wire::function(function)) {
            return Err(RemoteError::Function { function: function.name() });
        }
        let advertised = usize::try_from(cache.max_batch_total_size_bytes).unwrap_or(0);
        if advertised > 0 {
            client.batch = advertised.clamp(ENTRY, MOST_MESSAGE).saturating_sub(OVERHEAD).max(ENTRY);
        }
        let offers = |list: &[i32]| match list.contains(&Compressor::Zstd.number()) {
            true => Compressor::Zstd,
            false => Compressor::Identity,
        };
        client.streams = offers(&cache.supported_compressors);
        client.batches = offers(&cache.supported_batch_update_compressors);
        let update = cache.action_cache_update_capabilities;
        client.takes_results = update.is_some_and(|update| update.update_enabled);
        Ok(client)
    }

    async fn capabilities(&self) -> Result<reapi::ServerCapabilities, RemoteError> {
        let request = reapi::GetCapabilitiesRequest { instance_name: self.instance.clone() };
        let mut capabilities = CapabilitiesClient::new(self.link.clone());
        Ok(capabilities.get_capabilities(within(request)).await?.into_inner())
    }

    /// The result of an action; none if the server has none.
    pub(crate) async fn result(&self, key: &Digest) -> Result<Option<reapi::ActionResult>, RemoteError> {
        let asked = patiently(|| async {
            let request = reapi::GetActionResultRequest {
                instance_name: self.instance.clone(),
                action_digest: Some(wire::digest(key)),
                digest_function: wire::function(self.function),
                // A hint; servers of wiz send what is small of the output with the result.
                inline_output_files: vec![OUTPUT_PATH.to_owned()],
                ..Default::default()
            };
            let mut cache =
                ActionCacheClient::new(self.link.clone()).max_decoding_message_size(2 * MOST_MESSAGE);
            Ok(cache.get_action_result(within(request)).await?.into_inner())
        });
        match asked.await {
            Ok(result) => Ok(Some(result)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the result of an action, all of whose blobs are there.
    pub(crate) async fn put_result(
        &self,
        key: &Digest,
        result: &reapi::ActionResult,
    ) -> Result<(), RemoteError> {
        patiently(|| async {
            let request = reapi::UpdateActionResultRequest {
                instance_name: self.instance.clone(),
                action_digest: Some(wire::digest(key)),
                action_result: Some(result.clone()),
                digest_function: wire::function(self.function),
                ..Default::default()
            };
            ActionCacheClient::new(self.link.clone()).update_action_result(within(request)).await?;
            Ok(())
        })
        .await
    }

    /// Which of these blobs the server has not got.
    pub(crate) async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, RemoteError> {
        let mut missing = Vec::new();
        for part in digests.chunks(MOST_MESSAGE / ENTRY / 2) {
            let answer = patiently(|| async {
                let request = reapi::FindMissingBlobsRequest {
                    instance_name: self.instance.clone(),
                    blob_digests: part.iter().map(wire::digest).collect(),
                    digest_function: wire::function(self.function),
                };
                let mut storage = ContentAddressableStorageClient::new(self.link.clone());
                Ok(storage.find_missing_blobs(within(request)).await?.into_inner())
            });
            missing.extend(answer.await?.missing_blob_digests.iter().filter_map(wire::read_digest));
        }
        Ok(missing)
    }

    /// Whether a blob fits into a batch with others.
    pub(crate) fn is_small(&self, digest: &Digest) -> bool {
        usize::try_from(digest.size()).is_ok_and(|size| size + ENTRY <= self.batch / 2)
    }

    /// Small blobs in batches that fit into a message.
    pub(crate) fn batches(&self, digests: impl IntoIterator<Item = Digest>) -> Vec<Vec<Digest>> {
        let (mut all, mut bytes) = (Vec::new(), self.batch);
        for digest in digests {
            let size = usize::try_from(digest.size()).unwrap_or(usize::MAX).saturating_add(ENTRY);
            if bytes.saturating_add(size) > self.batch || all.is_empty() {
                all.push(Vec::new());
                bytes = 0;
            }
            bytes += size;
            all.last_mut().expect("one was pushed").push(digest);
        }
        all
    }

    /// The bytes of small blobs, checked, as far as they are there; and what was wrong with the
    /// first that is not.
    pub(crate) async fn read(&self, digests: &[Digest]) -> Result<Read, RemoteError> {
        let answer = patiently(|| async {
            let request = reapi::BatchReadBlobsRequest {
                instance_name: self.instance.clone(),
                digests: digests.iter().map(wire::digest).collect(),
                acceptable_compressors: match self.streams {
                    Compressor::Identity => vec![Compressor::Identity.number()],
                    Compressor::Zstd => vec![Compressor::Zstd.number(), Compressor::Identity.number()],
                },
                digest_function: wire::function(self.function),
            };
            let storage = ContentAddressableStorageClient::new(self.link.clone());
            let mut storage = storage.max_decoding_message_size(2 * MOST_MESSAGE);
            Ok(storage.batch_read_blobs(within(request)).await?.into_inner())
        })
        .await?;
        let mut missing: BTreeSet<Digest> = digests.iter().copied().collect();
        let (mut read, mut wrong) = (Vec::new(), None);
        for response in answer.responses {
            let digest = response.digest.as_ref().and_then(wire::read_digest);
            let digest = digest.ok_or(RemoteError::Malformed("a blob without a digest"))?;
            if response.status.is_some_and(|status| status.code != 0) {
                continue;
            }
            let compressor = Compressor::of(response.compressor);
            let data = compressor.and_then(|compressor| unpack(response.data, compressor, digest.size()));
            match data.filter(|data| self.function.digest(data) == digest) {
                Some(data) if missing.remove(&digest) => read.push((digest, data)),
                Some(_) => {}
                None => drop(wrong.get_or_insert(RemoteError::Corrupt { digest })),
            }
        }
        let gone = missing.first().map(|digest| RemoteError::Gone { digest: *digest });
        Ok((read, wrong.or(gone).map_or(Ok(()), Err)))
    }

    /// Streams a blob from `offset` on into `file`; returns how many bytes of the blob came, also
    /// when the stream broke off, and how many travelled.
    pub(crate) async fn stream(
        &self,
        digest: &Digest,
        offset: u64,
        file: &std::fs::File,
    ) -> (Streamed, Result<(), RemoteError>) {
        let mut streamed = Streamed::default();
        let result = async {
            let failed = |error| wiz_cas::StoreError::io("write", std::path::Path::new("a download"))(error);
            let mut unpacking = Unpacking::new(file, self.streams, digest.size() - offset).map_err(failed)?;
            let request = ReadRequest {
                resource_name: wire::blob_name(&self.instance, self.function, digest, self.streams),
                read_offset: i64::try_from(offset).unwrap_or(i64::MAX),
                read_limit: 0,
            };
            let mut bytes =
                ByteStreamClient::new(self.link.clone()).max_decoding_message_size(2 * MOST_MESSAGE);
            let mut stream = bytes.read(request).await?.into_inner();
            let ended = async {
                while let Some(piece) = tokio::time::timeout(PATIENCE, stream.message())
                    .await
                    .map_err(|_| tonic::Status::deadline_exceeded("nothing came for a minute"))??
                {
                    streamed.travelled += piece.data.len() as u64;
                    unpacking.take(&piece.data).map_err(|error| match error.kind() {
                        std::io::ErrorKind::StorageFull => failed(error).into(),
                        _ => RemoteError::Corrupt { digest: *digest },
                    })?;
                }
                Ok::<(), RemoteError>(())
            };
            let ended = ended.await;
            streamed.came = unpacking.flush().map_err(failed)?;
            ended
        };
        let result = result.await;
        (streamed, result)
    }

    /// Writes small blobs.
    pub(crate) async fn write(&self, blobs: &[(Digest, Vec<u8>)]) -> Result<(), RemoteError> {
        let answer = patiently(|| async {
            let requests = blobs.iter().map(|(digest, data)| {
                let (data, compressor) = pack(data.clone(), self.batches);
                let digest = Some(wire::digest(digest));
                batch_update_blobs_request::Request { digest, data, compressor: compressor.number() }
            });
            let request = reapi::BatchUpdateBlobsRequest {
                instance_name: self.instance.clone(),
                requests: requests.collect(),
                digest_function: wire::function(self.function),
            };
            let mut storage = ContentAddressableStorageClient::new(self.link.clone());
            Ok(storage.batch_update_blobs(within(request)).await?.into_inner())
        })
        .await?;
        for response in answer.responses {
            if let Some(status) = response.status.filter(|status| status.code != 0) {
                return Err(tonic::Status::new(tonic::Code::from_i32(status.code), status.message).into());
            }
        }
        Ok(())
    }

    /// Streams a large blob, which `open` opens anew for each try.
    pub(crate) async fn write_large(
        &self,
        digest: &Digest,
        open: &(dyn Fn() -> Result<std::fs::File, RemoteError> + Sync),
    ) -> Result<(), RemoteError> {
        patiently(|| async {
            let file = open()?;
            let compressor = self.streams;
            let name = wire::upload_name(&self.instance, self.function, digest, compressor, &uuid());
            let (sender, receiver) = tokio::sync::mpsc::channel(4);
            let reading = tokio::task::spawn_blocking(move || send_pieces(file, compressor, &name, &sender));
            let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
            let written = ByteStreamClient::new(self.link.clone()).write(pieces).await?.into_inner();
            // The server may have the blob by now and end the stream early: then nobody reads on.
            drop(reading);
            let whole = i64::try_from(digest.size()).unwrap_or(i64::MAX);
            // Of what is compressed nobody knows the size before the end, so servers differ.
            let is_whole = compressor == Compressor::Zstd || [whole, -1].contains(&written.committed_size);
            is_whole.then_some(()).ok_or(RemoteError::Malformed("it took less than all of a blob"))
        })
        .await
    }
}

/// What of a blob came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streamed {
    /// Bytes of the blob.
    pub(crate) came: u64,
    /// Bytes that travelled for them.
    pub(crate) travelled: u64,
}

/// Sends a file in pieces until it ends or nobody takes them.
fn send_pieces(
    file: std::fs::File,
    compressor: Compressor,
    name: &str,
    sender: &tokio::sync::mpsc::Sender<WriteRequest>,
) {
    // Without memory for it nothing is sent, which the server refuses.
    let Ok(mut file) = packing(file, compressor) else { return };
    let mut offset = 0;
    loop {
        let mut data = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match std::io::Read::read(&mut file, &mut data[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                // The stream ends too early, which the server refuses.
                Err(_) => return,
            }
        }
        data.truncate(filled);
        let finish_write = filled < PIECE;
        let request =
            WriteRequest { resource_name: name.to_owned(), write_offset: offset, finish_write, data };
        offset += i64::try_from(filled).unwrap_or(i64::MAX);
        if sender.blocking_send(request).is_err() || finish_write {
            return;
        }
    }
}

/// A request that ends after a while.
fn within<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

/// Does something again while the reason of its failure may pass.
pub(crate) async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, RemoteError>
where
    F: Future<Output = Result<T, RemoteError>>,
{
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match attempt().await {
            Err(error) if error.is_passing() => {
                tracing::debug!(%error, "tried again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    attempt().await
}

/// A random name, in the form of RFC 9562's version 4.
fn uuid() -> String {
    let mut bytes = [0; 16];
    // Without randomness two uploads may share a name, and one is refused.
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
