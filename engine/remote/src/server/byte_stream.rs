//! Blobs of any size, in pieces.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bazel_remote_apis::google::bytestream::byte_stream_server::ByteStream;
use bazel_remote_apis::google::bytestream::{
    QueryWriteStatusRequest, QueryWriteStatusResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use wiz_base::Digest;
use wiz_cas::{Scratch, Store, StoreError, Transfer};

use super::{State, blocking, guard, refused};
use crate::compression::{Compressor, Unpacking, packing};
use crate::wire;

/// Bytes of a piece that is sent.
const PIECE: usize = 256 * 1024;

/// How long a client may take for its next piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pieces read ahead of what a client takes.
const AHEAD: usize = 4;

#[derive(Debug)]
pub(super) struct Bytes(pub(super) Arc<State>);

impl Bytes {
    fn find(&self, name: &str) -> Result<(Store, Digest, Compressor), Status> {
        let (function, digest, compressor) = wire::read_name(name)
            .ok_or_else(|| Status::invalid_argument(format!("`{name}` does not name a blob")))?;
        Ok((self.0.store_of(function)?, digest, compressor))
    }
}

#[tonic::async_trait]
impl ByteStream for Bytes {
    type ReadStream = ReceiverStream<Result<ReadResponse, Status>>;

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let ReadRequest { resource_name, read_offset, read_limit } = request.into_inner();
        let (store, digest, compressor) = self.find(&resource_name)?;
        let out_of_range = || Status::out_of_range("the blob has no such bytes");
        let offset = u64::try_from(read_offset).map_err(|_| out_of_range())?;
        let rest = digest.size().checked_sub(offset).ok_or_else(out_of_range)?;
        let limit = u64::try_from(read_limit).map_err(|_| out_of_range())?;
        if compressor != Compressor::Identity && limit != 0 {
            return Err(Status::invalid_argument("a compressed blob is read to its end"));
        }
        let wanted = if limit == 0 { rest } else { rest.min(limit) };
        let file = blocking(move || {
            let mut file = store.open_verified(&digest).map_err(|error| match error {
                StoreError::Lost { .. } => Status::not_found("there is no such blob"),
                other => refused(&other),
            })?;
            file.seek(SeekFrom::Start(offset)).map_err(|_| Status::unavailable("the blob cannot be read"))?;
            Ok(file)
        });
        let file = file.await?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let state = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            state.metrics.blobs_sent.add(1);
            state.metrics.bytes_sent.add(send(file, wanted, compressor, &sender));
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn write(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<WriteResponse>, Status> {
        guard::writer(&request)?;
        let mut pieces = request.into_inner();
        let first = pieces.message().await?.ok_or_else(|| Status::invalid_argument("nothing was sent"))?;
        let (store, digest, compressor) = self.find(&first.resource_name)?;
        let whole = i64::try_from(digest.size()).unwrap_or(i64::MAX);
        if store.contains(&digest) {
            let committed_size = if compressor == Compressor::Identity { whole } else { -1 };
            return Ok(Response::new(WriteResponse { committed_size }));
        }
        let mut upload = blocking(move || Upload::begin(store, digest, compressor)).await?;
        let mut piece = Some(first);
        while let Some(WriteRequest { write_offset, finish_write, data, .. }) = piece {
            upload = blocking(move || upload.take(write_offset, &data)).await?;
            if finish_write {
                break;
            }
            // A client that is slower than this is holding on to a file for nothing.
            let next = tokio::time::timeout(PATIENCE, pieces.message()).await;
            piece = next.map_err(|_| Status::deadline_exceeded("nothing more came of the blob"))??;
        }
        let committed_size = blocking(move || upload.finish()).await?;
        self.0.metrics.blobs_taken.add(1);
        self.0.metrics.bytes_taken.add(u64::try_from(committed_size).unwrap_or_default());
        Ok(Response::new(WriteResponse { committed_size }))
    }

    async fn query_write_status(
        &self,
        request: Request<QueryWriteStatusRequest>,
    ) -> Result<Response<QueryWriteStatusResponse>, Status> {
        let (store, digest, _) = self.find(&request.into_inner().resource_name)?;
        // An upload that breaks off is begun again.
        let complete = store.contains(&digest);
        let committed_size = if complete { i64::try_from(digest.size()).unwrap_or(i64::MAX) } else { 0 };
        Ok(Response::new(QueryWriteStatusResponse { committed_size, complete }))
    }
}

/// Sends so many bytes of a file, as far as somebody takes them; returns how many travelled.
fn send(
    file: File,
    wanted: u64,
    compressor: Compressor,
    sender: &mpsc::Sender<Result<ReadResponse, Status>>,
) -> u64 {
    let Ok(mut bytes) = packing(file.take(wanted), compressor) else { return 0 };
    let mut sent = 0;
    loop {
        let mut data = vec![0; PIECE];
        let piece = match bytes.read(&mut data) {
            Ok(0) => return sent,
            Ok(read) => {
                data.truncate(read);
                sent += read as u64;
                Ok(ReadResponse { data })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => Err(Status::unavailable("the blob cannot be read")),
        };
        let is_end = piece.is_err();
        if sender.blocking_send(piece).is_err() || is_end {
            return sent;
        }
    }
}

/// A blob on its way into the store.
struct Upload {
    store: Store,
    digest: Digest,
    scratch: Scratch,
    unpacking: Unpacking<File>,
    /// Bytes that came.
    came: u64,
}

impl Upload {
    fn begin(store: Store, digest: Digest, compressor: Compressor) -> Result<Self, Status> {
        let scratch = store.scratch().map_err(|error| refused(&error))?;
        let path = scratch.path().join("blob");
        let unpacking = File::create(&path).and_then(|file| Unpacking::new(file, compressor, digest.size()));
        let unpacking = unpacking.map_err(|error| refused(&StoreError::io("write", &path)(error)))?;
        Ok(Self { store, digest, scratch, unpacking, came: 0 })
    }

    fn take(mut self, offset: i64, data: &[u8]) -> Result<Self, Status> {
        if u64::try_from(offset) != Ok(self.came) {
            return Err(Status::invalid_argument("the pieces do not follow each other"));
        }
        self.came += data.len() as u64;
        self.unpacking.take(data).map_err(|error| self.failed(error))?;
        Ok(self)
    }

    /// Keeps the blob; returns how many bytes came for it.
    fn finish(mut self) -> Result<i64, Status> {
        let written = self.unpacking.flush().map_err(|error| self.failed(error))?;
        if written != self.digest.size() {
            return Err(Status::invalid_argument("there are fewer bytes than the name says"));
        }
        drop(self.unpacking);
        let stored = self.store.put_file(&self.scratch.path().join("blob"), Transfer::Consume);
        if stored.map_err(|error| refused(&error))? == self.digest {
            Ok(i64::try_from(self.came).unwrap_or(i64::MAX))
        } else {
            Err(Status::invalid_argument("the bytes are not those of the name"))
        }
    }

    fn failed(&self, error: io::Error) -> Status {
        // What cannot be unpacked is `Other`, what the disk refuses has a number.
        if error.raw_os_error().is_none() {
            return Status::invalid_argument(format!("the bytes are not those of the name: {error}"));
        }
        refused(&StoreError::io("write", &self.scratch.path().join("blob"))(error))
    }
}
