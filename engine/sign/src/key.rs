//! Keys, as openssl and cosign's `generate-key-pair` public half write them. Private keys are
//! never printed.

use std::fmt;

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _, EncryptedPrivateKeyInfoRef,
    SecretDocument,
};

/// A private key that signs (ECDSA on P-256 with SHA-256, FIPS 186-5; deterministic, RFC 6979).
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

/// A public key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A key that is none.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not PEM, or of something else.
    #[error("it is no {0} ECDSA P-256 key in PEM")]
    Malformed(&'static str),
    /// It is encrypted, and no password was given.
    #[error("it is encrypted, and there is no password")]
    Locked,
    /// The password is wrong, or the encryption is not known here.
    #[error("it cannot be decrypted with this password")]
    Password,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Reads a PKCS #8 key (RFC 5958), encrypted by PBES2 or not.
    ///
    /// # Errors
    /// [`KeyError`] if it is none, or the password does not fit.
    pub fn from_pem(text: &str, password: Option<&[u8]>) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed("private");
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| malformed.clone())?;
        match label {
            "PRIVATE KEY" => SigningKey::from_pkcs8_der(document.as_bytes()).map(Self).map_err(|_| malformed),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or(KeyError::Locked)?;
                let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
                    .map_err(|_| malformed.clone())?;
                let plain = encrypted.decrypt(password).map_err(|_| KeyError::Password)?;
                SigningKey::from_pkcs8_der(plain.as_bytes()).map(Self).map_err(|_| malformed)
            }
            _ => Err(malformed),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// Signs bytes; the signature is in DER, as Sigstore wants it.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(bytes);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5480).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is none.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        VerifyingKey::from_public_key_pem(text).map(Self).map_err(|_| KeyError::Malformed("public"))
    }

    /// Its SubjectPublicKeyInfo in DER, whose digest tells keys apart.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let document = self.0.to_public_key_der();
        document.map(|document| document.as_bytes().to_vec()).unwrap_or_default()
    }

    pub(crate) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_der(signature).is_ok_and(|signature| self.0.verify(bytes, &signature).is_ok())
    }
}
