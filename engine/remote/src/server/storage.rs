//! Small blobs in batches, which blobs there are, and directories as trees.

use std::collections::BTreeSet;
use std::sync::Arc;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::rpc;
use prost::Message as _;
use reapi::{batch_read_blobs_response, batch_update_blobs_response};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use wiz_base::{Digest, Node};
use wiz_cas::{Store, StoreError};

use super::{MOST_BATCH, State, blocking, digest, guard, refused};
use crate::compression::{Compressor, pack, unpack};

#[derive(Debug)]
pub(super) struct Storage(pub(super) Arc<State>);

/// Directories in one message of a tree.
const DIRECTORIES: usize = 256;

fn status(code: Code, message: &str) -> rpc::Status {
    rpc::Status { code: code as i32, message: message.to_owned(), details: Vec::new() }
}

#[tonic::async_trait]
impl reapi::content_addressable_storage_server::ContentAddressableStorage for Storage {
    type GetTreeStream = ReceiverStream<Result<reapi::GetTreeResponse, Status>>;
    type GetChunkMappingStream = ReceiverStream<Result<reapi::GetChunkMappingResponse, Status>>;

    async fn find_missing_blobs(
        &self,
        request: Request<reapi::FindMissingBlobsRequest>,
    ) -> Result<Response<reapi::FindMissingBlobsResponse>, Status> {
        let request = request.into_inner();
        let store = self.0.store(request.digest_function)?;
        self.0.metrics.blobs_asked_about.add(request.blob_digests.len() as u64);
        let missing = blocking(move || {
            let mut missing_blob_digests = Vec::new();
            for message in request.blob_digests {
                if !store.contains(&digest(Some(&message))?) {
                    missing_blob_digests.push(message);
                }
            }
            Ok(missing_blob_digests)
        });
        let missing_blob_digests = missing.await?;
        self.0.metrics.blobs_missing.add(missing_blob_digests.len() as u64);
        Ok(Response::new(reapi::FindMissingBlobsResponse { missing_blob_digests }))
    }

    async fn batch_update_blobs(
        &self,
        request: Request<reapi::BatchUpdateBlobsRequest>,
    ) -> Result<Response<reapi::BatchUpdateBlobsResponse>, Status> {
        guard::writer(&request)?;
        let request = request.into_inner();
        let store = self.0.store(request.digest_function)?;
        let bytes = request.requests.iter().map(|blob| blob.data.len() as u64).sum();
        self.0.metrics.bytes_taken.add(bytes);
        self.0.metrics.blobs_taken.add(request.requests.len() as u64);
        blocking(move || {
            let mut responses = Vec::new();
            for blob in request.requests {
                let digest = blob.digest.clone();
                let status = Some(update(&store, blob)?);
                responses.push(batch_update_blobs_response::Response { digest, status });
            }
            Ok(Response::new(reapi::BatchUpdateBlobsResponse { responses }))
        })
        .await
    }

    async fn batch_read_blobs(
        &self,
        request: Request<reapi::BatchReadBlobsRequest>,
    ) -> Result<Response<reapi::BatchReadBlobsResponse>, Status> {
        let request = request.into_inner();
        let store = self.0.store(request.digest_function)?;
        let read = blocking(move || {
            let digests = request.digests.iter().map(|message| digest(Some(message)));
            let digests = digests.collect::<Result<Vec<Digest>, Status>>()?;
            let bytes = digests.iter().fold(0, |bytes: u64, digest| bytes.saturating_add(digest.size()));
            if bytes > MOST_BATCH as u64 {
                return Err(Status::invalid_argument("these blobs are too large for one batch"));
            }
            let allowed = match request.acceptable_compressors.contains(&Compressor::Zstd.number()) {
                true => Compressor::Zstd,
                false => Compressor::Identity,
            };
            let responses = request.digests.into_iter().zip(digests);
            let responses = responses.map(|(message, digest)| read(&store, message, &digest, allowed));
            Ok(responses.collect::<Vec<_>>())
        });
        let responses = read.await?;
        self.0.metrics.blobs_sent.add(responses.len() as u64);
        self.0.metrics.bytes_sent.add(responses.iter().map(|blob| blob.data.len() as u64).sum());
        Ok(Response::new(reapi::BatchReadBlobsResponse { responses }))
    }

