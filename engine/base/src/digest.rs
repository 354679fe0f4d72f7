//! Content digests: a 256-bit hash together with the length of what was hashed.
//!
//! Unaware of where the bytes live. The digest function is a property of a
//! workspace, not of a digest: BLAKE3 and SHA-256 cannot be told apart by length.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

/// Length of a hash in bytes, for either function.
pub const HASH_LEN: usize = 32;

/// Identifies a blob by the hash of its bytes and its size in bytes, as
/// `build.bazel.remote.execution.v2.Digest` does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    hash: [u8; HASH_LEN],
    size: u64,
}

impl Digest {
    /// A digest from its parts. `size` is in bytes.
    #[must_use]
    pub const fn new(hash: [u8; HASH_LEN], size: u64) -> Self {
        Self { hash, size }
    }

    /// The raw hash.
    #[must_use]
    pub const fn hash(&self) -> &[u8; HASH_LEN] {
        &self.hash
    }

    /// Length of the blob in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.hash)
    }

    /// A digest from 64 hexadecimal digits and a size in bytes.
    ///
    /// # Errors
    /// [`DigestError`] unless `hex` is exactly 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str, size: u64) -> Result<Self, DigestError> {
        Ok(Self { hash: parse_hash(hex)?, size })
    }
}

/// Parses 64 lower-case hexadecimal digits, the form of every hash wiz reads.
///
/// # Errors
/// [`DigestError`] on any other length or character, upper case included.
pub fn parse_hash(text: &str) -> Result<[u8; HASH_LEN], DigestError> {
    let mut hash = [0; HASH_LEN];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if !lower || hex::decode_to_slice(text, &mut hash).is_err() {
        return Err(DigestError { text: text.to_owned() });
    }
    Ok(hash)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hex(), self.size)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", &self.hex()[..12], self.size)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError { text: text.to_owned() };
        let (hex, size) = text.split_once('/').ok_or_else(malformed)?;
        Self::from_hex(hex, size.parse().map_err(|_| malformed())?)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest of 64 lower-case hexadecimal digits")]
pub struct DigestError {
    /// What was given.
    pub text: String,
}

/// The function all digests of one workspace are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestFunction {
    /// BLAKE3, 256 bits: the default.
    #[default]
    Blake3,
    /// SHA-256, for servers that know nothing else.
    Sha256,
}

impl DigestFunction {
    /// Hashes `bytes` in one go.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    /// A hasher to feed piece by piece.
    #[must_use]
    pub fn hasher(self) -> Hasher {
        let state = match self {
            Self::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
            Self::Sha256 => State::Sha256(sha2::Sha256::new()),
        };
        Hasher { state, size: 0 }
    }

    /// The digest of no bytes, which every store holds.
    #[must_use]
    pub fn empty(self) -> Digest {
        self.digest(&[])
    }

    /// The name used in WORKSPACE.star and in the protocol's resource names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }

    /// The function of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Blake3, Self::Sha256].into_iter().find(|function| function.name() == name)
    }
}

/// An incremental hash that also counts bytes.
#[derive(Debug, Clone)]
pub struct Hasher {
    state: State,
    size: u64,
}

#[derive(Debug, Clone)]
enum State {
    Blake3(Box<blake3::Hasher>),
    Sha256(sha2::Sha256),
}

/// From this many bytes on BLAKE3 hashes one piece on all cores.
const PARALLEL_FROM: usize = 512 * 1024;

impl Hasher {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        match &mut self.state {
            State::Blake3(hasher) if bytes.len() >= PARALLEL_FROM => {
                hasher.update_rayon(bytes);
            }
            State::Blake3(hasher) => {
                hasher.update(bytes);
            }
            State::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of everything added.
    #[must_use]
    pub fn finish(self) -> Digest {
        let hash = match self.state {
            State::Blake3(hasher) => *hasher.finalize().as_bytes(),
            State::Sha256(hasher) => hasher.finalize().into(),
        };
        Digest::new(hash, self.size)
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_nothing_are_the_published_ones() {
        assert_eq!(
            DigestFunction::Sha256.empty().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0"
        );
        assert_eq!(
            DigestFunction::Blake3.empty().to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262/0"
        );
    }

    #[test]
    fn text_form_round_trips_and_refuses_upper_case() {
        let digest = DigestFunction::Blake3.digest(b"wiz");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let bytes = vec![7; PARALLEL_FROM + 3];
        for function in [DigestFunction::Blake3, DigestFunction::Sha256] {
            let mut hasher = function.hasher();
            hasher.update(&bytes[..10]);
            hasher.update(&bytes[10..]);
            assert_eq!(hasher.finish(), function.digest(&bytes));
        }
    }
}
