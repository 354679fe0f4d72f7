//! apk's version numbers: which texts are versions, and how two of them compare.
//!
//! The grammar is `digits{.digits}{letter}{_suffix{digits}}{~hex}{-rdigits}`, as
//! apk-package(5) of apk-tools 3 has it. Unaware of packages and of dependencies.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

#[cfg(test)]
mod tests;
mod token;

use token::{Token, Tokens};

/// A version. Parsing accepts valid ones only; [`Version::as_found`] takes whatever a
/// repository has published. Equality is equality of the texts; order is
/// [`Version::compare`], under which different texts can be equal (`1_p1` and `1_p01`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// A version as somebody else published it, which may break the grammar: apk
    /// lists and compares such packages, but no dependency can name them.
    ///
    /// # Errors
    /// [`VersionError`] if the text is empty or has white space in it.
    pub fn as_found(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(VersionError { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether the text keeps to the grammar.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.parse::<Self>().is_ok()
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How `self` compares to `other` by apk's rules. A total preorder.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_texts(&self.0, &other.0)
    }

    /// Whether `self` begins with the components of `prefix`, which is what the
    /// operator `~` asks: `3.6.9` matches `3.6`, `3.60` does not.
    #[must_use]
    pub fn matches_prefix(&self, prefix: &Self) -> bool {
        text_matches_prefix(&self.0, &prefix.0)
    }
}

/// Compares two texts as versions, valid or not: at the first place where a text
/// breaks the grammar it counts as ended there.
#[must_use]
pub fn compare_texts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Tokens::new(left), Tokens::new(right));
    loop {
        let (a, b) = (left.next_token(), right.next_token());
        let order = a.rank().cmp(&b.rank());
        if order != Ordering::Equal {
            return order;
        }
        if matches!(a, Token::End | Token::Invalid) {
            return Ordering::Equal;
        }
        let order = a.compare_same_rank(&b);
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// [`Version::matches_prefix`] for texts, valid or not.
#[must_use]
pub fn text_matches_prefix(text: &str, prefix: &str) -> bool {
    let (mut whole, mut part) = (Tokens::new(text), Tokens::new(prefix));
    loop {
        match (whole.next_token(), part.next_token()) {
            (_, Token::End) | (Token::Invalid, Token::Invalid) => return true,
            (left, right) if left.rank() != right.rank() => return false,
            (left, right) if left.compare_same_rank(&right) != Ordering::Equal => return false,
            _ => {}
        }
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut tokens = Tokens::new(text);
        loop {
            match tokens.next_token() {
                Token::End => return Ok(Self(text.to_owned())),
                Token::Invalid => return Err(VersionError { text: text.to_owned() }),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version, hint: write it like `1.2.3`, `1.2_rc1` or `1.2.3-r4`")]
pub struct VersionError {
    text: String,
}
