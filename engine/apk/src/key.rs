//! RSA keys: generated, read from and written to PEM, and named as apk names them.
//!
//! Unaware of files: where a key lies and who may read it is the caller's business.

use std::collections::BTreeMap;
use std::fmt;

use rand_core::TryCryptoRng;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};

/// Bits of a generated key's modulus.
const BITS: usize = 4096;

/// Bits below which a key is not taken: NIST SP 800-57 has disallowed less since 2014.
const FEWEST_BITS: u32 = 2048;

/// How the file name of a public key ends.
pub const PUBLIC_SUFFIX: &str = ".rsa.pub";

/// A key that signs, with the name it goes by.
pub struct PrivateKey {
    name: String,
    rsa: rsa::PrivateKey,
}

impl PrivateKey {
    /// Makes a key of 4096 bits, named `<owner>-<8 hexadecimal digits>`, the digits from
    /// the key itself. `owner` says whose it is, such as a mail address.
    ///
    /// # Errors
    /// [`KeyError`] if `owner` cannot be part of a file name, or `random` fails.
    pub fn generate(owner: &str, random: &mut impl TryCryptoRng) -> Result<Self, KeyError> {
        Self::generate_with_bits(owner, BITS, random)
    }

    /// The same with a modulus of another length, in bits.
    ///
    /// # Errors
    /// [`KeyError`] as there.
    pub fn generate_with_bits(
        owner: &str,
        bits: usize,
        random: &mut impl TryCryptoRng,
    ) -> Result<Self, KeyError> {
        check_name(owner)?;
        let rsa = rsa::PrivateKey::new(random, bits).map_err(|source| KeyError::Generate { source })?;
        let name = format!("{owner}-{}", PublicKey { rsa: rsa.to_public_key() }.fingerprint());
        Ok(Self { name, rsa })
    }

    /// Reads a key from PEM, PKCS#8 or the older PKCS#1. It goes by `name` as it is.
    ///
    /// # Errors
    /// [`KeyError`] if it is no such key, is shorter than 2048 bits, or `name` cannot be
    /// part of a file name.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, KeyError> {
        check_name(name)?;
        let rsa = rsa::PrivateKey::from_pkcs8_pem(pem)
            .or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem))
            .map_err(|_| KeyError::Private { name: name.to_owned() })?;
        let bits = rsa.n().bit_width();
        if bits < FEWEST_BITS {
            return Err(KeyError::Short { name: name.to_owned(), bits });
        }
        Ok(Self { name: name.to_owned(), rsa })
    }

    /// The name it goes by, without a suffix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as PEM, PKCS#8, unencrypted.
    ///
    /// # Errors
    /// [`KeyError`] if the key has no such form.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pem = self.rsa.to_pkcs8_pem(LineEnding::LF);
        pem.map(|pem| pem.to_string()).map_err(|_| KeyError::Private { name: self.name.clone() })
    }

    /// The half that verifies.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { rsa: self.rsa.to_public_key() }
    }

    /// `<name>.rsa.pub`: what the public half is called in `/etc/apk/keys` and in signatures.
    #[must_use]
    pub fn public_file_name(&self) -> String {
        format!("{}{PUBLIC_SUFFIX}", self.name)
    }

    pub(crate) fn rsa(&self) -> &rsa::PrivateKey {
        &self.rsa
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A key that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    rsa: rsa::PublicKey,
}

impl PublicKey {
    /// Reads a key from PEM, `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Public`] if it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        rsa::PublicKey::from_public_key_pem(pem).map(|rsa| Self { rsa }).map_err(|_| KeyError::Public)
    }

    /// The key as PEM, `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.rsa.to_public_key_pem(LineEnding::LF).expect("an RSA public key always has this form")
    }

    /// The first 8 hexadecimal digits of the SHA-256 of the key's DER form.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let der = self.rsa.to_public_key_der().expect("an RSA public key always has this form");
        hex::encode(&Sha256::digest(der.as_bytes())[..4])
    }

    pub(crate) fn rsa(&self) -> &rsa::PublicKey {
        &self.rsa
    }
}

/// Trusted public keys by file name, as `/etc/apk/keys` holds them.
pub type PublicKeys = BTreeMap<String, PublicKey>;

fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        return Err(KeyError::Name { name: name.to_owned() });
    }
    Ok(())
}

/// A key that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not fit to be part of a file name.
    #[error("`{name}` cannot name a key, hint: use letters, digits and `._-@+`")]
    Name {
        /// The name.
        name: String,
    },
    /// Generation failed.
    #[error("cannot generate a key")]
    Generate {
        /// Why not.
        source: rsa::Error,
    },
    /// Not a private RSA key. The cause is not repeated: it could quote the key.
    #[error(
        "`{name}` is not an RSA private key in PEM, hint: PKCS#8 and PKCS#1 are read, encrypted keys are not"
    )]
    Private {
        /// The key's name.
        name: String,
    },
    /// A key whose signatures prove nothing.
    #[error("`{name}` has {bits} bits, hint: 2048 are the least, `wiz key new` makes 4096")]
    Short {
        /// The key's name.
        name: String,
        /// Of its modulus.
        bits: u32,
    },
    /// Not a public RSA key.
    #[error("not an RSA public key in PEM, hint: it begins with `-----BEGIN PUBLIC KEY-----`")]
    Public,
}
