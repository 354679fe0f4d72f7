//! `world`: what was asked to be installed, one dependency a line.

use std::fmt;
use std::str::FromStr;

use crate::dependency::{Dependency, DependencyError};

/// A dependency of the world, which may be pinned to a tagged repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldDependency {
    /// What is asked for.
    pub dependency: Dependency,
    /// The tag behind `@`.
    pub tag: Option<String>,
}

impl From<Dependency> for WorldDependency {
    fn from(dependency: Dependency) -> Self {
        Self { dependency, tag: None }
    }
}

impl FromStr for WorldDependency {
    type Err = DependencyError;

    /// Reads `name`, `name@tag` or `name@tag>=1`.
    fn from_str(text: &str) -> Result<Self, DependencyError> {
        let Some((name, rest)) = text.split_once('@') else {
            return Ok(Self { dependency: text.parse()?, tag: None });
        };
        let end = rest.find(['<', '>', '=', '~']).unwrap_or(rest.len());
        let (tag, constraint) = rest.split_at(end);
        Ok(Self { dependency: format!("{name}{constraint}").parse()?, tag: Some(tag.to_owned()) })
    }
}

impl fmt::Display for WorldDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tag) = &self.tag else { return write!(f, "{}", self.dependency) };
        let text = self.dependency.to_string();
        let end = text.find(['<', '>', '=', '~']).unwrap_or(text.len());
        let (name, constraint) = text.split_at(end);
        write!(f, "{name}@{tag}{constraint}")
    }
}

/// Reads the file; any white space divides.
///
/// # Errors
/// The first malformed dependency's error.
pub fn parse(text: &str) -> Result<Vec<WorldDependency>, DependencyError> {
    text.split_whitespace().map(str::parse).collect()
}

/// Writes the file, sorted, each line once.
#[must_use]
pub fn format(world: &[WorldDependency]) -> String {
    let mut lines: Vec<String> = world.iter().map(|dependency| format!("{dependency}\n")).collect();
    lines.sort();
    lines.dedup();
    lines.concat()
}
