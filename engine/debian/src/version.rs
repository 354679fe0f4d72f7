//! Debian's version numbers, `[epoch:]upstream[-revision]`, and their order: deb-version(7).
//! Unaware of packages.

use std::cmp::Ordering;
use std::fmt;

/// A version. Equality is equality of the texts; order is [`Version::compare`], under which
/// different texts can be equal (`1.0` and `1.00`, `1` and `0:1-0`).
#[derive(Clone, PartialEq, Eq)]
pub struct Version(String);

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version of Debian's")]
pub struct VersionError {
    text: String,
}

/// A version's parts as they are compared.
struct Parts<'a> {
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

impl Version {
    /// Validates `text`.
    ///
    /// # Errors
    /// [`VersionError`] if the epoch is no number, or there is another character than
    /// letters, digits and `.+-~:` in it.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError { text: text.to_owned() };
        let parts = parts(text).ok_or_else(wrong)?;
        let known = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
        let is_wrong = parts.upstream.is_empty()
            || !parts.upstream.chars().all(known)
            || parts.revision.contains(':')
            || !parts.revision.chars().all(known);
        if is_wrong { Err(wrong()) } else { Ok(Self(text.to_owned())) }
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of two versions is later.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let (Some(left), Some(right)) = (parts(&self.0), parts(&other.0)) else {
            return self.0.cmp(&other.0);
        };
        left.epoch
            .cmp(&right.epoch)
            .then_with(|| compare_part(left.upstream, right.upstream))
            .then_with(|| compare_part(left.revision, right.revision))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch.parse().ok()?, rest),
        Some(_) => return None,
        None => (0, text),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    Some(Parts { epoch, upstream, revision })
}

/// Text and number in turns: texts by [`weight`], numbers by value.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split(left, |c| !c.is_ascii_digit());
        let (right_text, right_rest) = split(right, |c| !c.is_ascii_digit());
        let (left_number, left_next) = split(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_next) = split(right_rest, |c| c.is_ascii_digit());
        let order =
            compare_text(left_text, right_text).then_with(|| compare_number(left_number, right_number));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_next, right_next);
    }
    Ordering::Equal
}

fn split(text: &str, of_first: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !of_first(c)).unwrap_or(text.len()))
}

fn compare_text(left: &str, right: &str) -> Ordering {
    let weights = |text: &str, place: usize| text.as_bytes().get(place).map_or(0, |byte| weight(*byte));
    let longest = left.len().max(right.len());
    let orders = (0..longest).map(|place| weights(left, place).cmp(&weights(right, place)));
    orders.into_iter().find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}

/// `~` before the end of the text, the end before letters, letters before all else.
fn weight(byte: u8) -> i32 {
    match byte {
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(letter),
        other => i32::from(other) + 256,
    }
}

/// Numbers of any length.
fn compare_number(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests;
