//! The packages to choose from, sorted, and who provides which name.
//!
//! Knows what a provider offers and which of two apk prefers. Unaware of what has
//! been chosen.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use wiz_apk::{Dependency, Name, Record, Version};

use crate::Request;

/// Index of a package in [`Universe::packages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackageId(pub(crate) usize);

/// A package's claim on a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    pub(crate) package: PackageId,
    /// `None` if the name is provided virtually.
    pub(crate) version: Option<&'a Version>,
}

/// Everything the solver may choose from.
#[derive(Debug)]
pub(crate) struct Universe<'a> {
    packages: Vec<&'a Record>,
    providers: BTreeMap<&'a Name, Vec<Provider<'a>>>,
    with_install_if: Vec<PackageId>,
    arch: Option<&'a str>,
}

impl<'a> Universe<'a> {
    pub(crate) fn new(request: &Request<'a>) -> Self {
        let mut packages: Vec<&Record> = request.candidates.iter().collect();
        packages.sort_by(|a, b| compare_records(a, b));
        packages.dedup_by(|a, b| a == b);
        let mut universe =
            Self { packages, providers: BTreeMap::new(), with_install_if: Vec::new(), arch: request.arch };
        for id in universe.ids() {
            for (name, version) in universe.provides(id) {
                universe.providers.entry(name).or_default().push(Provider { package: id, version });
            }
            if !universe.record(id).install_if.is_empty() {
                universe.with_install_if.push(id);
            }
        }
        universe
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = PackageId> + use<> {
        (0..self.packages.len()).map(PackageId)
    }

    pub(crate) fn record(&self, id: PackageId) -> &'a Record {
        self.packages[id.0]
    }

    /// Packages with an `install_if`, in order.
    pub(crate) fn with_install_if(&self) -> &[PackageId] {
        &self.with_install_if
    }

    /// The names a package provides: its own, and those it declares.
    pub(crate) fn provides(
        &self,
        id: PackageId,
    ) -> impl Iterator<Item = (&'a Name, Option<&'a Version>)> + use<'a> {
        let record = self.record(id);
        let declared = record.provides.iter().map(|provide| (&provide.name, provide.version.as_ref()));
        std::iter::once((&record.name, Some(&record.version))).chain(declared)
    }

    pub(crate) fn providers(&self, name: &Name) -> &[Provider<'a>] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether some package has this very name.
    pub(crate) fn is_borne(&self, name: &Name) -> bool {
        self.providers(name).iter().any(|provider| self.record(provider.package).name == *name)
    }

    /// Whether the provider is what the dependency names, a leading `!` aside.
    pub(crate) fn matches(&self, dependency: &Dependency, provider: &Provider<'_>) -> bool {
        dependency.matches(provider.version, self.record(provider.package).identity.as_ref())
    }

    /// Whether the solver may choose the provider by itself: a virtual one only if it
    /// declares a priority.
    pub(crate) fn is_eligible(&self, provider: &Provider<'_>) -> bool {
        provider.version.is_some() || self.record(provider.package).provider_priority.unwrap_or(0) > 0
    }

    /// Why the package can never be installed, if so.
    pub(crate) fn defect(&self, id: PackageId) -> Option<String> {
        let record = self.record(id);
        if let Some(reason) = record.uninstallable.first() {
            return Some(reason.clone());
        }
        match (self.arch, record.arch.as_deref()) {
            (Some(wanted), Some(arch)) if arch != wanted && arch != "noarch" => {
                return Some(format!("built for `{arch}`, not `{wanted}`"));
            }
            _ => {}
        }
        let mut seen: BTreeMap<&Name, bool> = BTreeMap::new();
        for (name, version) in self.provides(id) {
            let concrete = version.is_some();
            if seen.insert(name, concrete).is_some_and(|earlier| earlier || concrete) {
                return Some(format!("conflicts with itself, providing `{name}` twice"));
            }
        }
        None
    }

    /// Orders providers of one name by preference, best first: the highest version of
    /// the name, the highest version of the package, the highest priority, the package
    /// that bears the name, then the order of [`Universe::packages`].
    pub(crate) fn by_preference(&self, name: &Name, a: &Provider<'_>, b: &Provider<'_>) -> Ordering {
        let versions = match (a.version, b.version) {
            (Some(a), Some(b)) => b.compare(a),
            _ => Ordering::Equal,
        };
        let (left, right) = (self.record(a.package), self.record(b.package));
        let packages =
            if left.name == right.name { right.version.compare(&left.version) } else { Ordering::Equal };
        let priority = |record: &Record| record.provider_priority.unwrap_or(0);
        versions
            .then(packages)
            .then_with(|| priority(right).cmp(&priority(left)))
            .then_with(|| (right.name == *name).cmp(&(left.name == *name)))
            .then_with(|| a.package.cmp(&b.package))
    }
}

fn compare_records(a: &Record, b: &Record) -> Ordering {
    a.name
        .cmp(&b.name)
        .then_with(|| a.version.compare(&b.version))
        .then_with(|| a.version.as_str().cmp(b.version.as_str()))
        .then_with(|| a.identity.cmp(&b.identity))
        .then_with(|| a.to_string().cmp(&b.to_string()))
}
