//! Envelopes: a payload, what it is, and who has signed both.
//!
//! Source: DSSE 1.0.2, protocol.md and envelope.md.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use crate::key::{PrivateKey, PublicKey};

/// What the payload of every envelope of wiz is.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Signed {
    sig: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
}

/// An envelope that is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// Its payload is something else.
    #[error("the envelope holds `{0}`, not an in-toto statement")]
    Type(String),
    /// It has no signature, or several: who has signed what is to be beyond doubt.
    #[error("the envelope has {0} signatures, where one is wanted")]
    Signatures(usize),
    /// It is not base64.
    #[error("the envelope's {0} is not base64")]
    Encoding(&'static str),
    /// The signature is not of this key and these bytes.
    #[error("the signature is not that of this key over this statement")]
    Signature,
}

impl Envelope {
    /// Signs an in-toto statement.
    #[must_use]
    pub fn sign(statement: &[u8], key: &PrivateKey) -> Self {
        let sig = STANDARD.encode(key.sign(&pre_authentication(IN_TOTO, statement)));
        Self {
            payload: STANDARD.encode(statement),
            payload_type: IN_TOTO.to_owned(),
            signatures: vec![Signed { sig, keyid: String::new() }],
        }
    }

    /// The statement, if `key` has signed it.
    ///
    /// # Errors
    /// [`EnvelopeError`] if anything is not as it should be.
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != IN_TOTO {
            return Err(EnvelopeError::Type(self.payload_type.clone()));
        }
        let [Signed { sig, .. }] = &self.signatures[..] else {
            return Err(EnvelopeError::Signatures(self.signatures.len()));
        };
        let payload = decode(&self.payload).ok_or(EnvelopeError::Encoding("payload"))?;
        let signature = decode(sig).ok_or(EnvelopeError::Encoding("signature"))?;
        let signed = pre_authentication(&self.payload_type, &payload);
        key.verifies(&signed, &signature).then_some(payload).ok_or(EnvelopeError::Signature)
    }
}

/// Both alphabets are allowed.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// What is signed: type and payload, each with its length.
fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_as_the_specification_says() {
        let bytes = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
