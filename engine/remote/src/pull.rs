//! Results and all that belongs to them, from a server into the store. Every blob is checked
//! before it is kept, so what is in the store is right whatever the server says.

use std::collections::BTreeSet;
use std::io::Write as _;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use prost::Message as _;
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node};
use wiz_cas::{Store, StoreError, StoredResult, Transfer};

use crate::client::Client;
use crate::error::RemoteError;
use crate::results::{self, Found, Output};

/// How often a stream that broke off is taken up again.
const RESUMES: u32 = 4;

/// The result of `key` with all that belongs to it in the store; none if the server has none.
/// Also returns how many bytes came.
pub(crate) async fn result(
    client: &Client,
    store: &Store,
    key: &Digest,
) -> Result<Option<(StoredResult, u64)>, RemoteError> {
    let Some(message) = client.result(key).await? else { return Ok(None) };
    let Some(found) = results::read(&message) else {
        return Err(RemoteError::Malformed("a result that wiz has not made"));
    };
    let Found { output, log, wall_ms, manifest } = found;
    let mut pull = Pull { client, store, bytes: 0 };
    let output_root = match output {
        Output::Root(root) => root,
        Output::Tree(tree) => pull.unfold(&tree).await?,
    };
    let mut files = pull.directories(output_root).await?;
    files.extend(log);
    pull.blobs(files.into_iter()).await?;
    let stored = StoredResult { result: ActionResult { output_root, log, wall_ms }, manifest };
    Ok(Some((stored, pull.bytes)))
}

struct Pull<'a> {
    client: &'a Client,
    store: &'a Store,
    bytes: u64,
}

impl Pull<'_> {
    /// Brings a directory and all below it, level by level; returns the files in them.
    async fn directories(&mut self, root: Digest) -> Result<BTreeSet<Digest>, RemoteError> {
        let (mut files, mut seen, mut level) = (BTreeSet::new(), BTreeSet::from([root]), vec![root]);
        while !level.is_empty() {
            self.blobs(level.iter().copied()).await?;
            let mut next = Vec::new();
            for digest in level {
                for (_, node) in self.store.get_directory(&digest)?.entries() {
                    match node {
                        Node::File { digest, .. } => drop(files.insert(*digest)),
                        Node::Directory(child) if seen.insert(*child) => next.push(*child),
                        Node::Directory(_) | Node::Symlink(_) => {}
                    }
                }
            }
            level = next;
        }
        Ok(files)
    }

    /// Brings the directories of a `Tree` and returns its root.
    async fn unfold(&mut self, tree: &Digest) -> Result<Digest, RemoteError> {
        self.blobs([*tree].into_iter()).await?;
        let message = reapi::Tree::decode(self.store.read(tree)?.as_slice());
        let message = message.map_err(|_| RemoteError::Malformed("a tree that is none"))?;
        let root = message.root.ok_or(RemoteError::Malformed("a tree without a root"))?;
        for child in &message.children {
            self.store.put_bytes(&child.encode_to_vec())?;
        }
        Ok(self.store.put_bytes(&root.encode_to_vec())?)
    }

    /// Brings the blobs that the store has not got.
    async fn blobs(&mut self, digests: impl Iterator<Item = Digest>) -> Result<(), RemoteError> {
        let wanted = digests.filter(|digest| !self.store.contains(digest));
        let (small, large): (Vec<Digest>, Vec<Digest>) =
            wanted.partition(|digest| self.client.is_small(digest));
        for batch in self.client.batches(small) {
            for (digest, bytes) in self.client.read(&batch).await? {
                self.bytes += digest.size();
                self.store.put_bytes(&bytes)?;
            }
        }
        for digest in large {
            self.large(&digest).await?;
        }
        Ok(())
    }

    /// Brings a large blob, going on where a stream broke off.
    async fn large(&mut self, digest: &Digest) -> Result<(), RemoteError> {
        let scratch = self.store.scratch()?;
        let path = scratch.path().join("blob");
        let mut file = std::fs::File::create(&path).map_err(StoreError::io("write", &path))?;
        let mut offset = 0;
        for attempt in 0..=RESUMES {
            let (came, ended) = self.client.stream(digest, offset, &mut |piece| file.write_all(piece)).await;
            offset += came;
            match ended {
                Ok(()) if offset == digest.size() => break,
                Err(error) if error.is_not_found() => return Err(RemoteError::Gone { digest: *digest }),
                Ok(()) | Err(_) if attempt < RESUMES => {}
                Ok(()) => return Err(RemoteError::Corrupt { digest: *digest }),
                Err(error) => return Err(error),
            }
        }
        drop(file);
        self.bytes += offset;
        if self.store.put_file(&path, Transfer::Consume)? == *digest {
            Ok(())
        } else {
            Err(RemoteError::Corrupt { digest: *digest })
        }
    }
}
