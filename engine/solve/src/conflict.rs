//! Why a request has no solution, as data and as text.
//!
//! A conflict names only what takes part in it: the dependency that cannot be met,
//! who brought it in, and for each candidate what rules it out.

use std::fmt;

use wiz_apk::Dependency;

/// A request without a solution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Conflict {
    /// Each of these alone makes the request impossible.
    pub problems: Vec<Problem>,
}

/// A dependency that nothing can fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dependency.
    pub dependency: Dependency,
    /// Who brought it in: from the world to the package that has it.
    pub chain: Vec<Link>,
    /// Every package that provides the name, and why it does not do.
    pub rejections: Vec<Rejection>,
    /// There are providers, but which one is meant must be said.
    pub ambiguous: bool,
}

/// A step of the way from the world to a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `name-version` of a package; `None` for the world.
    pub package: Option<String>,
    /// Its dependency that leads on.
    pub dependency: Dependency,
}

/// A provider that does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// `name-version` of the package.
    pub package: String,
    /// Why not.
    pub why: Why,
}

/// What rules a package out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The dependency asks for another version.
    Version,
    /// It cannot be installed at all.
    Defect(String),
    /// A dependency in the solution forbids it; the chain leads to that dependency.
    Excluded(Vec<Link>),
    /// A package in the solution provides the same name; the chain leads to it.
    Provides {
        /// `name-version` of that package.
        package: String,
        /// The name both provide.
        name: String,
        /// Who brought that package in.
        chain: Vec<Link>,
    },
    /// It was tried, and something it needs cannot be met.
    Tried(Box<Problem>),
    /// It provides the name without a version or a priority, so it must be asked for
    /// by its own name.
    NotChosen,
    /// The search was given up before it was tried.
    GivenUp,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot choose packages")?;
        self.problems.iter().try_for_each(|problem| problem.write(f, 1))
    }
}

impl Problem {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let verdict = match (self.dependency.conflict, self.ambiguous, self.rejections.is_empty()) {
            (true, ..) => "is violated",
            (_, true, _) => "could be any of several packages",
            (_, _, true) => "is provided by no package",
            _ => "cannot be met",
        };
        line(f, depth, &format!("`{}` {verdict}", self.dependency))?;
        line(f, depth + 1, &format!("required by {}", chain(&self.chain)))?;
        self.rejections.iter().try_for_each(|rejection| rejection.write(f, depth + 1))?;
        if self.ambiguous { line(f, depth + 1, "hint: ask for one of them by name") } else { Ok(()) }
    }
}

impl Rejection {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let package = &self.package;
        match &self.why {
            Why::Version => line(f, depth, &format!("`{package}` has another version")),
            Why::Defect(reason) => line(f, depth, &format!("`{package}` cannot be installed: {reason}")),
            Why::Excluded(links) => line(f, depth, &format!("`{package}` is excluded by {}", chain(links))),
            Why::Provides { package: other, name, chain: links } => {
                let by = chain(links);
                line(f, depth, &format!("`{package}` conflicts with `{other}`: both provide `{name}`"))?;
                line(f, depth + 1, &format!("`{other}` is required by {by}"))
            }
            Why::Tried(problem) => {
                line(f, depth, &format!("`{package}` needs what is missing:"))?;
                problem.write(f, depth + 1)
            }
            Why::NotChosen => line(f, depth, &format!("`{package}` provides it")),
            Why::GivenUp => line(f, depth, &format!("`{package}` was not tried: the search was given up")),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, depth: usize, text: &str) -> fmt::Result {
    write!(f, "\n{:indent$}{text}", "", indent = 2 * depth)
}

/// `world[a] -> a-1[b>=2]`
fn chain(links: &[Link]) -> String {
    let link = |link: &Link| {
        let package = link.package.as_deref().unwrap_or("world");
        format!("{package}[{}]", link.dependency)
    };
    links.iter().map(link).collect::<Vec<_>>().join(" -> ")
}
