//! Labels: names of targets. Unaware of whether the target exists.

use std::fmt;
use std::sync::Arc;

use crate::rel_path::RelPath;

/// The name of a target: `//pkgs/zlib:dev`; `//pkgs/zlib` is short for
/// `//pkgs/zlib:zlib`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    package: RelPath,
    name: Arc<str>,
}

impl Label {
    /// A label from the folder of its BUILD.star and its name there.
    ///
    /// # Errors
    /// [`LabelError`] if `name` is not a target name.
    pub fn new(package: RelPath, name: &str) -> Result<Self, LabelError> {
        if !is_target_name(name) {
            return Err(LabelError::new(name, "a target name has letters, digits and `_ - . + ~ / @ =`"));
        }
        Ok(Self { package, name: name.into() })
    }

    /// Parses a label as written in a BUILD.star of `package`; `:name` is relative
    /// to it.
    ///
    /// # Errors
    /// [`LabelError`] on anything that is not a label. `@name//...` is reserved for
    /// other workspaces and refused as such.
    pub fn parse(text: &str, package: &RelPath) -> Result<Self, LabelError> {
        if let Some(name) = text.strip_prefix(':') {
            return Self::new(package.clone(), name).map_err(|error| error.within(text));
        }
        if text.starts_with('@') {
            return Err(LabelError::new(text, "`@name//` is reserved for other workspaces"));
        }
        let Some(rest) = text.strip_prefix("//") else {
            return Err(LabelError::new(text, "a label starts with `//` or `:`"));
        };
        let (folder, name) = match rest.split_once(':') {
            Some((folder, name)) => (folder, name),
            None => (rest, rest.rsplit('/').next().unwrap_or_default()),
        };
        let folder =
            RelPath::new(folder).map_err(|_| LabelError::new(text, "its folder is not a relative path"))?;
        Self::new(folder, name).map_err(|error| error.within(text))
    }

    /// Folder of the BUILD.star that defines the target.
    #[must_use]
    pub fn package(&self) -> &RelPath {
        &self.package
    }

    /// The name within that file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where results are linked below `wiz-out/`: `<folder>/<name>`.
    #[must_use]
    pub fn output_folder(&self) -> RelPath {
        RelPath::new(&self.name).map_or_else(|_| self.package.clone(), |name| self.package.join(&name))
    }
}

/// Whether `name` can name a target.
#[must_use]
pub fn is_target_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.+~/@=".contains(c);
    name.chars().all(allowed) && !name.is_empty() && name != "..." && RelPath::new(name).is_ok()
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.package.file_name() == &*self.name {
            write!(f, "//{}", self.package)
        } else {
            write!(f, "//{}:{}", self.package, self.name)
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text, &RelPath::root()).map_err(serde::de::Error::custom)
    }
}

/// Text that is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` is not a label: {problem}")]
pub struct LabelError {
    /// What was given.
    pub label: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl LabelError {
    pub(crate) fn new(label: &str, problem: &'static str) -> Self {
        Self { label: label.to_owned(), problem }
    }

    fn within(self, label: &str) -> Self {
        Self { label: label.to_owned(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
    fn check(text: &str, expected: Expect) {
        let package = RelPath::new("pkgs/zlib").unwrap();
        let shown = match Label::parse(text, &package) {
            Ok(label) => format!("{label} = {} + {}", label.package(), label.name()),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn short_and_long_forms() {
        check("//pkgs/zlib", expect!["//pkgs/zlib = pkgs/zlib + zlib"]);
        check("//pkgs/zlib:zlib", expect!["//pkgs/zlib = pkgs/zlib + zlib"]);
        check("//pkgs/zlib:dev", expect!["//pkgs/zlib:dev = pkgs/zlib + dev"]);
        check(":dev", expect!["//pkgs/zlib:dev = pkgs/zlib + dev"]);
        check("//:top", expect!["//:top =  + top"]);
    }

    #[test]
    fn bad_labels_say_why() {
        check("zlib", expect!["`zlib` is not a label: a label starts with `//` or `:`"]);
        check("@o//x", expect!["`@o//x` is not a label: `@name//` is reserved for other workspaces"]);
        check("//a/../b", expect!["`//a/../b` is not a label: its folder is not a relative path"]);
        check(
            "//a:b c",
            expect!["`//a:b c` is not a label: a target name has letters, digits and `_ - . + ~ / @ =`"],
        );
        check("//", expect!["`//` is not a label: a target name has letters, digits and `_ - . + ~ / @ =`"]);
    }
}
