//! Target patterns: what a command line names. Unaware of which targets exist.

use std::fmt;

use crate::label::{Label, LabelError};
use crate::rel_path::RelPath;

/// Targets named on a command line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetPattern {
    /// One target: `//pkgs/zlib:dev`.
    Single(Label),
    /// All targets of one folder: `//images:all`.
    Package(RelPath),
    /// All targets of a folder and the folders below: `//pkgs/...`.
    Recursive(RelPath),
}

impl TargetPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`LabelError`] if `text` is no pattern.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        let folder = |folder: &str| {
            RelPath::new(folder).map_err(|_| LabelError::new(text, "its folder is not a relative path"))
        };
        let Some(rest) = text.strip_prefix("//") else {
            return Label::parse(text, &RelPath::root()).map(Self::Single);
        };
        if let Some(package) = rest.strip_suffix(":all") {
            return Ok(Self::Package(folder(package)?));
        }
        match rest.strip_suffix("...") {
            Some("") => Ok(Self::Recursive(RelPath::root())),
            Some(package) if package.ends_with('/') => {
                Ok(Self::Recursive(folder(package.trim_end_matches('/'))?))
            }
            _ => Label::parse(text, &RelPath::root()).map(Self::Single),
        }
    }

    /// Whether the pattern names the target with this label.
    #[must_use]
    pub fn names(&self, label: &Label) -> bool {
        match self {
            Self::Single(single) => single == label,
            Self::Package(package) => package == label.package(),
            Self::Recursive(package) => label.package().starts_with(package),
        }
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(label) => label.fmt(f),
            Self::Package(package) => write!(f, "//{package}:all"),
            Self::Recursive(package) if package.is_root() => f.write_str("//..."),
            Self::Recursive(package) => write!(f, "//{package}/..."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_and_write_alike() {
        for text in ["//pkgs/zlib:dev", "//images:all", "//pkgs/...", "//..."] {
            assert_eq!(TargetPattern::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            TargetPattern::parse("//pkgs/...").unwrap(),
            TargetPattern::Recursive(RelPath::new("pkgs").unwrap())
        );
        assert!(TargetPattern::parse("pkgs/...").is_err());
    }

    #[test]
    fn patterns_name_what_is_in_their_folders() {
        let names = |pattern: &str, label: &str| {
            TargetPattern::parse(pattern).unwrap().names(&Label::parse(label, &RelPath::root()).unwrap())
        };
        assert!(names("//a:b", "//a:b") && !names("//a:b", "//a:c"));
        assert!(names("//a:all", "//a:b") && !names("//a:all", "//a/b:b"));
        assert!(names("//a/...", "//a/b:b") && names("//a/...", "//a:b") && !names("//a/...", "//ab:b"));
        assert!(names("//...", "//:x"));
    }
}
