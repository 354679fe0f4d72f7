//! One level of a Merkle tree: names and what stands under them.
//!
//! The canonical bytes are those of a REAPI `Directory` message (see
//! [`crate::reapi`]); the digest of a tree is the digest of the canonical bytes
//! of its top directory. The only mode bit is "executable". Unaware of where
//! directories are kept.

use std::collections::BTreeMap;

use crate::digest::{Digest, DigestFunction};
use crate::reapi::{self, EncodingError};

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// A regular file.
    File {
        /// Digest of its bytes.
        digest: Digest,
        /// Whether anyone may execute it.
        executable: bool,
    },
    /// A directory, by the digest of its canonical bytes.
    Directory(Digest),
    /// A symbolic link, by its target.
    Symlink(String),
}

/// A directory's entries, ordered by name as UTF-8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    entries: BTreeMap<String, Node>,
}

impl Directory {
    /// A directory without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an entry and returns what stood there.
    ///
    /// # Errors
    /// [`EncodingError::Name`] unless `name` is one path segment.
    pub fn insert(&mut self, name: &str, node: Node) -> Result<Option<Node>, EncodingError> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(EncodingError::Name { name: name.to_owned() });
        }
        Ok(self.entries.insert(name.to_owned(), node))
    }

    /// Removes an entry and returns it.
    pub fn remove(&mut self, name: &str) -> Option<Node> {
        self.entries.remove(name)
    }

    /// The entry of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries.get(name)
    }

    /// All entries in order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        reapi::encode_directory(self)
    }

    /// Reads canonical bytes back.
    ///
    /// # Errors
    /// [`EncodingError`] if `bytes` is not a message, or not the canonical bytes of one.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        reapi::decode_directory(bytes)
    }

    /// The digest of the canonical bytes.
    #[must_use]
    pub fn digest(&self, function: DigestFunction) -> Digest {
        function.digest(&self.encode())
    }
}
