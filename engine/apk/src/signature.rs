//! Signatures over members: made, put into a member of their own, and verified.
//!
//! RSA PKCS#1 v1.5 over the compressed bytes of a package's control member, or of
//! an index's only other member. Unaware of where keys are kept.

#[cfg(test)]
mod tests;

use rsa::pkcs1v15::Pkcs1v15Sign;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::archive::writer::ArchiveWriter;
use crate::archive::{ArchiveError, Entry};
use crate::gzip;
use crate::key::{PrivateKey, PublicKeys};

/// How the names of signatures in an archive begin.
pub(crate) const SIGNATURE_PREFIX: &str = ".SIGN.";

/// The hash function a signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `RSA`: SHA-1. Read only.
    Rsa,
    /// `RSA256`: SHA-256. What is written.
    Rsa256,
    /// `RSA512`: SHA-512. Read only.
    Rsa512,
}

impl Algorithm {
    /// The algorithm as names of signatures have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Rsa256 => "RSA256",
            Self::Rsa512 => "RSA512",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Rsa, Self::Rsa256, Self::Rsa512].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    fn scheme(self) -> Pkcs1v15Sign {
        match self {
            Self::Rsa => Pkcs1v15Sign::new::<Sha1>(),
            Self::Rsa256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Rsa512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa => Sha1::digest(bytes).to_vec(),
            Self::Rsa256 => Sha256::digest(bytes).to_vec(),
            Self::Rsa512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What it is over.
    pub algorithm: Algorithm,
    /// File name of the public key that verifies it.
    pub key: String,
    /// The signature itself, as long as the key's modulus.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// Signs `member` as `RSA256`.
    ///
    /// # Errors
    /// [`SignatureError::Sign`] if the key is too short for it.
    pub fn sign(member: &[u8], key: &PrivateKey) -> Result<Self, SignatureError> {
        let algorithm = Algorithm::Rsa256;
        let bytes =
            key.rsa().sign(algorithm.scheme(), &algorithm.hash(member)).map_err(SignatureError::Sign)?;
        Ok(Self { algorithm, key: key.public_file_name(), bytes })
    }

    /// Checks the signature over `member` with the key it names.
    ///
    /// # Errors
    /// [`SignatureError`] if `keys` does not have that key, or it does not fit.
    pub fn verify(&self, member: &[u8], keys: &PublicKeys) -> Result<(), SignatureError> {
        let key = keys.get(&self.key).ok_or_else(|| SignatureError::UnknownKey { key: self.key.clone() })?;
        key.rsa()
            .verify(self.algorithm.scheme(), &self.algorithm.hash(member), &self.bytes)
            .map_err(|_| SignatureError::Wrong { key: self.key.clone() })
    }

    /// The member to put in front of the bytes that were signed.
    ///
    /// # Errors
    /// [`SignatureError::Name`] if the key's file name cannot stand in an archive.
    pub fn to_member(&self) -> Result<Vec<u8>, SignatureError> {
        let name = format!("{SIGNATURE_PREFIX}{}.{}", self.algorithm.as_str(), self.key);
        let entry = Entry { checksum: None, ..Entry::file(&name, &self.bytes) };
        let mut archive = ArchiveWriter::new(Vec::new());
        archive
            .append(&entry, 0, &mut self.bytes.as_slice())
            .map_err(|source| SignatureError::Name { key: self.key.clone(), source })?;
        Ok(gzip::compress(&archive.into_open_end()))
    }

    /// The signature in the archive entry `name`; `None` if it is no signature or of
    /// an unknown algorithm.
    pub(crate) fn from_entry(name: &str, bytes: Vec<u8>) -> Option<Self> {
        let (algorithm, key) = name.strip_prefix(SIGNATURE_PREFIX)?.split_once('.')?;
        Some(Self { algorithm: Algorithm::from_name(algorithm)?, key: key.to_owned(), bytes })
    }
}

/// Checks that one of `signatures` over `member` is by one of `keys`, and returns the
/// name of that key.
///
/// # Errors
/// [`SignatureError::Unsigned`] without signatures; [`SignatureError::Wrong`] if a
/// known key's does not fit; [`SignatureError::UnknownKey`] if no key is known.
pub fn verify_any<'a>(
    signatures: &'a [Signature],
    member: &[u8],
    keys: &PublicKeys,
) -> Result<&'a str, SignatureError> {
    let mut reason = SignatureError::Unsigned;
    for signature in signatures {
        match signature.verify(member, keys) {
            Ok(()) => return Ok(&signature.key),
            Err(error) if matches!(reason, SignatureError::Wrong { .. }) => drop(error),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// A signature that cannot be made, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The key cannot sign.
    #[error("cannot sign")]
    Sign(#[source] rsa::Error),
    /// The key's file name cannot stand in an archive.
    #[error("`{key}` cannot name a signature")]
    Name {
        /// The file name.
        key: String,
        /// Why not.
        source: ArchiveError,
    },
    /// There is no signature.
    #[error("there is no signature")]
    Unsigned,
    /// The key that signed is not among the trusted ones.
    #[error("signed with `{key}`, which is not a trusted key")]
    UnknownKey {
        /// The key's file name.
        key: String,
    },
    /// The signature is not over these bytes, or not by this key.
    #[error("the signature by `{key}` does not fit the content")]
    Wrong {
        /// The key's file name.
        key: String,
    },
}
