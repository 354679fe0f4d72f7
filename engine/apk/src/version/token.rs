//! The components of a version, one after the other.
//!
//! Only knows which component may follow which; what the result is used for is
//! [`super`]'s business.

use std::cmp::Ordering;

/// Suffixes in ascending order; those before [`RELEASE`] mark a version that comes
/// before the one without a suffix.
const SUFFIXES: [&str; 9] = ["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"];
const RELEASE: usize = 4;

/// One component of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The first number.
    Major(&'a str),
    /// A number after a full stop.
    Number(&'a str),
    /// A single letter after the numbers.
    Letter(u8),
    /// `_alpha` and its like, as an index into [`SUFFIXES`].
    Suffix(usize),
    /// The number behind a suffix.
    SuffixNumber(&'a str),
    /// `~` and hexadecimal digits: a commit.
    Commit(&'a str),
    /// `-r` and a number: the package's own revision.
    Revision(&'a str),
    /// The text is over.
    End,
    /// The text goes on, but not as a version.
    Invalid,
}

impl Token<'_> {
    /// Orders components of different kinds at the same place: a pre-release suffix
    /// is below the end of the version, everything else is above it.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Suffix(index) if *index < RELEASE => 0,
            Self::Invalid => 1,
            Self::End => 2,
            Self::Revision(_) => 3,
            Self::Commit(_) => 4,
            Self::SuffixNumber(_) => 5,
            Self::Suffix(_) => 6,
            Self::Letter(_) => 7,
            Self::Number(_) => 8,
            Self::Major(_) => 9,
        }
    }

    /// Compares two components of equal [`Token::rank`].
    pub(super) fn compare_same_rank(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) if a.starts_with('0') || b.starts_with('0') => a.cmp(b),
            (Self::Major(a), Self::Major(b))
            | (Self::Number(a), Self::Number(b))
            | (Self::SuffixNumber(a), Self::SuffixNumber(b))
            | (Self::Revision(a), Self::Revision(b)) => compare_numbers(a, b),
            (Self::Letter(a), Self::Letter(b)) => a.cmp(b),
            (Self::Suffix(a), Self::Suffix(b)) => a.cmp(b),
            (Self::Commit(a), Self::Commit(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }

    /// Position in the grammar: a component must not come before an earlier one's.
    fn place(&self) -> u8 {
        match self {
            Self::Major(_) => 0,
            Self::Number(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Commit(_) => 5,
            Self::Revision(_) => 6,
            Self::End | Self::Invalid => 7,
        }
    }
}

/// Compares decimal numbers of any length.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Reads a version component by component. After [`Token::End`] or
/// [`Token::Invalid`] it returns the same again.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    last: Option<Token<'a>>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, last: None }
    }

    pub(super) fn next_token(&mut self) -> Token<'a> {
        let token = match self.last {
            Some(last @ (Token::End | Token::Invalid)) => last,
            Some(last) => self.following(last).unwrap_or(Token::Invalid),
            None => self.digits().map_or(Token::Invalid, Token::Major),
        };
        self.last = Some(token);
        token
    }

    fn following(&mut self, last: Token<'a>) -> Option<Token<'a>> {
        let Some(first) = self.rest.bytes().next() else { return Some(Token::End) };
        let place = last.place();
        match first {
            b'a'..=b'z' if place <= 1 => {
                self.rest = &self.rest[1..];
                Some(Token::Letter(first))
            }
            b'.' if place <= 1 => {
                self.rest = &self.rest[1..];
                self.digits().map(Token::Number)
            }
            b'0'..=b'9' if place == 3 => self.digits().map(Token::SuffixNumber),
            b'_' if place <= 4 => {
                self.rest = &self.rest[1..];
                let name = self.take_while(|byte| byte.is_ascii_lowercase());
                SUFFIXES.iter().position(|suffix| *suffix == name).map(Token::Suffix)
            }
            b'~' if place <= 4 => {
                self.rest = &self.rest[1..];
                let commit = self.take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (!commit.is_empty()).then_some(Token::Commit(commit))
            }
            b'-' if place <= 5 => {
                self.rest = self.rest.strip_prefix("-r")?;
                self.digits().map(Token::Revision)
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> Option<&'a str> {
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        (!digits.is_empty()).then_some(digits)
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !keep(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}
