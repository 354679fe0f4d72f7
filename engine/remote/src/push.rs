//! Results and all that belongs to them, from the store to a server: blobs first, the result
//! last, so that nobody sees a result without its blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use prost::Message as _;
use wiz_base::{Digest, Node};
use wiz_cas::{Store, StoredResult};

use crate::client::Client;
use crate::error::RemoteError;
use crate::results;
use crate::trust::ResultKey;

/// Blobs that a server is known to have.
pub(crate) type Known = Mutex<BTreeSet<Digest>>;

/// Publishes a result under `key`, with `messages` that it is about; returns how many bytes
/// went.
pub(crate) async fn result(
    client: &Client,
    store: &Store,
    known: &Known,
    own: Option<&ResultKey>,
    key: &Digest,
    messages: Vec<Vec<u8>>,
    stored: &StoredResult,
) -> Result<u64, RemoteError> {
    let function = store.function();
    let seal = own.map(|own| own.sign(function, key, &stored.result));
    let mut own: BTreeMap<Digest, Vec<u8>> =
        messages.into_iter().map(|bytes| (function.digest(&bytes), bytes)).collect();
    let tree = tree(store, &stored.result.output_root)?.encode_to_vec();
    let tree_digest = function.digest(&tree);
    own.insert(tree_digest, tree);
    let mut wanted: BTreeSet<Digest> = own.keys().copied().collect();
    wanted.insert(stored.result.output_root);
    wanted.extend(stored.result.log);
    for entry in store.walk(&stored.result.output_root) {
        match entry?.1 {
            Node::File { digest, .. } | Node::Directory(digest) => drop(wanted.insert(digest)),
            Node::Symlink(_) => {}
        }
    }
    let unknown: Vec<Digest> = {
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|digest| digest.size() > 0 && !known.contains(digest)).copied().collect()
    };
    let missing = if unknown.is_empty() { Vec::new() } else { client.missing(&unknown).await? };
    let bytes = missing.iter().map(Digest::size).sum();
    let (small, large): (Vec<Digest>, Vec<Digest>) = missing
        .into_iter()
        .filter(|digest| wanted.contains(digest))
        .partition(|digest| client.is_small(digest));
    for batch in client.batches(small) {
        let mut blobs = Vec::new();
        for digest in batch {
            let content = match own.remove(&digest) {
                Some(content) => content,
                None => store.read(&digest)?,
            };
            blobs.push((digest, content));
        }
        client.write(&blobs).await?;
    }
    for digest in large {
        client.write_large(&digest, &|| Ok(store.open_verified(&digest)?)).await?;
    }
    known.lock().unwrap_or_else(PoisonError::into_inner).extend(wanted);
    client.put_result(key, &results::message(stored, Some(tree_digest), seal.as_ref())).await?;
    Ok(bytes)
}

/// A directory and all below it as one message, each directory once.
fn tree(store: &Store, root: &Digest) -> Result<reapi::Tree, RemoteError> {
    let read = |digest: &Digest| -> Result<reapi::Directory, RemoteError> {
        let bytes = store.get_directory(digest)?.encode();
        reapi::Directory::decode(bytes.as_slice())
            .map_err(|_| RemoteError::Malformed("a directory of our own"))
    };
    let mut children = BTreeSet::new();
    for entry in store.walk(root) {
        if let Node::Directory(digest) = entry?.1 {
            children.insert(digest);
        }
    }
    let children = children.iter().map(read).collect::<Result<_, _>>()?;
    Ok(reapi::Tree { root: Some(read(root)?), children })
}
