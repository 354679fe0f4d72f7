//! Canonical bytes of the Remote Execution API messages that identities rest on:
//! `Directory`, `Command`, `Action`, `ActionResult`.
//!
//! The messages are declared here field by field as in
//! `build/bazel/remote/execution/v2/remote_execution.proto` (version 2.3), only
//! with the fields wiz writes. Fields are written in tag order and defaults are
//! left out, so encoding is canonical; decoding accepts nothing that would not be
//! encoded to the same bytes, except for [`ActionResult`], which servers extend.
//! Unaware of transport and of stores.

use prost::Message;

use crate::digest::{Digest, HASH_LEN};
use crate::directory::{Directory, Node};

pub mod wire;

/// A process to run: `Command` without the deprecated fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; the program's path is absolute.
    pub arguments: Vec<String>,
    /// The whole environment, ordered by name.
    pub environment: std::collections::BTreeMap<String, String>,
    /// Where it runs, relative to the input root.
    pub working_directory: String,
    /// What it makes, relative to the working directory, ordered and unique.
    pub output_paths: Vec<String>,
    /// Properties a worker must have, ordered by name.
    pub platform: std::collections::BTreeMap<String, String>,
}

impl Command {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let environment = self.environment.iter();
        wire::Command {
            arguments: self.arguments.clone(),
            environment_variables: environment
                .map(|(name, value)| wire::Pair { name: name.clone(), value: value.clone() })
                .collect(),
            working_directory: self.working_directory.clone(),
            output_paths: self.output_paths.clone(),
            platform: wire::Platform::from_properties(&self.platform),
        }
        .encode_to_vec()
    }
}

/// What a key is the digest of: `Action` without limits of time, which can only
/// make an action fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionMessage {
    /// Digest of the canonical [`Command`].
    pub command: Digest,
    /// Digest of the top [`Directory`] of the input root.
    pub input_root: Digest,
    /// Isolation class and whatever else separates results that must not be shared.
    pub salt: Vec<u8>,
    /// The same properties as in the [`Command`].
    pub platform: std::collections::BTreeMap<String, String>,
}

impl ActionMessage {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::Action {
            command_digest: Some(self.command.into()),
            input_root_digest: Some(self.input_root.into()),
            salt: self.salt.clone(),
            platform: wire::Platform::from_properties(&self.platform),
        }
        .encode_to_vec()
    }
}

/// What a successful action left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResult {
    /// Digest of the top [`Directory`] of the output path `out`.
    pub output_root: Digest,
    /// What it printed, if anything.
    pub log: Option<Digest>,
    /// How long it ran, in milliseconds. Never part of an identity.
    pub wall_ms: u64,
}

/// The one output path of every action.
pub const OUTPUT_PATH: &str = "out";

impl ActionResult {
    /// The bytes of the `ActionResult` message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::ActionResult {
            output_directories: vec![wire::OutputDirectory {
                path: OUTPUT_PATH.to_owned(),
                root_directory_digest: Some(self.output_root.into()),
            }],
            stdout_digest: self.log.map(Into::into),
            execution_metadata: Some(wire::ExecutedActionMetadata {
                worker: "wiz".to_owned(),
                virtual_execution_duration: Some(wire::Duration::from_millis(self.wall_ms)),
            }),
        }
        .encode_to_vec()
    }

    /// Reads an `ActionResult` message.
    ///
    /// # Errors
    /// [`EncodingError`] if it is not one, or does not name the root of `out`.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        let message = wire::ActionResult::decode(bytes)?;
        let output = message.output_directories.into_iter().find(|output| output.path == OUTPUT_PATH);
        let root = output.and_then(|output| output.root_directory_digest);
        let root = root.ok_or(EncodingError::Missing { what: "the root of the output `out`" })?;
        let duration = message.execution_metadata.and_then(|metadata| metadata.virtual_execution_duration);
        Ok(Self {
            output_root: Digest::try_from(&root)?,
            log: message.stdout_digest.as_ref().map(Digest::try_from).transpose()?,
            wall_ms: duration.map_or(0, |duration| duration.as_millis()),
        })
    }
}

/// The canonical bytes of `directory`.
pub(crate) fn encode_directory(directory: &Directory) -> Vec<u8> {
    let mut message = wire::Directory::default();
    for (name, node) in directory.entries() {
        let name = name.to_owned();
        match node {
            Node::File { digest, executable } => message.files.push(wire::FileNode {
                name,
                digest: Some((*digest).into()),
                is_executable: *executable,
            }),
            Node::Directory(digest) => {
                message.directories.push(wire::DirectoryNode { name, digest: Some((*digest).into()) });
            }
            Node::Symlink(target) => {
                message.symlinks.push(wire::SymlinkNode { name, target: target.clone() });
            }
        }
    }
    message.encode_to_vec()
}

/// Reads canonical directory bytes back, refusing any other spelling.
pub(crate) fn decode_directory(bytes: &[u8]) -> Result<Directory, EncodingError> {
    let message = wire::Directory::decode(bytes)?;
    let mut directory = Directory::new();
    for file in message.files {
        let digest = required(file.digest.as_ref())?;
        directory.insert(&file.name, Node::File { digest, executable: file.is_executable })?;
    }
    for child in message.directories {
        directory.insert(&child.name, Node::Directory(required(child.digest.as_ref())?))?;
    }
    for link in message.symlinks {
        directory.insert(&link.name, Node::Symlink(link.target))?;
    }
    if encode_directory(&directory) == bytes { Ok(directory) } else { Err(EncodingError::NotCanonical) }
}

fn required(digest: Option<&wire::Digest>) -> Result<Digest, EncodingError> {
    Digest::try_from(digest.ok_or(EncodingError::Missing { what: "a digest" })?)
}

impl From<Digest> for wire::Digest {
    fn from(digest: Digest) -> Self {
        Self { hash: digest.hex(), size_bytes: i64::try_from(digest.size()).unwrap_or(i64::MAX) }
    }
}

impl TryFrom<&wire::Digest> for Digest {
    type Error = EncodingError;

    fn try_from(message: &wire::Digest) -> Result<Self, EncodingError> {
        let malformed = || EncodingError::Digest { hash: message.hash.clone(), size: message.size_bytes };
        debug_assert_eq!(HASH_LEN, 32);
        let size = u64::try_from(message.size_bytes).map_err(|_| malformed())?;
        Self::from_hex(&message.hash, size).map_err(|_| malformed())
    }
}

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Not a protocol buffer of that type.
    #[error("not a message of the Remote Execution API: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A name that is not one path segment.
    #[error("`{name}` is not a name of one path segment")]
    Name {
        /// What was given.
        name: String,
    },
    /// A digest that is malformed.
    #[error("`{hash}` of {size} bytes is not a digest")]
    Digest {
        /// The hash as given.
        hash: String,
        /// The size as given, in bytes.
        size: i64,
    },
    /// A field that must be there is not.
    #[error("the message lacks {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// A valid message in another than the canonical spelling.
    #[error("the message is not in canonical form")]
    NotCanonical,
}

#[cfg(test)]
mod tests;
