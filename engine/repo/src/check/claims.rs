//! Which package has which file, and which two must not both have one.

use std::collections::BTreeMap;

use wiz_apk::{Dependency, Entry, Kind, Name, Record, Version};

use super::Fault;

/// The files of the packages of an index.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    owners: Vec<Owner<'a>>,
    /// Indexes of the owners of each path that is no folder.
    paths: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Owner<'a> {
    record: &'a Record,
    replaces: Vec<Dependency>,
}

impl<'a> Claims<'a> {
    /// Adds a package with its files.
    pub(super) fn add(&mut self, record: &'a Record, replaces: &[Dependency], entries: &[Entry]) {
        let owner = self.owners.len();
        self.owners.push(Owner { record, replaces: replaces.to_vec() });
        for entry in entries.iter().filter(|entry| entry.kind != Kind::Directory) {
            self.paths.entry(entry.path.clone()).or_default().push(owner);
        }
    }

    /// One fault for each pair of packages and path that must not be.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (path, owners) in &self.paths {
            for (position, first) in owners.iter().enumerate() {
                for second in &owners[position + 1..] {
                    let (first, second) = (&self.owners[*first], &self.owners[*second]);
                    if !first.may_share_with(second) {
                        let packages = [first.record.display_name(), second.record.display_name()];
                        faults.push(Fault::Claimed { path: path.clone(), packages });
                    }
                }
            }
        }
        faults
    }
}

impl Owner<'_> {
    /// Whether apk lets one overwrite the other, or never installs both.
    fn may_share_with(&self, other: &Self) -> bool {
        let same_origin = self.record.origin.is_some() && self.record.origin == other.record.origin;
        same_origin
            || self.record.name == other.record.name
            || self.replaces(other)
            || other.replaces(self)
            || self.excludes(other)
            || other.excludes(self)
            || self.stands_for_the_same(other)
    }

    fn replaces(&self, other: &Self) -> bool {
        self.replaces.iter().any(|replaced| {
            replaced.name == other.record.name
                && replaced.matches(Some(&other.record.version), other.record.identity.as_ref())
        })
    }

    fn excludes(&self, other: &Self) -> bool {
        let identity = other.record.identity.as_ref();
        self.record.depends.iter().filter(|dependency| dependency.conflict).any(|excluded| {
            names(other.record)
                .any(|(name, version)| *name == excluded.name && excluded.matches(version, identity))
        })
    }

    /// Two packages that provide one name with a version exclude each other.
    fn stands_for_the_same(&self, other: &Self) -> bool {
        let is_concrete =
            |(name, version): (&'_ Name, Option<&'_ Version>)| version.is_some().then(|| name.clone());
        let own: Vec<Name> = names(self.record).filter_map(is_concrete).collect();
        names(other.record).filter_map(is_concrete).any(|name| own.contains(&name))
    }
}

/// The names a package provides, with their versions.
fn names(record: &Record) -> impl Iterator<Item = (&Name, Option<&Version>)> {
    let declared = record.provides.iter().map(|provide| (&provide.name, provide.version.as_ref()));
    std::iter::once((&record.name, Some(&record.version))).chain(declared)
}
