//! What is remembered of an earlier analysis, and what has changed since: decides what has
//! to be done again. Unaware of how it is done.

use std::collections::{BTreeMap, BTreeSet};

use wiz_base::{RelPath, TargetPattern};
use wiz_graph::memory::{Bodies, Memory, RememberedPackage, RememberedTarget, RememberedWalk};
use wiz_graph::{ConfiguredTarget, Fingerprint};

/// What is remembered, and what has changed since.
pub(crate) struct Past<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) bodies: &'a dyn Bodies,
    /// Paths at which something else is seen than before.
    pub(crate) changed: &'a BTreeSet<RelPath>,
    /// Modules that do not mean what they meant.
    modules: BTreeSet<RelPath>,
    /// Packages that have to be evaluated again.
    packages: BTreeSet<RelPath>,
    /// Targets that may come to something else.
    suspects: BTreeSet<ConfiguredTarget>,
}

impl<'a> Past<'a> {
    /// `tokens` gives the fingerprint of a module's tokens as they are now.
    pub(crate) fn new(
        memory: &'a Memory,
        bodies: &'a dyn Bodies,
        changed: &'a BTreeSet<RelPath>,
        tokens: impl Fn(&RelPath) -> Option<Fingerprint>,
    ) -> Self {
        let edited = memory
            .modules
            .iter()
            .filter(|(path, module)| changed.contains(*path) && tokens(path) != Some(module.tokens));
        let mut modules: BTreeSet<RelPath> = edited.map(|(path, _)| path.clone()).collect();
        loop {
            let loaders = memory
                .modules
                .iter()
                .filter(|(path, module)| !modules.contains(*path) && !module.loads.is_disjoint(&modules));
            let loaders: Vec<RelPath> = loaders.map(|(path, _)| path.clone()).collect();
            if loaders.is_empty() {
                break;
            }
            modules.extend(loaders);
        }
        let touched = memory.packages.iter().filter(|(folder, package)| {
            changed.contains(&crate::package::build_file(folder))
                || !package.loads.is_disjoint(&modules)
                || !package.folders.is_disjoint(changed)
        });
        let packages: BTreeSet<RelPath> = touched.map(|(folder, _)| folder.clone()).collect();
        let suspects = suspects(memory, &packages);
        Self { memory, bodies, changed, modules, packages, suspects }
    }

    /// What still holds of what is remembered.
    pub(crate) fn kept(&self) -> Memory {
        let memory = self.memory;
        let edited = |path: &RelPath| self.changed.contains(path) && self.modules.contains(path);
        Memory {
            modules: kept(&memory.modules, |path, _| !edited(path)),
            packages: kept(&memory.packages, |folder, _| !self.packages.contains(folder)),
            walks: kept(&memory.walks, |_, walk| walk.folders.is_disjoint(self.changed)),
            targets: kept(&memory.targets, |id, _| !self.suspects.contains(id)),
        }
    }

    /// The package, if it need not be evaluated again.
    pub(crate) fn package(&self, folder: &RelPath) -> Option<&'a RememberedPackage> {
        self.memory.packages.get(folder).filter(|_| !self.packages.contains(folder))
    }

    /// The pattern's packages, if no folder it listed has changed.
    pub(crate) fn walk(&self, pattern: &TargetPattern) -> Option<&'a RememberedWalk> {
        self.memory.walks.get(pattern).filter(|walk| walk.folders.is_disjoint(self.changed))
    }

    /// The target as it was, if that can be told before anything is evaluated.
    pub(crate) fn settled(&self, id: &ConfiguredTarget) -> Option<&'a RememberedTarget> {
        self.memory.targets.get(id).filter(|_| !self.suspects.contains(id))
    }

    /// What the target, whose definition has not changed, depends on that may have.
    pub(crate) fn doubtful(&self, id: &ConfiguredTarget) -> Option<Vec<ConfiguredTarget>> {
        let target = self.memory.targets.get(id)?;
        if self.packages.contains(id.label.package()) {
            return None;
        }
        let doubtful = target.dependencies.iter().filter(|dependency| self.suspects.contains(*dependency));
        Some(doubtful.cloned().collect())
    }

    /// The target as it was, if its definition, its rule and the faces of what it depends
    /// on are as they were.
    pub(crate) fn unchanged<'f>(
        &self,
        id: &ConfiguredTarget,
        definition: Fingerprint,
        faces: impl ExactSizeIterator<Item = (&'f ConfiguredTarget, Fingerprint)>,
    ) -> Option<&'a RememberedTarget> {
        let target = self.memory.targets.get(id)?;
        let same = target.definition == definition
            && !self.modules.contains(&target.rule)
            && target.dependencies.len() == faces.len();
        let mut pairs = target.dependencies.iter().zip(faces);
        (same && pairs.all(|(before, (now, face))| before == now && self.face(before) == Some(face)))
            .then_some(target)
    }

    /// The face a target had.
    pub(crate) fn face(&self, id: &ConfiguredTarget) -> Option<Fingerprint> {
        self.memory.targets.get(id).map(|target| target.face)
    }
}

fn kept<K: Clone + Ord, V: Clone>(map: &BTreeMap<K, V>, holds: impl Fn(&K, &V) -> bool) -> BTreeMap<K, V> {
    let kept = map.iter().filter(|(key, value)| holds(key, value));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The targets of `packages` and all that depends on them.
fn suspects(memory: &Memory, packages: &BTreeSet<RelPath>) -> BTreeSet<ConfiguredTarget> {
    let own = memory.targets.keys().filter(|id| packages.contains(id.label.package()));
    let mut pending: Vec<&ConfiguredTarget> = own.collect();
    if pending.is_empty() {
        return BTreeSet::new();
    }
    let mut dependants: BTreeMap<&ConfiguredTarget, Vec<&ConfiguredTarget>> = BTreeMap::new();
    for (id, target) in &memory.targets {
        for dependency in &target.dependencies {
            dependants.entry(dependency).or_default().push(id);
        }
    }
    let mut suspects: BTreeSet<&ConfiguredTarget> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        for dependant in dependants.get(id).into_iter().flatten() {
            if suspects.insert(dependant) {
                pending.push(dependant);
            }
        }
    }
    suspects.into_iter().cloned().collect()
}
