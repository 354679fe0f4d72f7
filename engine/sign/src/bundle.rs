//! Sigstore bundles of signatures by key.
//!
//! Source: sigstore's protobuf-specs, sigstore_bundle.proto, version 0.3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::dsse::{Envelope, EnvelopeError};
use crate::key::{PrivateKey, PublicKey};
use crate::statement::{Statement, StatementError};

/// What bundles are called.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A signed statement with what is needed to verify it, but for the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Hint,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tlog_entries: Vec<serde_json::Value>,
}

/// What tells which key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hint {
    hint: String,
}

/// A bundle that is not believed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is no bundle of a signature by key.
    #[error("it is no Sigstore bundle of a statement signed by key: {0}")]
    Malformed(String),
    /// Its signature does not hold.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What is signed is not about what it should be.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl Bundle {
    /// Signs a statement.
    #[must_use]
    pub fn sign(statement: &Statement, key: &PrivateKey) -> Self {
        Self {
            media_type: MEDIA_TYPE.to_owned(),
            verification_material: Material {
                public_key: Hint { hint: STANDARD.encode(digest(&key.public())) },
                tlog_entries: Vec::new(),
            },
            dsse_envelope: Envelope::sign(&statement.encode(), key),
        }
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError::Malformed`] if it is none that can be verified by key.
    pub fn read(text: &[u8]) -> Result<Self, BundleError> {
        let bundle: Self =
            serde_json::from_slice(text).map_err(|error| BundleError::Malformed(error.to_string()))?;
        if bundle.media_type != MEDIA_TYPE {
            return Err(BundleError::Malformed(format!("its type is `{}`", bundle.media_type)));
        }
        Ok(bundle)
    }

    /// As JSON, with a line break at its end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("bundles have text keys and no failing fields");
        bytes.push(b'\n');
        bytes
    }

    /// The statement, if `key` has signed it and it is about what has the SHA-256 `subject`, in
    /// hexadecimal digits.
    ///
    /// # Errors
    /// [`BundleError`] if anything is not as it should be.
    pub fn verify(&self, key: &PublicKey, subject: &str) -> Result<Statement, BundleError> {
        let statement = Statement::read(&self.dsse_envelope.verify(key)?)?;
        statement.require_subject(subject)?;
        Ok(statement)
    }
}

/// The SHA-256 of a key.
fn digest(key: &PublicKey) -> Vec<u8> {
    Sha256::digest(key.to_der()).to_vec()
}
