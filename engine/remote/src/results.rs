//! Results as the protocol's `ActionResult`, in both directions.
//!
//! A result of wiz is one output directory `out`, with the manifest that explains its key as
//! auxiliary metadata. Results of other clients have any form: a server keeps their message as
//! it came, with a directory of all blobs it names as its output, so that collection and the
//! check for completeness know them without knowing more. Unaware of transport.

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::protobuf;
use prost::Message as _;
use wiz_base::reapi::{ActionResult, OUTPUT_PATH};
use wiz_base::{Digest, Directory, Node};
use wiz_cas::{Store, StoreError, StoredResult};

use crate::trust::Seal;
use crate::wire;

/// What says that a manifest is in a piece of metadata.
const MANIFEST_URL: &str = "type.googleapis.com/wiz.Manifest";

/// What says that a seal is in a piece of metadata.
const SEAL_URL: &str = "type.googleapis.com/wiz.Seal";

/// What says that blobs are in a piece of metadata, as a `BatchReadBlobsResponse`.
const BLOBS_URL: &str = "type.googleapis.com/build.bazel.remote.execution.v2.BatchReadBlobsResponse";

/// Bytes of blobs that travel with their result at most.
const MOST_INLINE: usize = 32 * 1024;

/// Begins what a server keeps in a manifest's place for results with a seal: the seal, the manifest.
const SEALED: &[u8] = b"sealed\n";

/// Begins what is kept in a manifest's place for results of other clients.
const FOREIGN: &[u8] = b"reapi\n";

/// Bytes of the largest manifest that travels with its result.
const MOST_MANIFEST: usize = 256 * 1024;

/// A result that a server keeps, as a message.
pub(crate) fn kept_message(stored: &StoredResult) -> reapi::ActionResult {
    if let Some(bytes) = stored.manifest.strip_prefix(FOREIGN)
        && let Ok(message) = reapi::ActionResult::decode(bytes)
    {
        return message;
    }
    let sealed = stored.manifest.strip_prefix(SEALED);
    match sealed.and_then(|bytes| bytes.split_at_checked(Seal::LENGTH)) {
        Some((seal, manifest)) => {
            let plain = StoredResult { manifest: manifest.to_vec(), result: stored.result.clone() };
            message(&plain, None, Seal::read(seal).as_ref())
        }
        None => message(stored, None, None),
    }
}

/// Adds the directories of a result, and what small files fit beside them: a client that asks
/// for it need not ask for them one by one. It checks them as it checks all blobs.
pub(crate) fn add_blobs(store: &Store, result: &ActionResult, message: &mut reapi::ActionResult) {
    let mut blobs = reapi::BatchReadBlobsResponse::default();
    let mut left = MOST_INLINE;
    let mut add = |digest: &Digest| {
        let size = usize::try_from(digest.size()).unwrap_or(usize::MAX);
        if let Some(rest) = left.checked_sub(size)
            && let Ok(data) = store.read(digest)
        {
            left = rest;
            let digest = Some(wire::digest(digest));
            blobs.responses.push(reapi::batch_read_blobs_response::Response {
                digest,
                data,
                ..Default::default()
            });
        }
    };
    add(&result.output_root);
    let nodes: Vec<Node> =
        store.walk(&result.output_root).filter_map(Result::ok).map(|(_, node)| node).collect();
    for node in &nodes {
        if let Node::Directory(digest) = node {
            add(digest);
        }
    }
    for node in &nodes {
        if let Node::File { digest, .. } = node {
            add(digest);
        }
    }
    let any = protobuf::Any { type_url: BLOBS_URL.to_owned(), value: blobs.encode_to_vec() };
    message.execution_metadata.get_or_insert_default().auxiliary_metadata.push(any);
}

