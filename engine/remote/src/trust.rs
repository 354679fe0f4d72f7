//! Signatures of results: who vouches that a result is that of its key. Whatever the server,
//! a client with trusted keys believes only what one of them has signed.

use std::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction};

/// Whom a client believes, and as whom it signs.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Signs what is published; none to publish unsigned.
    pub own: Option<ResultKey>,
    /// Whose results are believed; if there are none, everybody's.
    pub trusted: Vec<TrustedKey>,
}

/// A private key (Ed25519, RFC 8032) that signs results.
#[derive(Clone)]
pub struct ResultKey(SigningKey);

/// A public key whose results are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey(VerifyingKey);

/// A key that is none.
#[derive(Debug, thiserror::Error)]
#[error("it is no {0} Ed25519 key in PEM")]
pub struct KeyError(&'static str);

impl fmt::Debug for ResultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResultKey")
    }
}

impl ResultKey {
    /// Reads a key as `openssl genpkey -algorithm ed25519` writes it (RFC 8410).
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(text).map(Self).map_err(|_| KeyError("private"))
    }

    /// Signs a result.
    pub(crate) fn sign(&self, function: DigestFunction, key: &Digest, result: &ActionResult) -> Seal {
        let mut seal = [0; Seal::LENGTH];
        seal[..32].copy_from_slice(self.0.verifying_key().as_bytes());
        seal[32..].copy_from_slice(&self.0.sign(&statement(function, key, result)).to_bytes());
        Seal(seal)
    }
}

impl TrustedKey {
    /// Reads a key as `openssl pkey -pubout` writes it (RFC 8410).
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_public_key_pem(text).map(Self).map_err(|_| KeyError("public"))
    }
}

/// A public key and the signature it verifies, as they travel with a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal([u8; Seal::LENGTH]);

impl Seal {
    /// 32 bytes of key, 64 of signature.
    pub(crate) const LENGTH: usize = 96;

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Trust {
    /// Whether a result is believed to be that of `key`.
    pub(crate) fn believes(
        &self,
        function: DigestFunction,
        key: &Digest,
        result: &ActionResult,
        seal: Option<&Seal>,
    ) -> bool {
        if self.trusted.is_empty() {
            return true;
        }
        let Some(Seal(seal)) = seal else { return false };
        let (public, signature) = seal.split_at(32);
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        let signer = self.trusted.iter().find(|trusted| trusted.0.as_bytes() == public);
        let statement = statement(function, key, result);
        signer.is_some_and(|signer| signer.0.verify_strict(&statement, &signature).is_ok())
    }
}

/// What is signed: of which key which outputs and which log are the result. How long it took,
/// and what explains the key, are not.
fn statement(function: DigestFunction, key: &Digest, result: &ActionResult) -> Vec<u8> {
    let log = result.log.map_or_else(|| "-".to_owned(), |log| log.to_string());
    let root = result.output_root;
    format!("wiz-result-1\n{}\n{key}\n{root}\n{log}\n", function.name()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKEEhJVeQZfTUo7KqRciU5yTzlPIN3P2D6Va4l674bkE\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAH5W9P/ckoOX7/LpC44oYComCQob6txsM7rjjVzb4vwE=\n-----END PUBLIC KEY-----\n";
    const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAFFY8DvBW3As3vF26eNuPgZDkxVSV0q3LbTPhFQZEf5A=\n-----END PUBLIC KEY-----\n";

    #[test]
    fn only_what_a_trusted_key_has_signed_is_believed() {
        let function = DigestFunction::Blake3;
        let digest = |text: &str| function.digest(text.as_bytes());
        let result = ActionResult { output_root: digest("root"), log: None, wall_ms: 1 };
        let own = ResultKey::from_pem(PRIVATE).unwrap();
        let seal = own.sign(function, &digest("key"), &result);
        let trusting = |key: &str| Trust { own: None, trusted: vec![TrustedKey::from_pem(key).unwrap()] };
        let trust = trusting(PUBLIC);
        assert!(trust.believes(function, &digest("key"), &result, Some(&seal)));
        // How long it took is nobody's business.
        let slower = ActionResult { wall_ms: 2, ..result.clone() };
        assert!(trust.believes(function, &digest("key"), &slower, Some(&seal)));
        let forged = ActionResult { output_root: digest("other"), ..result.clone() };
        let logged = ActionResult { log: Some(digest("log")), ..result.clone() };
        assert!(!trust.believes(function, &digest("key"), &forged, Some(&seal)));
        assert!(!trust.believes(function, &digest("key"), &logged, Some(&seal)));
        assert!(!trust.believes(function, &digest("another key"), &result, Some(&seal)));
        assert!(!trust.believes(DigestFunction::Sha256, &digest("key"), &result, Some(&seal)));
        assert!(!trust.believes(function, &digest("key"), &result, None));
        assert!(!trusting(OTHER).believes(function, &digest("key"), &result, Some(&seal)));
        assert!(Trust::default().believes(function, &digest("key"), &result, None));
        for place in [0, 40, 95] {
            let mut broken = seal;
            broken.0[place] ^= 1;
            assert!(!trust.believes(function, &digest("key"), &result, Some(&broken)));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(ResultKey::from_pem(PUBLIC).is_err() && TrustedKey::from_pem(PRIVATE).is_err());
        assert!(TrustedKey::from_pem("").is_err());
        let own = ResultKey::from_pem(PRIVATE).unwrap();
        assert_eq!(format!("{own:?}"), "ResultKey");
    }
}