    async fn get_tree(
        &self,
        request: Request<reapi::GetTreeRequest>,
    ) -> Result<Response<Self::GetTreeStream>, Status> {
        let request = request.into_inner();
        let store = self.0.store(request.digest_function)?;
        let root = digest(request.root_digest.as_ref())?;
        let directories = blocking(move || directories(&store, root)).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            for part in directories.chunks(DIRECTORIES) {
                let response = reapi::GetTreeResponse { directories: part.to_vec(), ..Default::default() };
                if sender.send(Ok(response)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn split_blob(
        &self,
        _: Request<reapi::SplitBlobRequest>,
    ) -> Result<Response<reapi::SplitBlobResponse>, Status> {
        Err(Status::unimplemented("blobs are not split"))
    }

    async fn splice_blob(
        &self,
        _: Request<reapi::SpliceBlobRequest>,
    ) -> Result<Response<reapi::SpliceBlobResponse>, Status> {
        Err(Status::unimplemented("blobs are not split"))
    }

    async fn get_chunk_mapping(
        &self,
        _: Request<reapi::GetChunkMappingRequest>,
    ) -> Result<Response<Self::GetChunkMappingStream>, Status> {
        Err(Status::unimplemented("blobs are not split"))
    }

    async fn register_chunk_mapping(
        &self,
        _: Request<tonic::Streaming<reapi::RegisterChunkMappingRequest>>,
    ) -> Result<Response<reapi::RegisterChunkMappingResponse>, Status> {
        Err(Status::unimplemented("blobs are not split"))
    }
}

fn update(store: &Store, blob: reapi::batch_update_blobs_request::Request) -> Result<rpc::Status, Status> {
    let digest = digest(blob.digest.as_ref())?;
    let Some(compressor) = Compressor::of(blob.compressor) else {
        return Ok(status(Code::InvalidArgument, "blobs compressed like this are not taken"));
    };
    if digest.size() > MOST_BATCH as u64 {
        return Ok(status(Code::InvalidArgument, "the blob is too large for a batch"));
    }
    let data = unpack(blob.data, compressor, digest.size());
    let Some(data) = data.filter(|data| store.function().digest(data) == digest) else {
        return Ok(status(Code::InvalidArgument, "the bytes are not those of the digest"));
    };
    store.put_bytes(&data).map_err(|error| refused(&error))?;
    Ok(status(Code::Ok, ""))
}

fn read(
    store: &Store,
    message: reapi::Digest,
    digest: &Digest,
    allowed: Compressor,
) -> batch_read_blobs_response::Response {
    let (data, status) = match store.read(digest) {
        Ok(data) => (data, status(Code::Ok, "")),
        Err(StoreError::Lost { .. }) => (Vec::new(), status(Code::NotFound, "there is no such blob")),
        Err(error) => {
            tracing::warn!(%error, "a blob cannot be read");
            (Vec::new(), status(Code::Unavailable, "the server's store fails"))
        }
    };
    let (data, compressor) = pack(data, allowed);
    let compressor = compressor.number();
    batch_read_blobs_response::Response { digest: Some(message), data, status: Some(status), compressor }
}

/// A directory and all below it, each once, parents first.
fn directories(store: &Store, root: Digest) -> Result<Vec<reapi::Directory>, Status> {
    let (mut all, mut seen, mut pending) = (Vec::new(), BTreeSet::from([root]), vec![root]);
    while let Some(digest) = pending.pop() {
        let directory = store.get_directory(&digest).map_err(|error| match error {
            StoreError::Lost { .. } => Status::not_found("part of the tree is not here"),
            StoreError::NotDirectory { .. } => Status::invalid_argument("part of the tree is no directory"),
            other => refused(&other),
        })?;
        let encoded = directory.encode();
        all.push(
            reapi::Directory::decode(encoded.as_slice())
                .map_err(|_| Status::internal("a bug in the server"))?,
        );
        for (_, node) in directory.entries() {
            if let Node::Directory(child) = node
                && seen.insert(*child)
            {
                pending.push(*child);
            }
        }
    }
    Ok(all)
}
