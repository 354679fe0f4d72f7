//! `Q1` and `Q2` checksums: how apk writes a package's identity and a file's hash.
//!
//! Unaware of what was hashed. Q1 is SHA-1 and is an identity only, never a
//! proof: signatures and `datahash` are what a package is trusted by.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Reads base64 whose last digit has bits to spare that are not zero: apk drops them,
/// and databases with such texts exist.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// A checksum in apk's notation: `Q1` with a SHA-1, or `Q2` with a SHA-256,
/// followed by standard base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checksum {
    /// `Q1`: SHA-1, what v2 packages, indexes and databases use.
    Sha1([u8; 20]),
    /// `Q2`: SHA-256, which apk-tools 3 also reads.
    Sha256([u8; 32]),
}

impl Checksum {
    /// The `Q1` checksum of `bytes`.
    #[must_use]
    pub fn sha1(bytes: &[u8]) -> Self {
        Self::Sha1(Sha1::digest(bytes).into())
    }

    /// The `Q2` checksum of `bytes`.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(bytes).into())
    }

    /// The raw hash: 20 bytes for `Q1`, 32 for `Q2`.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(hash) => hash,
            Self::Sha256(hash) => hash,
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Sha1(_) => "Q1",
            Self::Sha256(_) => "Q2",
        };
        write!(f, "{kind}{}", STANDARD.encode(self.bytes()))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let malformed = || ChecksumError { text: text.to_owned() };
        let (kind, encoded) = text.split_at_checked(2).ok_or_else(malformed)?;
        let hash = LENIENT.decode(encoded).map_err(|_| malformed())?;
        match kind {
            "Q1" => hash.try_into().map(Self::Sha1).map_err(|_| malformed()),
            "Q2" => hash.try_into().map(Self::Sha256).map_err(|_| malformed()),
            _ => Err(malformed()),
        }
    }
}

/// Not a `Q1` or `Q2` checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a `Q1` or `Q2` checksum")]
pub struct ChecksumError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_round_trip_through_text() {
        for text in ["Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=", "Q2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert_eq!(text.parse::<Checksum>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bits_beyond_the_hash_are_dropped() {
        let canonical: Checksum = "Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=".parse().unwrap();
        assert_eq!("Q1L7EnY9Q9b23ejRHAmb0g09QaLEp=".parse(), Ok(canonical));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "Q",
            "Q1",
            "Q1AAAA",
            "Q3L7EnY9Q9b23ejRHAmb0g09QaLEo=",
            "é1",
            "Q1 7EnY9Q9b23ejRHAmb0g09QaLEo=",
        ] {
            assert!(text.parse::<Checksum>().is_err(), "{text}");
        }
    }
}
