//! Names, dependencies and provides: `so:libz.so.1`, `zlib>=1.3`, `!conflict`.
//!
//! Knows the notation and what one constraint accepts. Unaware of which packages
//! exist: choosing among them is the solver's business.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::checksum::{Checksum, ChecksumError};
use crate::version::{Version, VersionError};

const OPERATOR: [char; 4] = ['<', '>', '=', '~'];

/// A package's name, or a name that packages provide. Never empty; free of white
/// space, `@`, `!` and the operators.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = DependencyError;

    fn from_str(text: &str) -> Result<Self, DependencyError> {
        let refused =
            |c: char| c.is_whitespace() || c.is_control() || OPERATOR.contains(&c) || matches!(c, '!' | '@');
        if text.is_empty() || text.contains(refused) {
            return Err(DependencyError::Name { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a constraint compares a version with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `<~`: below, or beginning with the same components.
    LessOrPrefix,
    /// `=`
    Equal,
    /// `~`: beginning with the same components.
    Prefix,
    /// `>~`: above, or beginning with the same components.
    GreaterOrPrefix,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

impl Operator {
    /// Reads the operator's characters, whose order does not matter; `None` for
    /// `><`, which compares checksums, and for anything else.
    fn parse(text: &str) -> Option<Self> {
        let has = |c| text.contains(c);
        match (has('<'), has('>'), has('~'), has('=')) {
            (true, true, _, _) | (false, false, false, false) => None,
            (true, _, true, _) => Some(Self::LessOrPrefix),
            (true, _, _, true) => Some(Self::LessOrEqual),
            (true, ..) => Some(Self::Less),
            (_, true, true, _) => Some(Self::GreaterOrPrefix),
            (_, true, _, true) => Some(Self::GreaterOrEqual),
            (_, true, ..) => Some(Self::Greater),
            (_, _, true, _) => Some(Self::Prefix),
            (_, _, _, true) => Some(Self::Equal),
        }
    }

    /// The operator as apk writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::LessOrPrefix => "<~",
            Self::Equal => "=",
            Self::Prefix => "~",
            Self::GreaterOrPrefix => ">~",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }

    /// Whether `version` stands to `bound` as the operator asks.
    #[must_use]
    pub fn accepts(self, version: &Version, bound: &Version) -> bool {
        let order = version.compare(bound);
        match self {
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::LessOrPrefix => order == Ordering::Less || version.matches_prefix(bound),
            Self::Equal => order == Ordering::Equal,
            Self::Prefix => version.matches_prefix(bound),
            Self::GreaterOrPrefix => order == Ordering::Greater || version.matches_prefix(bound),
            Self::GreaterOrEqual => order != Ordering::Less,
            Self::Greater => order == Ordering::Greater,
        }
    }
}

/// What a dependency asks of the package behind its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// A relation to a version.
    Version(Operator, Version),
    /// `><Q1…`: exactly the package with this identity.
    Identity(Checksum),
}

/// A dependency on a name, or with `conflict` the demand that nothing fulfils it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// The name asked for.
    pub name: Name,
    /// What is asked of it; `None` accepts any version.
    pub constraint: Option<Constraint>,
    /// Written with a leading `!`.
    pub conflict: bool,
}

impl Dependency {
    /// A dependency on any version of `name`.
    #[must_use]
    pub fn on(name: Name) -> Self {
        Self { name, constraint: None, conflict: false }
    }

    /// Whether a provider of the name fulfils the constraint, `conflict` aside.
    /// `version` is what it provides the name as (`None`: without a version),
    /// `identity` the identity of its package.
    #[must_use]
    pub fn matches(&self, version: Option<&Version>, identity: Option<&Checksum>) -> bool {
        match &self.constraint {
            None => true,
            Some(Constraint::Version(operator, bound)) => {
                version.is_some_and(|version| operator.accepts(version, bound))
            }
            Some(Constraint::Identity(wanted)) => identity == Some(wanted),
        }
    }
}

impl FromStr for Dependency {
    type Err = DependencyError;

    fn from_str(text: &str) -> Result<Self, DependencyError> {
        let (conflict, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, operator, bound) = split(rest);
        let constraint = match operator {
            "" => None,
            "><" | "<>" => Some(Constraint::Identity(bound.parse()?)),
            _ => {
                let operator = Operator::parse(operator)
                    .ok_or_else(|| DependencyError::Operator { text: text.to_owned() })?;
                Some(Constraint::Version(operator, bound.parse()?))
            }
        };
        Ok(Self { name: name.parse()?, constraint, conflict })
    }
}

/// Splits `name>=1` into name, operator and bound; the last two are empty without one.
fn split(text: &str) -> (&str, &str, &str) {
    let Some(start) = text.find(OPERATOR) else { return (text, "", "") };
    let (name, rest) = text.split_at(start);
    let end = rest.find(|c| !OPERATOR.contains(&c)).unwrap_or(rest.len());
    let (operator, bound) = rest.split_at(end);
    (name, operator, bound)
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.conflict { "!" } else { "" };
        write!(f, "{mark}{}", self.name)?;
        match &self.constraint {
            None => Ok(()),
            Some(Constraint::Version(operator, bound)) => write!(f, "{}{bound}", operator.as_str()),
            Some(Constraint::Identity(identity)) => write!(f, "><{identity}"),
        }
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A name that a package provides beside its own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Provide {
    /// The provided name.
    pub name: Name,
    /// With a version the provide is concrete: no two packages that provide the name
    /// so can be installed together. Without, it is virtual.
    pub version: Option<Version>,
}

impl FromStr for Provide {
    type Err = DependencyError;

    fn from_str(text: &str) -> Result<Self, DependencyError> {
        let (name, operator, version) = split(text);
        let version = match operator {
            "" => None,
            "=" => Some(Version::as_found(version)?),
            _ => return Err(DependencyError::Provide { text: text.to_owned() }),
        };
        Ok(Self { name: name.parse()?, version })
    }
}

impl fmt::Display for Provide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            None => write!(f, "{}", self.name),
            Some(version) => write!(f, "{}={version}", self.name),
        }
    }
}

