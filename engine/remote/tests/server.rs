//! The server against clients that mean ill, or have bad luck: what is wrong is refused with
//! the right code, nothing of it is kept, and everybody else is served.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::bytestream::byte_stream_client::ByteStreamClient;
use bazel_remote_apis::google::bytestream::{ReadRequest, WriteRequest};
use reapi::action_cache_client::ActionCacheClient;
use reapi::batch_update_blobs_request::Request as Upload;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use reapi::{compressor, digest_function};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tonic::Code;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use wiz_base::{Digest, DigestFunction};
use wiz_cas::{Store, StoreOptions};
use wiz_remote::{Addresses, Guard, Role, Served, serve};

/// A server over a store of its own; ends with the value.
struct Running {
    address: SocketAddr,
    store: Store,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    folder: Arc<TempDir>,
}

impl Running {
    fn start(guard: Guard) -> Self {
        Self::over(Arc::new(TempDir::new().unwrap()), guard)
    }

    fn over(folder: Arc<TempDir>, guard: Guard) -> Self {
        let store = Store::open(folder.path(), DigestFunction::Sha256, &StoreOptions::default()).unwrap();
        let served = Served { stores: vec![store.clone()], budget: None, now: || 0, guard, tls: None };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let addresses = Addresses { cache: "127.0.0.1:0".parse().unwrap(), status: None };
            let listening = |addresses: Addresses| tell.send(addresses.cache).unwrap();
            serve(&served, addresses, listening, async move { drop(stopped.await) }).unwrap();
        });
        let address = told.recv().unwrap();
        Self { address, store, stop: Some(stop), thread: Some(thread), folder }
    }

    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn blobs(&self) -> ContentAddressableStorageClient<Channel> {
        ContentAddressableStorageClient::new(self.channel().await)
    }

    async fn bytes(&self) -> ByteStreamClient<Channel> {
        ByteStreamClient::new(self.channel().await)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

fn digest(data: &[u8]) -> Digest {
    DigestFunction::Sha256.digest(data)
}

fn message(digest: &Digest) -> reapi::Digest {
    reapi::Digest { hash: digest.hex(), size_bytes: i64::try_from(digest.size()).unwrap() }
}

fn upload(digest: &Digest, data: Vec<u8>, compressor: compressor::Value) -> reapi::BatchUpdateBlobsRequest {
    let upload = Upload { digest: Some(message(digest)), data, compressor: compressor as i32 };
    reapi::BatchUpdateBlobsRequest { requests: vec![upload], ..Default::default() }
}

/// The code with which one blob of a batch is answered.
async fn batch_code(running: &Running, request: reapi::BatchUpdateBlobsRequest) -> Code {
    let answer = running.blobs().await.batch_update_blobs(request).await.unwrap().into_inner();
    Code::from_i32(answer.responses[0].status.as_ref().unwrap().code)
}

/// The pieces of an upload, each with its offset.
fn pieces(name: &str, data: &[u8], of: usize) -> Vec<WriteRequest> {
    let mut pieces: Vec<WriteRequest> = (0..)
        .zip(data.chunks(of))
        .map(|(number, piece)| WriteRequest {
            resource_name: name.to_owned(),
            write_offset: i64::try_from(number * of).unwrap(),
            finish_write: false,
            data: piece.to_vec(),
        })
        .collect();
    pieces.last_mut().unwrap().finish_write = true;
    pieces
}

/// How an upload ends.
async fn stream_code(running: &Running, pieces: Vec<WriteRequest>) -> Code {
    let written = running.bytes().await.write(tokio_stream::iter(pieces)).await;
    written.map_or_else(|status| status.code(), |_| Code::Ok)
}

fn plain(digest: &Digest) -> String {
    format!("uploads/some/blobs/{}/{}", digest.hex(), digest.size())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_not_those_of_their_digest() {
    let running = Running::start(Guard::default());
    let (right, size) = (b"right".to_vec(), 5);
    let digest = digest(&right);
    let none = compressor::Value::Identity;
    assert_eq!(batch_code(&running, upload(&digest, b"wrong".to_vec(), none)).await, Code::InvalidArgument);
    assert_eq!(
        batch_code(&running, upload(&digest, b"short".to_vec()[..4].to_vec(), none)).await,
        Code::InvalidArgument
    );
    for data in [&b"wrong"[..], b"righ", b"right and more"] {
        let code = stream_code(&running, pieces(&plain(&digest), data, 3)).await;
        assert_eq!(code, Code::InvalidArgument, "{data:?}");
    }
    let mut gap = pieces(&plain(&digest), &right, 2);
    gap.remove(1);
    assert_eq!(stream_code(&running, gap).await, Code::InvalidArgument);
    let mut unfinished = pieces(&plain(&digest), &right[..3], 3);
    unfinished[0].finish_write = false;
    assert_eq!(stream_code(&running, unfinished).await, Code::InvalidArgument);
    assert!(!running.store.contains(&digest) && size == digest.size());
    assert_eq!(stream_code(&running, pieces(&plain(&digest), &right, 2)).await, Code::Ok);
    assert!(running.store.contains(&digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_unpack_to_more_than_their_digest_says() {
    let running = Running::start(Guard::default());
    let small = digest(b"small");
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
    let zstd = compressor::Value::Zstd;
    assert_eq!(batch_code(&running, upload(&small, bomb.clone(), zstd)).await, Code::InvalidArgument);
    let name = format!("uploads/some/compressed-blobs/zstd/{}/{}", small.hex(), small.size());
    assert_eq!(stream_code(&running, pieces(&name, &bomb, 1000)).await, Code::InvalidArgument);
    assert_eq!(stream_code(&running, pieces(&name, b"no frame", 8)).await, Code::InvalidArgument);
    let good = zstd::bulk::compress(b"small", 1).unwrap();
    assert_eq!(stream_code(&running, pieces(&name, &good, 4)).await, Code::Ok);
    assert_eq!(running.store.read(&small).unwrap(), b"small");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_without_their_blobs() {
    let running = Running::start(Guard::default());
    let mut cache = ActionCacheClient::new(running.channel().await);
    let key = digest(b"key");
    let file = |data: &[u8]| reapi::OutputFile {
        path: "out".to_owned(),
        digest: Some(message(&digest(data))),
        ..Default::default()
    };
    let request = |result| reapi::UpdateActionResultRequest {
        action_digest: Some(message(&key)),
        action_result: Some(result),
        ..Default::default()
    };
    let result = reapi::ActionResult { output_files: vec![file(b"gone")], ..Default::default() };
    let refused = cache.update_action_result(request(result.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let failed = reapi::ActionResult { exit_code: 1, ..Default::default() };
    assert_eq!(cache.update_action_result(request(failed)).await.unwrap_err().code(), Code::InvalidArgument);
    // With its blob it is taken, and given out until the blob is gone.
    let gone = running.store.put_bytes(b"gone").unwrap();
    cache.update_action_result(request(result.clone())).await.unwrap();
    let asked = reapi::GetActionResultRequest { action_digest: Some(message(&key)), ..Default::default() };
    assert_eq!(cache.get_action_result(asked.clone()).await.unwrap().into_inner(), result);
    std::fs::remove_file(running.store.path_of(&gone)).unwrap();
    // A server looks at each directory once; the next one has not seen it.
    let folder = Arc::clone(&running.folder);
    drop((cache, running));
    let fresh = Running::over(folder, Guard::default());
    let code =
        ActionCacheClient::new(fresh.channel().await).get_action_result(asked).await.unwrap_err().code();
    assert_eq!(code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_read_writes_nothing() {
    let token = "reader";
    let tokens = format!("read {}\n", hex::encode(Sha256::digest(token)));
    let running =
        Running::start(Guard { anybody: None, certified: Role::Write, tokens: tokens.parse().unwrap() });
    let value: MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    let with = |mut request: tonic::Request<()>| {
        request.metadata_mut().insert("authorization", value.clone());
        Ok(request)
    };
    let channel = running.channel().await;
    let blob = digest(b"poison");
    let request = upload(&blob, b"poison".to_vec(), compressor::Value::Identity);
    let mut blobs = ContentAddressableStorageClient::with_interceptor(channel.clone(), with);
    assert_eq!(blobs.batch_update_blobs(request).await.unwrap_err().code(), Code::PermissionDenied);
    let mut bytes = ByteStreamClient::with_interceptor(channel.clone(), with);
    let written = bytes.write(tokio_stream::iter(pieces(&plain(&blob), b"poison", 6))).await;
    assert_eq!(written.unwrap_err().code(), Code::PermissionDenied);
    let mut cache = ActionCacheClient::with_interceptor(channel.clone(), with);
    let forged = reapi::UpdateActionResultRequest {
        action_digest: Some(message(&blob)),
        action_result: Some(reapi::ActionResult::default()),
        ..Default::default()
    };
    assert_eq!(cache.update_action_result(forged.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    let code = ActionCacheClient::new(channel).update_action_result(forged).await.unwrap_err().code();
    assert_eq!(code, Code::Unauthenticated);
    assert!(!running.store.contains(&blob));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_and_a_name_that_is_none() {
    let running = Running::start(Guard::default());
    let data = vec![7; 9 << 20];
    let request = upload(&digest(&data), data, compressor::Value::Identity);
    let refused = running.blobs().await.batch_update_blobs(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    let request = ReadRequest { resource_name: "blobs/../../etc/passwd/1".to_owned(), ..Default::default() };
    assert_eq!(running.bytes().await.read(request).await.unwrap_err().code(), Code::InvalidArgument);
    let huge = reapi::Digest { hash: "00".repeat(32), size_bytes: i64::MAX };
    let request = reapi::BatchReadBlobsRequest { digests: vec![huge], ..Default::default() };
    assert_eq!(
        running.blobs().await.batch_read_blobs(request).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let unknown = reapi::FindMissingBlobsRequest {
        digest_function: digest_function::Value::Sha512 as i32,
        ..Default::default()
    };
    assert_eq!(
        running.blobs().await.find_missing_blobs(unknown).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_beside_some_that_never_finish() {
    let running = Running::start(Guard::default());
    // Some say half of a preface, some begin an upload, and go silent.
    let mut silent = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(running.address).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n").unwrap();
        silent.push(stream);
    }
    let waiting = digest(b"never to come");
    let mut begun = Vec::new();
    for _ in 0..8 {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let first = WriteRequest { resource_name: plain(&waiting), data: vec![b'n'], ..Default::default() };
        sender.send(first).await.unwrap();
        let mut bytes = running.bytes().await;
        let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
        begun.push((sender, tokio::spawn(async move { bytes.write(pieces).await })));
    }
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..64_u8 {
        let channel = running.channel().await;
        clients.spawn(async move {
            let data = vec![number; 300_000];
            let own = digest(&data);
            let mut bytes = ByteStreamClient::new(channel.clone());
            bytes.write(tokio_stream::iter(pieces(&plain(&own), &data, 65_536))).await.unwrap();
            let resource_name = format!("blobs/{}/{}", own.hex(), own.size());
            let request = ReadRequest { resource_name, ..Default::default() };
            let mut stream = bytes.read(request).await.unwrap().into_inner();
            let mut read = Vec::new();
            while let Some(piece) = stream.message().await.unwrap() {
                read.extend(piece.data);
            }
            assert_eq!(read, data);
        });
    }
    clients.join_all().await;
    assert!(!running.store.contains(&waiting));
    for (sender, upload) in begun {
        drop(sender);
        assert!(upload.await.unwrap().is_err());
    }
}
