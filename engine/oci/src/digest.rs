//! The digest by which OCI documents name blobs: `sha256:` and 64 hexadecimal
//! digits. Unaware of sizes, which descriptors carry beside it.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::Digest as _;
use wiz_base::digest::{HASH_LEN, parse_hash};

/// The algorithm's name with its separator, in front of every digest's text.
const PREFIX: &str = "sha256:";

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// A SHA-256 hash written as OCI writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; HASH_LEN]);

impl Sha256Digest {
    /// A digest from the raw hash.
    #[must_use]
    pub const fn new(hash: [u8; HASH_LEN]) -> Self {
        Self(hash)
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of all that `bytes` has.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(bytes: &mut dyn Read) -> io::Result<Self> {
        let (mut hasher, mut buffer) = (sha2::Sha256::new(), vec![0; PIECE]);
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => return Ok(Self(hasher.finalize().into())),
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The raw hash.
    #[must_use]
    pub const fn hash(&self) -> &[u8; HASH_LEN] {
        &self.0
    }

    /// The hash as 64 lower-case hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hash = text.strip_prefix(PREFIX).and_then(|hex| parse_hash(hex).ok());
        hash.map(Self).ok_or_else(|| DigestError { text: text.to_owned() })
    }
}

impl serde::Serialize for Sha256Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Text that is not a digest, or one of another algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not `sha256:` and 64 lower-case hexadecimal digits")]
pub struct DigestError {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let digest = Sha256Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse(), Ok(digest));
    }

    #[test]
    fn other_algorithms_and_spellings_are_refused() {
        let hex = Sha256Digest::of(b"").hex();
        for bad in
            [hex.clone(), format!("sha512:{hex}"), format!("sha256:{}", hex.to_uppercase()), "sha256:".into()]
        {
            assert!(bad.parse::<Sha256Digest>().is_err(), "{bad}");
        }
    }
}
