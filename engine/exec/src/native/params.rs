//! Parameters as typed values: inputs and outputs are references that are followed
//! here. Unaware of what any packer does with them.

use std::fs::File;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use wiz_base::{Digest, Node, RelPath};

use super::{NativeError, NativeJob};

/// Reads the parameters of a job as the type its packer takes; fields it does not
/// know are refused.
pub(super) fn parse<T: DeserializeOwned>(job: &NativeJob<'_>) -> Result<T, NativeError> {
    T::deserialize(job.params)
        .map_err(|error| NativeError::Params { kind: job.kind.name(), message: error.to_string() })
}

/// An input of the action.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[serde(rename = "$input")]
    place: String,
}

/// A declared output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    /// Where it stands in the tree `out`.
    #[serde(rename = "$output")]
    pub(super) path: RelPath,
}

impl Input {
    /// What people call it.
    pub(super) fn name<'a>(&'a self, job: &NativeJob<'a>) -> &'a str {
        job.names.get(&self.place).map_or(&self.place, String::as_str)
    }

    /// What it is.
    pub(super) fn node(&self, job: &NativeJob<'_>) -> Result<Node, NativeError> {
        let missing = || NativeError::Params {
            kind: job.kind.name(),
            message: format!("there is no input `{}`", self.place),
        };
        job.inputs.get(&self.place).cloned().ok_or_else(missing)
    }

    /// The digest of a file.
    pub(super) fn file(&self, job: &NativeJob<'_>) -> Result<Digest, NativeError> {
        match self.node(job)? {
            Node::File { digest, .. } => Ok(digest),
            _ => Err(NativeError::WrongKind { name: self.name(job).to_owned(), expected: "file" }),
        }
    }

    /// The digest of a folder.
    pub(super) fn folder(&self, job: &NativeJob<'_>) -> Result<Digest, NativeError> {
        match self.node(job)? {
            Node::Directory(digest) => Ok(digest),
            _ => Err(NativeError::WrongKind { name: self.name(job).to_owned(), expected: "folder" }),
        }
    }

    /// A file opened after its bytes have been checked.
    pub(super) fn open(&self, job: &NativeJob<'_>) -> Result<File, NativeError> {
        Ok(job.store.open_verified(&self.file(job)?)?)
    }

    /// The bytes of a file.
    pub(super) fn read(&self, job: &NativeJob<'_>) -> Result<Vec<u8>, NativeError> {
        Ok(job.store.read(&self.file(job)?)?)
    }

    /// A JSON file that another packer wrote.
    pub(super) fn json<T: DeserializeOwned>(&self, job: &NativeJob<'_>) -> Result<T, NativeError> {
        let malformed = |error: serde_json::Error| NativeError::Malformed {
            name: self.name(job).to_owned(),
            message: error.to_string(),
        };
        serde_json::from_slice(&self.read(job)?).map_err(malformed)
    }
}
