//! The order in which chosen packages are installed.
//!
//! Depth first from the world, sorted by name: a package comes behind what it
//! depends on or conflicts with in other versions, and a package with an `install_if` right behind the last of what it
//! waits for. Where dependencies form a cycle, the one met first comes last.

use wiz_apk::{Dependency, Record};

use crate::search::{Cause, Choice};
use crate::universe::{PackageId, Universe};
use crate::{Reason, Selected, Solution};

/// Puts the chosen packages in order.
pub(crate) fn solution<'a>(
    universe: &Universe<'a>,
    world: &'a [Dependency],
    choices: &[Option<Choice<'a>>],
) -> Solution<'a> {
    let mut order = Order { universe, choices, visited: vec![false; choices.len()], placed: Vec::new() };
    let mut world: Vec<&Dependency> = world.iter().collect();
    world.sort_by_key(|dependency| (dependency.name.as_str().to_lowercase(), dependency.to_string()));
    world.into_iter().for_each(|dependency| order.visit_dependency(dependency));
    let rest = universe.ids().filter(|id| choices[id.0].is_some());
    rest.for_each(|id| order.visit(id));
    let packages = order.placed.iter().map(|id| selected(universe, *id, &choices[id.0])).collect();
    Solution { packages }
}

fn selected<'a>(universe: &Universe<'a>, id: PackageId, choice: &Option<Choice<'a>>) -> Selected<'a> {
    let reason = match choice.as_ref().map(|choice| choice.cause) {
        Some(Cause::Dependency(None, dependency)) => Reason::World(dependency),
        Some(Cause::Dependency(Some(package), dependency)) => {
            Reason::Dependency { package: universe.record(package), dependency }
        }
        Some(Cause::InstallIf) | None => Reason::InstallIf,
    };
    Selected { record: universe.record(id), reason }
}

struct Order<'u, 'a> {
    universe: &'u Universe<'a>,
    choices: &'u [Option<Choice<'a>>],
    visited: Vec<bool>,
    placed: Vec<PackageId>,
}

impl<'a> Order<'_, 'a> {
    fn visit(&mut self, id: PackageId) {
        if std::mem::replace(&mut self.visited[id.0], true) {
            return;
        }
        let record: &'a Record = self.universe.record(id);
        record.depends.iter().for_each(|dependency| self.visit_dependency(dependency));
        self.placed.push(id);
        for waiting in self.universe.with_install_if().to_vec() {
            if self.choices[waiting.0].is_some() && !self.visited[waiting.0] && self.is_ready(waiting) {
                self.visit(waiting);
            }
        }
    }

    /// Visits the chosen package that fulfils the dependency, or for a conflict the one
    /// that bears the name without being meant.
    fn visit_dependency(&mut self, dependency: &Dependency) {
        if let Some(id) = self.fulfilling(dependency) {
            self.visit(id);
        }
    }

    fn fulfilling(&self, dependency: &Dependency) -> Option<PackageId> {
        let mut providers = self.universe.providers(&dependency.name).iter();
        let found = providers.find(|provider| {
            self.choices[provider.package.0].is_some()
                && self.universe.matches(dependency, provider) != dependency.conflict
        });
        found.map(|provider| provider.package)
    }

    /// Whether everything a package's `install_if` waits for has been placed.
    fn is_ready(&self, id: PackageId) -> bool {
        let mut terms = self.universe.record(id).install_if.iter().filter(|dependency| !dependency.conflict);
        terms.all(|dependency| self.fulfilling(dependency).is_some_and(|id| self.placed.contains(&id)))
    }
}