/// Blobs that came with a result, not checked.
pub(crate) fn blobs(message: &reapi::ActionResult) -> Vec<(Digest, Vec<u8>)> {
    let metadata = message.execution_metadata.iter().flat_map(|metadata| &metadata.auxiliary_metadata);
    let mut blobs = Vec::new();
    for any in metadata.filter(|any| any.type_url == BLOBS_URL) {
        let decoded = reapi::BatchReadBlobsResponse::decode(any.value.as_slice()).unwrap_or_default();
        for response in decoded.responses {
            let digest = response.digest.as_ref().and_then(wire::read_digest);
            blobs.extend(digest.map(|digest| (digest, response.data)));
        }
    }
    blobs
}

/// A result as a message; `tree` is the digest of its outputs as one `Tree`.
pub(crate) fn message(
    stored: &StoredResult,
    tree: Option<Digest>,
    seal: Option<&Seal>,
) -> reapi::ActionResult {
    let result = &stored.result;
    let millis = i64::try_from(result.wall_ms).unwrap_or(i64::MAX);
    let nanos = i32::try_from(millis % 1000).unwrap_or_default() * 1_000_000;
    let manifest = protobuf::Any { type_url: MANIFEST_URL.to_owned(), value: stored.manifest.clone() };
    let seal = seal.map(|seal| protobuf::Any { type_url: SEAL_URL.to_owned(), value: seal.bytes().to_vec() });
    let travels = !stored.manifest.is_empty() && stored.manifest.len() <= MOST_MANIFEST;
    reapi::ActionResult {
        output_directories: vec![reapi::OutputDirectory {
            path: OUTPUT_PATH.to_owned(),
            tree_digest: tree.as_ref().map(wire::digest),
            root_directory_digest: Some(wire::digest(&result.output_root)),
            ..Default::default()
        }],
        stdout_digest: result.log.as_ref().map(wire::digest),
        execution_metadata: Some(reapi::ExecutedActionMetadata {
            worker: "wiz".to_owned(),
            virtual_execution_duration: Some(protobuf::Duration { seconds: millis / 1000, nanos }),
            auxiliary_metadata: travels.then_some(manifest).into_iter().chain(seal).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The output of a message of wiz: its root directory, or the `Tree` to find it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Root(Digest),
    Tree(Digest),
}

/// What a client needs of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) output: Output,
    pub(crate) log: Option<Digest>,
    pub(crate) wall_ms: u64,
    pub(crate) manifest: Vec<u8>,
    pub(crate) seal: Option<Seal>,
}

/// Reads the message of a result of wiz; `None` if it is anything else.
pub(crate) fn read(message: &reapi::ActionResult) -> Option<Found> {
    let [directory] = message.output_directories.as_slice() else { return None };
    let others = message.output_files.len() + message.output_symlinks.len();
    if message.exit_code != 0 || directory.path != OUTPUT_PATH || others > 0 {
        return None;
    }
    let output = match (&directory.root_directory_digest, &directory.tree_digest) {
        (Some(root), _) => Output::Root(wire::read_digest(root)?),
        (None, Some(tree)) => Output::Tree(wire::read_digest(tree)?),
        (None, None) => return None,
    };
    let log = match &message.stdout_digest {
        Some(log) => Some(wire::read_digest(log)?),
        None => None,
    };
    let metadata = message.execution_metadata.as_ref();
    let duration = metadata.and_then(|metadata| metadata.virtual_execution_duration.as_ref());
    let wall_ms = duration.map_or(0, |duration| {
        let seconds = u64::try_from(duration.seconds).unwrap_or(0);
        seconds.saturating_mul(1000).saturating_add(u64::try_from(duration.nanos).unwrap_or(0) / 1_000_000)
    });
    let piece = |url: &str| {
        metadata.and_then(|metadata| metadata.auxiliary_metadata.iter().find(|any| any.type_url == url))
    };
    let manifest = piece(MANIFEST_URL).map(|any| any.value.clone()).unwrap_or_default();
    let seal = piece(SEAL_URL).and_then(|any| Seal::read(&any.value));
    Some(Found { output, log, wall_ms, manifest, seal })
}

/// What a server keeps of a message; `None` if it names blobs that are not there, or makes no
/// sense.
pub(crate) fn to_keep(
    store: &Store,
    message: &reapi::ActionResult,
) -> Result<Option<StoredResult>, StoreError> {
    if let Some(Found { output: Output::Root(output_root), log, wall_ms, mut manifest, seal }) = read(message)
    {
        if let Some(seal) = seal {
            manifest = [SEALED, seal.bytes(), &manifest].concat();
        }
        let stored = StoredResult { result: ActionResult { output_root, log, wall_ms }, manifest };
        // Results of wiz name their output by its root; nothing else is lost.
        if store.is_complete(&stored.result) {
            return Ok(Some(stored));
        }
    }
    let Some(output_root) = everything_named(store, message)? else { return Ok(None) };
    let mut manifest = FOREIGN.to_vec();
    manifest.extend(message.encode_to_vec());
    let result = ActionResult { output_root, log: None, wall_ms: 0 };
    Ok(Some(StoredResult { result, manifest }))
}

/// A directory with every blob that a message names, directly or in trees; `None` if one is
/// not there.
fn everything_named(store: &Store, message: &reapi::ActionResult) -> Result<Option<Digest>, StoreError> {
    let mut named: Vec<&reapi::Digest> = Vec::new();
    named.extend(message.output_files.iter().filter_map(|file| file.digest.as_ref()));
    named.extend(message.stdout_digest.iter().chain(&message.stderr_digest));
    let mut all = Vec::new();
    for digest in named {
        let Some(digest) = wire::read_digest(digest) else { return Ok(None) };
        all.push(digest);
    }
    for directory in &message.output_directories {
        let Some(tree) = directory.tree_digest.as_ref().and_then(wire::read_digest) else { return Ok(None) };
        let Ok(bytes) = store.read(&tree) else { return Ok(None) };
        let Ok(message) = reapi::Tree::decode(bytes.as_slice()) else { return Ok(None) };
        all.push(tree);
        for directory in message.root.iter().chain(&message.children) {
            for file in &directory.files {
                let Some(digest) = file.digest.as_ref().and_then(wire::read_digest) else { return Ok(None) };
                all.push(digest);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    if !all.iter().all(|digest| store.contains(digest)) {
        return Ok(None);
    }
    let mut directory = Directory::new();
    for digest in all {
        let node = Node::File { digest, executable: false };
        directory.insert(&digest.hex(), node).expect("hexadecimal digits are a path segment");
    }
    store.put_directory(directory).map(Some)
}

#[cfg(test)]
mod tests {
    use wiz_base::DigestFunction;

    use super::*;

    #[test]
    fn a_result_of_wiz_survives_the_way_there_and_back() {
        let digest = |text: &str| DigestFunction::Blake3.digest(text.as_bytes());
        let result = ActionResult { output_root: digest("root"), log: Some(digest("log")), wall_ms: 61_234 };
        let stored = StoredResult { result, manifest: b"{}".to_vec() };
        let found = read(&message(&stored, Some(digest("tree")), None)).unwrap();
        assert_eq!(found.output, Output::Root(digest("root")));
        assert_eq!((found.log, found.wall_ms), (Some(digest("log")), 61_234));
        assert_eq!(found.manifest, b"{}");
    }

    #[test]
    fn what_is_no_success_of_wiz_is_none() {
        let digest = DigestFunction::Blake3.digest(b"root");
        let result = ActionResult { output_root: digest, log: None, wall_ms: 0 };
        let good = message(&StoredResult { result, manifest: Vec::new() }, None, None);
        assert!(read(&good).is_some());
        let failed = reapi::ActionResult { exit_code: 1, ..good.clone() };
        let file = reapi::OutputFile { path: "x".to_owned(), ..Default::default() };
        let more = reapi::ActionResult { output_files: vec![file], ..good.clone() };
        let mut nameless = good;
        nameless.output_directories[0].root_directory_digest = None;
        for other in [failed, more, nameless, reapi::ActionResult::default()] {
            assert_eq!(read(&other), None);
        }
    }
}
