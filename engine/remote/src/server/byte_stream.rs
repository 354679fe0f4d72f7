//! Blobs of any size, in pieces.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bazel_remote_apis::google::bytestream::byte_stream_server::ByteStream;
use bazel_remote_apis::google::bytestream::{
    QueryWriteStatusRequest, QueryWriteStatusResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use wiz_base::Digest;
use wiz_cas::{Scratch, Store, StoreError, Transfer};

use super::{State, blocking, refused};
use crate::wire;

/// Bytes of a piece that is sent.
const PIECE: usize = 256 * 1024;

/// Pieces read ahead of what a client takes.
const AHEAD: usize = 4;

#[derive(Debug)]
pub(super) struct Bytes(pub(super) Arc<State>);

impl Bytes {
    fn find(&self, name: &str) -> Result<(Store, Digest), Status> {
        let (function, digest) = wire::read_name(name)
            .ok_or_else(|| Status::invalid_argument(format!("`{name}` does not name a blob")))?;
        Ok((self.0.store_of(function)?, digest))
    }
}

#[tonic::async_trait]
impl ByteStream for Bytes {
    type ReadStream = ReceiverStream<Result<ReadResponse, Status>>;

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let ReadRequest { resource_name, read_offset, read_limit } = request.into_inner();
        let (store, digest) = self.find(&resource_name)?;
        let out_of_range = || Status::out_of_range("the blob has no such bytes");
        let offset = u64::try_from(read_offset).map_err(|_| out_of_range())?;
        let rest = digest.size().checked_sub(offset).ok_or_else(out_of_range)?;
        let limit = u64::try_from(read_limit).map_err(|_| out_of_range())?;
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
        tokio::task::spawn_blocking(move || send(file, wanted, &sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn write(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<WriteResponse>, Status> {
        let mut pieces = request.into_inner();
        let first = pieces.message().await?.ok_or_else(|| Status::invalid_argument("nothing was sent"))?;
        let (store, digest) = self.find(&first.resource_name)?;
        let whole = i64::try_from(digest.size()).unwrap_or(i64::MAX);
        if store.contains(&digest) {
            return Ok(Response::new(WriteResponse { committed_size: whole }));
        }
        let mut upload = blocking(move || Upload::begin(store, digest)).await?;
        let mut piece = Some(first);
        while let Some(WriteRequest { write_offset, finish_write, data, .. }) = piece {
            upload = blocking(move || upload.take(write_offset, &data)).await?;
            if finish_write {
                break;
            }
            piece = pieces.message().await?;
        }
        blocking(move || upload.finish()).await?;
        Ok(Response::new(WriteResponse { committed_size: whole }))
    }

    async fn query_write_status(
        &self,
        request: Request<QueryWriteStatusRequest>,
    ) -> Result<Response<QueryWriteStatusResponse>, Status> {
        let (store, digest) = self.find(&request.into_inner().resource_name)?;
        // An upload that breaks off is begun again.
        let complete = store.contains(&digest);
        let committed_size = if complete { i64::try_from(digest.size()).unwrap_or(i64::MAX) } else { 0 };
        Ok(Response::new(QueryWriteStatusResponse { committed_size, complete }))
    }
}

/// Sends so many bytes of a file, as far as somebody takes them.
fn send(mut file: File, mut wanted: u64, sender: &mpsc::Sender<Result<ReadResponse, Status>>) {
    while wanted > 0 {
        let mut data = vec![0; usize::try_from(wanted).unwrap_or(PIECE).min(PIECE)];
        let piece = match file.read(&mut data) {
            Ok(0) => Err(Status::data_loss("the blob ends too early")),
            Ok(read) => {
                data.truncate(read);
                wanted -= read as u64;
                Ok(ReadResponse { data })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => Err(Status::unavailable("the blob cannot be read")),
        };
        let is_end = piece.is_err();
        if sender.blocking_send(piece).is_err() || is_end {
            return;
        }
    }
}

/// A blob on its way into the store.
struct Upload {
    store: Store,
    digest: Digest,
    scratch: Scratch,
    file: File,
    written: u64,
}

impl Upload {
    fn begin(store: Store, digest: Digest) -> Result<Self, Status> {
        let scratch = store.scratch().map_err(|error| refused(&error))?;
        let path = scratch.path().join("blob");
        let file = File::create(&path).map_err(|error| refused(&StoreError::io("write", &path)(error)))?;
        Ok(Self { store, digest, scratch, file, written: 0 })
    }

    fn take(mut self, offset: i64, data: &[u8]) -> Result<Self, Status> {
        if u64::try_from(offset) != Ok(self.written) {
            return Err(Status::invalid_argument("the pieces do not follow each other"));
        }
        self.written += data.len() as u64;
        if self.written > self.digest.size() {
            return Err(Status::invalid_argument("there are more bytes than the name says"));
        }
        let path = self.scratch.path().join("blob");
        self.file.write_all(data).map_err(|error| refused(&StoreError::io("write", &path)(error)))?;
        Ok(self)
    }

    fn finish(self) -> Result<(), Status> {
        if self.written != self.digest.size() {
            return Err(Status::invalid_argument("there are fewer bytes than the name says"));
        }
        drop(self.file);
        let stored = self.store.put_file(&self.scratch.path().join("blob"), Transfer::Consume);
        if stored.map_err(|error| refused(&error))? == self.digest {
            Ok(())
        } else {
            Err(Status::invalid_argument("the bytes are not those of the name"))
        }
    }
}
