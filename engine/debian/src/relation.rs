//! Relations between packages, `a (>= 1) | b, c`, and what packages provide: Debian Policy 7.
//! Unaware of indexes.

use std::cmp::Ordering;
use std::fmt;

use crate::version::Version;

/// One thing needed: any of its alternatives does, the first is preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// At least one.
    pub alternatives: Vec<Alternative>,
}

/// A package by name, and which of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The name, without an architecture.
    pub name: String,
    /// What the version must be; any if `None`.
    pub constraint: Option<(Operator, Version)>,
}

/// How a version must compare to the one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// A text that is no relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a relation to a package")]
pub struct RelationError {
    text: String,
}

impl Alternative {
    /// Whether a package of this version will do.
    #[must_use]
    pub fn takes(&self, version: &Version) -> bool {
        let Some((operator, wanted)) = &self.constraint else { return true };
        let order = version.compare(wanted);
        match operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }

    /// Whether something provided will do: without a version it meets no constraint (Policy 7.5).
    #[must_use]
    pub fn takes_provided(&self, provided: &Self) -> bool {
        match &provided.constraint {
            Some((_, version)) => self.takes(version),
            None => self.constraint.is_none(),
        }
    }
}

/// The relations of a field such as `Depends`; an empty field has none.
///
/// # Errors
/// [`RelationError`] for the first that cannot be read.
pub fn parse(field: &str) -> Result<Vec<Group>, RelationError> {
    let groups = field.split(',').map(str::trim).filter(|group| !group.is_empty());
    groups
        .map(|group| Ok(Group { alternatives: group.split('|').map(alternative).collect::<Result<_, _>>()? }))
        .collect()
}

fn alternative(text: &str) -> Result<Alternative, RelationError> {
    let text = text.trim();
    let wrong = || RelationError { text: text.to_owned() };
    let (name, constraint) = match text.split_once('(') {
        Some((name, rest)) => {
            let rest = rest.strip_suffix(')').ok_or_else(wrong)?;
            (name.trim_end(), Some(constraint(rest).ok_or_else(wrong)?))
        }
        None => (text, None),
    };
    // `python3:any` is python3 of any architecture; an index has one architecture.
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    let known = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    if name.is_empty() || !name.chars().all(known) {
        return Err(wrong());
    }
    Ok(Alternative { name: name.to_owned(), constraint })
}

fn constraint(text: &str) -> Option<(Operator, Version)> {
    let text = text.trim();
    let (sign, version) = text.split_at(text.find(|c| !"<>=".contains(c))?);
    let operator = match sign {
        "<<" => Operator::Earlier,
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return None,
    };
    Some((operator, Version::parse(version.trim()).ok()?))
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, alternative) in self.alternatives.iter().enumerate() {
            let bar = if place == 0 { "" } else { " | " };
            write!(f, "{bar}{alternative}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((operator, version)) = &self.constraint else { return f.write_str(&self.name) };
        let sign = match operator {
            Operator::Earlier => "<<",
            Operator::EarlierOrEqual => "<=",
            Operator::Equal => "=",
            Operator::LaterOrEqual => ">=",
            Operator::Later => ">>",
        };
        write!(f, "{} ({sign} {version})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_and_written() {
        let check = |text: &str, shown: &[&str]| {
            let groups: Vec<_> = parse(text).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(groups, shown, "{text}");
        };
        check("", &[]);
        check(
            "libc6 (>= 2.36), dpkg|install-info ,python3:any",
            &["libc6 (>= 2.36)", "dpkg | install-info", "python3"],
        );
        check(
            "a(<<1),b (=2:1-1), c (>> 1~), d ( <= 3 )",
            &["a (<< 1)", "b (= 2:1-1)", "c (>> 1~)", "d (<= 3)"],
        );
        for wrong in ["a (1)", "a (>= )", "a (>= 1", "(>= 1)", "a b", "a | ", "a (<> 1)"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn constraints_take_versions() {
        let takes = |text: &str, version: &str| {
            parse(text).unwrap()[0].alternatives[0].takes(&Version::parse(version).unwrap())
        };
        assert!(takes("a", "0"));
        assert!(takes("a (>= 1)", "1") && takes("a (>= 1)", "2") && !takes("a (>= 1)", "1~rc1"));
        assert!(takes("a (>> 1)", "1.1") && !takes("a (>> 1)", "1"));
        assert!(takes("a (= 1)", "1-0") && !takes("a (= 1)", "1-1"));
        assert!(takes("a (<< 1)", "1~") && !takes("a (<< 1)", "1"));
        assert!(takes("a (<= 1)", "1") && !takes("a (<= 1)", "1.0.1"));
    }
}
