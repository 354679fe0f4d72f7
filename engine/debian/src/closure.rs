//! A set of packages with all that it needs, from one index.
//!
//! Which packages come along depends on the request and the index alone, not on any order:
//! of alternatives, one that the request names is taken, else the first that there is.
//! Unaware of conflicts and of recommendations: the packages are unpacked, none is installed.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::{Index, Package};
use crate::relation::{Alternative, Group};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Packages by name.
    pub packages: BTreeSet<String>,
    /// Names that are not followed where something needs them.
    pub without: BTreeSet<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure<'i> {
    /// The packages by name.
    pub packages: BTreeMap<&'i str, &'i Package>,
    /// Names of [`Wanted::without`] that nothing needs.
    pub idle: BTreeSet<String>,
}

/// Why a request cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such package.
    #[error("the index has no package `{name}`{}", hint(.near))]
    Missing {
        /// The name asked for.
        name: String,
        /// The name most like it.
        near: Option<String>,
    },
    /// Wanted and not wanted.
    #[error("package `{name}` is both asked for and left out")]
    Contradiction {
        /// The name.
        name: String,
    },
    /// Nothing in the index will do.
    #[error(
        "package `{package}` needs `{needs}`, and {found}\nhint: leave out what is not needed with `without`"
    )]
    Unmet {
        /// Who needs it.
        package: String,
        /// What it needs.
        needs: Group,
        /// What there is instead.
        found: String,
    },
    /// Several packages will do, and none of them is better.
    #[error(
        "package `{package}` needs `{needs}`, which is provided by each of {}\nhint: name one of them in `packages`, or leave `{needs}` out with `without`",
        named(.providers)
    )]
    Ambiguous {
        /// Who needs it.
        package: String,
        /// What it needs.
        needs: Alternative,
        /// Who provides it.
        providers: Vec<String>,
    },
}

/// The packages that are wanted and all that they need, but for what is left out.
///
/// # Errors
/// All of [`ResolveError`] that there are, ordered by package.
pub fn closure<'i>(index: &'i Index, wanted: &Wanted) -> Result<Closure<'i>, Vec<ResolveError>> {
    let mut search =
        Search { index, wanted, packages: BTreeMap::new(), met: BTreeSet::new(), errors: Vec::new() };
    let mut pending = Vec::new();
    for name in &wanted.packages {
        if wanted.without.contains(name) {
            search.errors.push(ResolveError::Contradiction { name: name.clone() });
        }
        match index.package(name) {
            Some(package) => pending.push(package),
            None => search.errors.push(ResolveError::Missing {
                name: name.clone(),
                near: index.nearest(name).map(str::to_owned),
            }),
        }
    }
    while let Some(package) = pending.pop() {
        if search.packages.insert(&package.name, package).is_none() {
            pending.extend(package.depends.iter().filter_map(|group| search.choose(package, group)));
        }
    }
    if !search.errors.is_empty() {
        search.errors.sort_by_cached_key(ToString::to_string);
        return Err(search.errors);
    }
    let idle = wanted.without.difference(&search.met).cloned().collect();
    Ok(Closure { packages: search.packages, idle })
}

/// A closure that is being found.
struct Search<'i, 'w> {
    index: &'i Index,
    wanted: &'w Wanted,
    packages: BTreeMap<&'i str, &'i Package>,
    /// What is left out and was needed.
    met: BTreeSet<String>,
    errors: Vec<ResolveError>,
}

impl<'i> Search<'i, '_> {
    /// The package that meets a need; `None` if it is left out, or nothing does.
    fn choose(&mut self, package: &Package, group: &Group) -> Option<&'i Package> {
        let index = self.index;
        let named = group.alternatives.iter().find_map(|alternative| {
            let mut able = able(index, alternative).into_iter();
            able.find(|package| self.wanted.packages.contains(&package.name))
        });
        if named.is_some() {
            return named;
        }
        for alternative in &group.alternatives {
            if self.is_left_out(&alternative.name) {
                return None;
            }
            let mut kept = able(index, alternative);
            let all = kept.len();
            kept.retain(|package| !self.is_left_out(&package.name));
            let left_out = kept.len() < all;
            match kept.as_slice() {
                [only] => return Some(only),
                [] if left_out => return None,
                [] => {}
                several => {
                    self.errors.push(ResolveError::Ambiguous {
                        package: package.name.clone(),
                        needs: alternative.clone(),
                        providers: several.iter().map(|package| package.name.clone()).collect(),
                    });
                    return None;
                }
            }
        }
        let found = instead(index, group);
        self.errors.push(ResolveError::Unmet { package: package.name.clone(), needs: group.clone(), found });
        None
    }

    /// Whether a name is not followed; if so, that it was needed.
    fn is_left_out(&mut self, name: &str) -> bool {
        let left_out = self.wanted.without.contains(name);
        if left_out {
            self.met.insert(name.to_owned());
        }
        left_out
    }
}

/// The package of that name, or else all that provide it.
fn able<'i>(index: &'i Index, alternative: &Alternative) -> Vec<&'i Package> {
    match index.package(&alternative.name) {
        Some(package) if alternative.takes(&package.version) => vec![package],
        _ => index.providers(alternative),
    }
}

/// What there is where nothing will do.
fn instead(index: &Index, group: &Group) -> String {
    let names = group.alternatives.iter().map(|alternative| match index.package(&alternative.name) {
        Some(package) => format!("the index has `{}` {}", package.name, package.version),
        None => format!("the index has no `{}`", alternative.name),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn named(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn hint(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("\nhint: did you mean `{near}`?"))
}

#[cfg(test)]
mod tests;
