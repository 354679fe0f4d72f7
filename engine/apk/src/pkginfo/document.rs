//! A `.PKGINFO` text line by line, as its writer ordered it, comments and unknown
//! fields included.
//!
//! Writing gives the same bytes back. Unaware of what the fields mean until
//! [`Document::info`] is asked.

use std::fmt;

use super::{PkgInfo, PkgInfoError};
use crate::dependency::{DependencyError, parse_list};

/// A `.PKGINFO` text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    lines: Vec<Line>,
    ends_with_line_break: bool,
}

/// One line of a `.PKGINFO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `key = value`
    Field {
        /// Left of the first ` = `.
        key: String,
        /// Right of it; may be empty.
        value: String,
    },
    /// A comment, an empty line, or one that is no field: ignored, as apk does.
    Other(String),
}

impl Document {
    /// Splits `bytes` into lines.
    ///
    /// # Errors
    /// [`PkgInfoError::Encoding`] unless they are UTF-8.
    pub fn parse(bytes: &[u8]) -> Result<Self, PkgInfoError> {
        let text = std::str::from_utf8(bytes).map_err(PkgInfoError::Encoding)?;
        let (body, ends_with_line_break) = match text.strip_suffix('\n') {
            Some(body) => (body, true),
            None => (text, false),
        };
        let lines = if text.is_empty() { Vec::new() } else { body.split('\n').map(Line::parse).collect() };
        Ok(Self { lines, ends_with_line_break })
    }

    /// The lines in order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The values of all lines with `key`, in order.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| match line {
            Line::Field { key: found, value } if found == key => Some(value.as_str()),
            _ => None,
        })
    }

    /// The typed fields; what apk does not know is left out.
    ///
    /// # Errors
    /// [`PkgInfoError`] on a missing `pkgname`, `pkgver` or `arch`, and on values
    /// that are not what their field holds.
    pub fn info(&self) -> Result<PkgInfo, PkgInfoError> {
        let required = |key| self.text(key).ok_or(PkgInfoError::Missing { key });
        let name = required("pkgname")?.parse().map_err(|source| dependency_error("pkgname", source))?;
        let version = required("pkgver")?.parse().map_err(PkgInfoError::Version)?;
        Ok(PkgInfo {
            summary: self.text("pkgdesc"),
            url: self.text("url"),
            build_date: self.number("builddate")?,
            packager: self.text("packager"),
            size: self.number("size")?.unwrap_or(0),
            origin: self.text("origin"),
            commit: self.text("commit"),
            maintainer: self.text("maintainer"),
            license: self.text("license"),
            depends: self.list("depend")?,
            provides: self.list("provides")?,
            replaces: self.list("replaces")?,
            install_if: self.list("install_if")?,
            provider_priority: self.number("provider_priority")?,
            replaces_priority: self.number("replaces_priority")?,
            triggers: self.values("triggers").flat_map(str::split_whitespace).map(str::to_owned).collect(),
            data_hash: self.data_hash()?,
            ..PkgInfo::new(name, version, &required("arch")?)
        })
    }

    fn text(&self, key: &str) -> Option<String> {
        self.values(key).next().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    fn number(&self, key: &str) -> Result<Option<u64>, PkgInfoError> {
        let parse = |value: String| value.parse().map_err(|_| value_error(key, value));
        self.text(key).map(parse).transpose()
    }

    fn list<T: std::str::FromStr<Err = DependencyError>>(&self, key: &str) -> Result<Vec<T>, PkgInfoError> {
        let mut items = Vec::new();
        for value in self.values(key) {
            items.extend(parse_list(value).map_err(|source| dependency_error(key, source))?);
        }
        Ok(items)
    }

    fn data_hash(&self) -> Result<Option<[u8; 32]>, PkgInfoError> {
        let Some(value) = self.text("datahash") else { return Ok(None) };
        let mut hash = [0; 32];
        hex::decode_to_slice(&value, &mut hash).map_err(|_| value_error("datahash", value))?;
        Ok(Some(hash))
    }
}

fn dependency_error(key: &str, source: DependencyError) -> PkgInfoError {
    PkgInfoError::Dependency { key: key.to_owned(), source }
}

fn value_error(key: &str, value: String) -> PkgInfoError {
    PkgInfoError::Value { key: key.to_owned(), value }
}

impl Line {
    fn parse(text: &str) -> Self {
        match text.split_once(" = ") {
            Some((key, value)) if !text.starts_with('#') => {
                Self::Field { key: key.to_owned(), value: value.to_owned() }
            }
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match line {
                Line::Field { key, value } => write!(f, "{key} = {value}")?,
                Line::Other(text) => f.write_str(text)?,
            }
        }
        if self.ends_with_line_break { f.write_str("\n") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.to_string(), text);
        expected.assert_eq(&match document.info() {
            Ok(info) => info.to_text().unwrap(),
            Err(error) => format!("{error}\n"),
        });
    }

    #[test]
    fn fields_are_written_in_one_order() {
        check(
            "# Generated\npkgname = hello\nlicense = MIT\nfuture = 1\npkgver = 1.0-r2\narch = x86_64\nurl = \n\
             provides = cmd:hello=1.0-r2\ndepend = so:libc.so.6\ndepend = a>1 b\nsize = 12\ntriggers = /bin /lib/*\n\
             provider_priority = 100",
            &expect![[r#"
                pkgname = hello
                pkgver = 1.0-r2
                size = 12
                arch = x86_64
                license = MIT
                depend = so:libc.so.6
                depend = a>1
                depend = b
                provides = cmd:hello=1.0-r2
                provider_priority = 100
                triggers = /bin /lib/*
            "#]],
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("", &expect!["`.PKGINFO` has no `pkgname`\n"]);
        check("pkgname = a\npkgver = 1\n", &expect!["`.PKGINFO` has no `arch`\n"]);
        check("pkgname = a b\n", &expect!["cannot read `pkgname` in `.PKGINFO`\n"]);
        check("pkgname = a\npkgver = one\n", &expect!["cannot read `pkgver` in `.PKGINFO`\n"]);
        check(
            "pkgname = a\npkgver = 1\narch = x\nsize = -1\n",
            &expect!["`-1` is not a valid `size` in `.PKGINFO`\n"],
        );
        check(
            "pkgname = a\npkgver = 1\narch = x\ndatahash = 00\n",
            &expect!["`00` is not a valid `datahash` in `.PKGINFO`\n"],
        );
    }

    #[test]
    fn a_value_with_a_line_break_is_not_written() {
        let mut info = Document::parse(b"pkgname = a\npkgver = 1\narch = x\n").unwrap().info().unwrap();
        info.summary = Some("two\nlines".to_owned());
        assert!(matches!(info.to_text(), Err(PkgInfoError::LineBreak { key }) if key == "pkgdesc"));
    }

    proptest! {
        #[test]
        fn any_text_is_given_back(text in "([a-z#]{0,3}( = )?[a-z= ]{0,4}\n?){0,6}") {
            prop_assert_eq!(Document::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }
}