impl fmt::Debug for Provide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads items separated by white space, as index fields and `world` have them.
///
/// # Errors
/// The first item's error.
pub fn parse_list<T: FromStr>(text: &str) -> Result<Vec<T>, T::Err> {
    text.split_whitespace().map(str::parse).collect()
}

/// Writes items with one space between.
pub fn format_list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A text that is not a name, a dependency or a provide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// Empty, or with characters a name cannot have.
    #[error("`{text}` is not a package name, hint: no spaces, `@`, `!`, `<`, `>`, `=` or `~`")]
    Name {
        /// The refused text.
        text: String,
    },
    /// Not one of the operators.
    #[error("`{text}` has no valid operator, hint: use `<`, `<=`, `=`, `>=`, `>` or `~`")]
    Operator {
        /// The whole dependency.
        text: String,
    },
    /// A provide with another operator than `=`.
    #[error("`{text}` is not a provide, hint: write `name` or `name=version`")]
    Provide {
        /// The whole provide.
        text: String,
    },
    /// The version behind the operator.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The checksum behind `><`.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let shown = match text.parse::<Dependency>() {
            Ok(dependency) => {
                assert_eq!(dependency.to_string().parse(), Ok(dependency.clone()));
                format!("{dependency} {:?}", dependency.constraint)
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn dependencies_are_read_and_written() {
        check("zlib", &expect!["zlib None"]);
        check("so:libz.so.1", &expect!["so:libz.so.1 None"]);
        check("zlib>=1.3-r0", &expect!["zlib>=1.3-r0 Some(Version(GreaterOrEqual, 1.3-r0))"]);
        check("!zlib<2", &expect!["!zlib<2 Some(Version(Less, 2))"]);
        check("python3=~3.12", &expect!["python3~3.12 Some(Version(Prefix, 3.12))"]);
        check("a<~1", &expect!["a<~1 Some(Version(LessOrPrefix, 1))"]);
        check(
            "a><Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=",
            &expect!["a><Q1L7EnY9Q9b23ejRHAmb0g09QaLEo= Some(Identity(Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=))"],
        );
    }

    #[test]
    fn malformed_dependencies_are_refused() {
        check("", &expect!["`` is not a package name, hint: no spaces, `@`, `!`, `<`, `>`, `=` or `~`"]);
        check(
            "a@edge",
            &expect!["`a@edge` is not a package name, hint: no spaces, `@`, `!`, `<`, `>`, `=` or `~`"],
        );
        check("a>=", &expect!["`` is not a version, hint: write it like `1.2.3`, `1.2_rc1` or `1.2.3-r4`"]);
        check("a<>=1", &expect!["`a<>=1` has no valid operator, hint: use `<`, `<=`, `=`, `>=`, `>` or `~`"]);
        check("a><Q1", &expect!["`Q1` is not a `Q1` or `Q2` checksum"]);
        assert!("a>1".parse::<Provide>().is_err());
    }

    #[test]
    fn a_constraint_needs_a_version_to_match() {
        let dependency: Dependency = "a>=1".parse().unwrap();
        let version: Version = "1".parse().unwrap();
        assert!(dependency.matches(Some(&version), None));
        assert!(!dependency.matches(None, None));
    }
}
