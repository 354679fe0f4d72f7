//! Results, their directories and blobs, from a server into the store. Every blob is checked
//! before it is kept, so what is in the store is right whatever the server says.

use std::collections::BTreeSet;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use prost::Message as _;
use tokio::task::JoinSet;
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node};
use wiz_cas::{Store, StoreError, StoredResult, Transfer};

use crate::client::Client;
use crate::error::RemoteError;
use crate::results::{self, Found, Output};
use crate::trust::Trust;

/// How often a stream that broke off is taken up again.
const RESUMES: u32 = 4;

/// How many batches and streams are under way at once.
const TRANSFERS: usize = 8;

/// The result of `key` with its directories in the store; none if the server has none. Its
/// files stay where they are. Also returns how many bytes came.
pub(crate) async fn result(
    client: &Client,
    store: &Store,
    trust: &Trust,
    key: &Digest,
) -> Result<Option<(StoredResult, u64)>, RemoteError> {
    let Some(message) = client.result(key).await? else { return Ok(None) };
    let Some(found) = results::read(&message) else {
        return Err(RemoteError::Malformed("a result that wiz has not made"));
    };
    let Found { output, log, wall_ms, manifest, seal } = found;
    let mut pull = Pull { client, store, bytes: 0 };
    for (digest, data) in results::blobs(&message) {
        // What is not what it is called is asked for again.
        if store.function().digest(&data) == digest {
            pull.bytes += digest.size();
            store.put_bytes(&data)?;
        }
    }
    let output_root = match output {
        Output::Root(root) => root,
        Output::Tree(tree) => pull.unfold(&tree).await?,
    };
    let result = ActionResult { output_root, log, wall_ms };
    if !trust.believes(store.function(), key, &result, seal.as_ref()) {
        return Err(RemoteError::Untrusted);
    }
    pull.directories(output_root).await?;
    let stored = StoredResult { result, manifest };
    Ok(Some((stored, pull.bytes)))
}

/// Brings the blobs that the store has not got, as far as the server has them. Returns how many
/// bytes came, and the first thing that went wrong.
pub(crate) async fn blobs(
    client: &Client,
    store: &Store,
    digests: impl Iterator<Item = Digest>,
) -> (u64, Result<(), RemoteError>) {
    let wanted = digests.filter(|digest| !store.contains(digest));
    let (small, large): (Vec<Digest>, Vec<Digest>) = wanted.partition(|digest| client.is_small(digest));
    let mut pending = client.batches(small);
    pending.extend(large.into_iter().map(|digest| vec![digest]));
    let (mut running, mut bytes, mut outcome) = (JoinSet::new(), 0, Ok(()));
    loop {
        while running.len() < TRANSFERS
            && let Some(part) = pending.pop()
        {
            let (client, store) = (client.clone(), store.clone());
            running.spawn(async move { transfer(&client, &store, &part).await });
        }
        let Some(done) = running.join_next().await else { return (bytes, outcome) };
        match done.unwrap_or(Err(RemoteError::Malformed("a transfer that was given up"))) {
            Ok(came) => bytes += came,
            Err(error) if outcome.is_ok() => outcome = Err(error),
            Err(_) => {}
        }
    }
}

/// Brings a batch of small blobs, or one large one.
async fn transfer(client: &Client, store: &Store, part: &[Digest]) -> Result<u64, RemoteError> {
    match part {
        [digest] if !client.is_small(digest) => large(client, store, digest).await,
        _ => batch(client, store, part).await,
    }
}

/// Brings what is there of a batch; an error if something is not.
async fn batch(client: &Client, store: &Store, digests: &[Digest]) -> Result<u64, RemoteError> {
    let (blobs, outcome) = client.read(digests).await?;
    let mut bytes = 0;
    for (digest, content) in blobs {
        bytes += digest.size();
        store.put_bytes(&content)?;
    }
    outcome.map(|()| bytes)
}

/// Brings a large blob, going on where a stream broke off.
async fn large(client: &Client, store: &Store, digest: &Digest) -> Result<u64, RemoteError> {
    let scratch = store.scratch()?;
    let path = scratch.path().join("blob");
    let file = std::fs::File::create(&path).map_err(StoreError::io("write", &path))?;
    let (mut offset, mut travelled) = (0, 0);
    for attempt in 0..=RESUMES {
        let (streamed, ended) = client.stream(digest, offset, &file).await;
        offset += streamed.came;
        travelled += streamed.travelled;
        match ended {
            Ok(()) if offset == digest.size() => break,
            Err(error) if error.is_not_found() => return Err(RemoteError::Gone { digest: *digest }),
            Ok(()) | Err(_) if attempt < RESUMES => {}
            Ok(()) => return Err(RemoteError::Corrupt { digest: *digest }),
            Err(error) => return Err(error),
        }
    }
    drop(file);
    if store.put_file(&path, Transfer::Consume)? == *digest {
        Ok(travelled)
    } else {
        Err(RemoteError::Corrupt { digest: *digest })
    }
}

struct Pull<'a> {
    client: &'a Client,
    store: &'a Store,
    bytes: u64,
}

impl Pull<'_> {
    /// Brings a directory and all directories below it, level by level.
    async fn directories(&mut self, root: Digest) -> Result<(), RemoteError> {
        let (mut seen, mut level) = (BTreeSet::from([root]), vec![root]);
        while !level.is_empty() {
            self.blobs(&level).await?;
            let mut next = Vec::new();
            for digest in level {
                for (_, node) in self.store.get_directory(&digest)?.entries() {
                    match node {
                        Node::Directory(child) if seen.insert(*child) => next.push(*child),
                        Node::Directory(_) | Node::File { .. } | Node::Symlink(_) => {}
                    }
                }
            }
            level = next;
        }
        Ok(())
    }

    /// Brings the directories of a `Tree` and returns its root.
    async fn unfold(&mut self, tree: &Digest) -> Result<Digest, RemoteError> {
        self.blobs(&[*tree]).await?;
        let message = reapi::Tree::decode(self.store.read(tree)?.as_slice());
        let message = message.map_err(|_| RemoteError::Malformed("a tree that is none"))?;
        let root = message.root.ok_or(RemoteError::Malformed("a tree without a root"))?;
        for child in &message.children {
            self.store.put_bytes(&child.encode_to_vec())?;
        }
        Ok(self.store.put_bytes(&root.encode_to_vec())?)
    }

    async fn blobs(&mut self, digests: &[Digest]) -> Result<(), RemoteError> {
        let (bytes, outcome) = blobs(self.client, self.store, digests.iter().copied()).await;
        self.bytes += bytes;
        outcome
    }
}
