//! Turns the state of a search that cannot go on into an explanation.

use crate::conflict::{Link, Problem, Rejection, Why};
use crate::search::{Cause, Exclusion, Requirement, Search};
use crate::universe::PackageId;

impl Search<'_, '_> {
    /// The problem of a requirement whose providers are rejected as given.
    pub(crate) fn problem(&self, requirement: &Requirement<'_>, rejections: Vec<Rejection>) -> Problem {
        let mut chain = self.chain_to_optional(requirement.requirer);
        chain.push(Link {
            package: requirement.requirer.map(|id| self.universe.record(id).display_name()),
            dependency: requirement.dependency.clone(),
        });
        let ambiguous = rejections.iter().any(|rejection| rejection.why == Why::NotChosen);
        Problem { dependency: requirement.dependency.clone(), chain, rejections, ambiguous }
    }

    /// Every provider of the requirement's name, with what rules it out as things are.
    pub(crate) fn rejections(&self, requirement: &Requirement<'_>) -> Vec<Rejection> {
        let dependency = requirement.dependency;
        let mut rejections = Vec::new();
        for provider in self.universe.providers(&dependency.name) {
            let package = self.universe.record(provider.package).display_name();
            let why = match &self.exclusions[provider.package.0] {
                _ if !self.universe.matches(dependency, provider) => Why::Version,
                Some(exclusion) => self.why(exclusion),
                None if self.universe.is_eligible(provider) => Why::GivenUp,
                None => Why::NotChosen,
            };
            rejections.push(Rejection { package, why });
        }
        // A package may provide a name more than once.
        rejections.dedup();
        rejections
    }

    fn why(&self, exclusion: &Exclusion<'_>) -> Why {
        match exclusion {
            Exclusion::Defect(reason) => Why::Defect(reason.clone()),
            Exclusion::Constraint(by, dependency) => {
                let mut chain = self.chain_to_optional(*by);
                let package = by.map(|id| self.universe.record(id).display_name());
                chain.push(Link { package, dependency: (*dependency).clone() });
                Why::Excluded(chain)
            }
            Exclusion::Provides(by, name) => Why::Provides {
                package: self.universe.record(*by).display_name(),
                name: name.to_string(),
                chain: self.chain_to(*by),
            },
            Exclusion::Failed(dead_end) => Why::Tried(dead_end.problem.clone()),
        }
    }

    fn chain_to_optional(&self, id: Option<PackageId>) -> Vec<Link> {
        id.map(|id| self.chain_to(id)).unwrap_or_default()
    }

    /// From the world to the dependency that a chosen package was chosen for. A
    /// package chosen by its `install_if` begins the chain itself.
    pub(crate) fn chain_to(&self, id: PackageId) -> Vec<Link> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        while let Some(choice) = next.and_then(|id| self.choices[id.0].as_ref()) {
            let Cause::Dependency(requirer, dependency) = choice.cause else { break };
            let package = requirer.map(|id| self.universe.record(id).display_name());
            chain.push(Link { package, dependency: dependency.clone() });
            next = requirer;
        }
        chain.reverse();
        chain
    }
}
