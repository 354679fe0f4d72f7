//! Which package owns a path that several have.
//!
//! apk's rules: folders are shared; packages of one origin, and packages that replace
//! each other, may have the same file, of which one stays; anything else is an error.

use std::collections::{BTreeMap, BTreeSet};

use wiz_apk::{Entry, Kind};

use crate::package::Package;

/// The outcome of all overlaps between packages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    dropped: BTreeMap<usize, BTreeSet<String>>,
}

impl Ownership {
    /// Settles who owns what among `packages`, which are in the order of installation.
    ///
    /// # Errors
    /// [`OwnershipError`] for the first path, in the order of packages, that two
    /// packages must not both have.
    pub fn settle(packages: &[Package]) -> Result<Self, OwnershipError> {
        let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
        let mut kinds: BTreeMap<&str, &Entry> = BTreeMap::new();
        let mut ownership = Self::default();
        for (index, package) in packages.iter().enumerate() {
            for entry in &package.entries {
                let Some(earlier) = owners.get(entry.path.as_str()).copied() else {
                    owners.insert(&entry.path, index);
                    kinds.insert(&entry.path, entry);
                    continue;
                };
                let known = kinds[entry.path.as_str()];
                if known.kind == Kind::Directory && entry.kind == Kind::Directory {
                    continue;
                }
                let is_mixed = known.kind == Kind::Directory || entry.kind == Kind::Directory;
                let winner = if is_mixed { None } else { winner(&packages[earlier], package) };
                let loser = match winner {
                    Some(Winner::Later) => {
                        owners.insert(&entry.path, index);
                        kinds.insert(&entry.path, entry);
                        earlier
                    }
                    Some(Winner::Earlier) => index,
                    None => return Err(OwnershipError::new(&entry.path, &packages[earlier], package)),
                };
                ownership.dropped.entry(loser).or_default().insert(entry.path.clone());
            }
        }
        Ok(ownership)
    }

    /// Whether the package with this index has lost `path` to another one.
    #[must_use]
    pub fn is_dropped(&self, package: usize, path: &str) -> bool {
        self.dropped.get(&package).is_some_and(|paths| paths.contains(path))
    }
}

enum Winner {
    Earlier,
    Later,
}

/// Who of two packages keeps a file both have; `None` if neither may.
fn winner(earlier: &Package, later: &Package) -> Option<Winner> {
    let priority = |package: &Package| package.replaces_priority.unwrap_or(0);
    match (replaces(earlier, later), replaces(later, earlier)) {
        (true, true) if priority(earlier) > priority(later) => Some(Winner::Earlier),
        (_, true) => Some(Winner::Later),
        (true, false) => Some(Winner::Earlier),
        (false, false) if earlier.record.origin.is_some() && earlier.record.origin == later.record.origin => {
            Some(Winner::Later)
        }
        (false, false) => None,
    }
}

fn replaces(package: &Package, other: &Package) -> bool {
    package.replaces.iter().any(|dependency| {
        dependency.name == other.record.name
            && dependency.matches(Some(&other.record.version), other.record.identity.as_ref())
    })
}

/// Two packages have the same path and neither may overwrite the other's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{path}` is in `{first}` and in `{second}`, hint: leave it out of one, or let one say that it replaces the other"
)]
pub struct OwnershipError {
    /// The path below the root.
    pub path: String,
    /// `name-version` of the package installed first.
    pub first: String,
    /// `name-version` of the other.
    pub second: String,
}

impl OwnershipError {
    fn new(path: &str, first: &Package, second: &Package) -> Self {
        Self {
            path: path.to_owned(),
            first: first.record.display_name(),
            second: second.record.display_name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use wiz_apk::Record;

    use super::*;

    fn package(name: &str, origin: &str, replaces: &[&str], entries: Vec<Entry>) -> Package {
        let mut record = Record::new(name.parse().unwrap(), "1".parse().unwrap());
        record.origin = (!origin.is_empty()).then(|| origin.to_owned());
        Package {
            record,
            replaces: replaces.iter().map(|name| name.parse().unwrap()).collect(),
            replaces_priority: None,
            triggers: Vec::new(),
            entries,
        }
    }

    fn file() -> Vec<Entry> {
        vec![Entry::file("bin/sh", b"")]
    }

    /// The index of the package that keeps `bin/sh`.
    fn keeper(packages: &[Package]) -> Result<usize, OwnershipError> {
        let ownership = Ownership::settle(packages)?;
        let mut keepers = (0..packages.len()).filter(|index| !ownership.is_dropped(*index, "bin/sh"));
        let keeper = keepers.next().unwrap();
        assert_eq!(keepers.next(), None);
        Ok(keeper)
    }

    #[test]
    fn a_file_of_two_strangers_is_an_error() {
        let error = keeper(&[package("a", "", &[], file()), package("b", "", &[], file())]).unwrap_err();
        assert_eq!((error.first.as_str(), error.second.as_str()), ("a-1", "b-1"));
        assert!(error.to_string().starts_with("`bin/sh` is in `a-1` and in `b-1`, hint: "));
    }

    #[test]
    fn the_one_that_replaces_the_other_keeps_the_file() {
        assert_eq!(keeper(&[package("a", "", &[], file()), package("b", "", &["a"], file())]), Ok(1));
        assert_eq!(keeper(&[package("a", "", &["b"], file()), package("b", "", &[], file())]), Ok(0));
        assert!(keeper(&[package("a", "", &["b>1"], file()), package("b", "", &[], file())]).is_err());
        let mut high = package("a", "", &["b"], file());
        high.replaces_priority = Some(1);
        assert_eq!(keeper(&[high, package("b", "", &["a"], file())]), Ok(0));
    }

    #[test]
    fn packages_of_one_origin_overwrite_each_other() {
        assert_eq!(keeper(&[package("a", "o", &[], file()), package("b", "o", &[], file())]), Ok(1));
    }

    #[test]
    fn folders_are_shared_but_not_with_files() {
        let folder = || vec![Entry::directory("bin")];
        assert!(
            Ownership::settle(&[package("a", "", &[], folder()), package("b", "", &[], folder())]).is_ok()
        );
        let link = vec![Entry::symlink("bin", "usr/bin")];
        assert!(
            Ownership::settle(&[package("a", "o", &[], folder()), package("b", "o", &["a"], link)]).is_err()
        );
    }
}
