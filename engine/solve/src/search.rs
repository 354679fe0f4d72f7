//! The search: what must be chosen is chosen, what is left open is tried in order of
//! preference, and a dead end goes back to the choice that led there.
//!
//! A depth-first search with unit propagation and conflict-directed backjumping
//! (Prosser, "Hybrid algorithms for the constraint satisfaction problem", 1993).

use std::collections::BTreeSet;

use wiz_apk::Dependency;

use crate::conflict::{Conflict, Problem, Rejection, Why};
use crate::universe::{PackageId, Provider, Universe};

/// Dead ends after which the search is given up. Real repositories need a handful.
const MAX_DEAD_ENDS: usize = 20_000;

/// What a package was chosen for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// A dependency, of a package or with `None` of the world.
    Dependency(Option<PackageId>, &'a Dependency),
    /// Its own `install_if`.
    InstallIf,
}

/// A chosen package.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) cause: Cause<'a>,
    /// Chosen packages that left no alternative; `None` if there was one.
    forced_by: Option<Vec<PackageId>>,
}

/// What rules a package out.
#[derive(Debug)]
pub(crate) enum Exclusion<'a> {
    Defect(String),
    Constraint(Option<PackageId>, &'a Dependency),
    Provides(PackageId, &'a wiz_apk::Name),
    /// Its `install_if` holds, but choosing it failed.
    Failed(DeadEnd),
}

/// Why a branch has no solution.
#[derive(Debug)]
pub(crate) struct DeadEnd {
    /// The choices, among those with alternatives, that take part.
    involved: BTreeSet<PackageId>,
    pub(crate) problem: Box<Problem>,
}

/// An open or fulfilled dependency of something chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requirement<'a> {
    pub(crate) dependency: &'a Dependency,
    pub(crate) requirer: Option<PackageId>,
}

/// How far the search has come.
#[derive(Debug)]
pub(crate) struct Search<'u, 'a> {
    pub(crate) universe: &'u Universe<'a>,
    pub(crate) choices: Vec<Option<Choice<'a>>>,
    pub(crate) exclusions: Vec<Option<Exclusion<'a>>>,
    requirements: Vec<Requirement<'a>>,
    chosen: Vec<PackageId>,
    excluded: Vec<PackageId>,
    dead_ends: usize,
}

/// Lengths of the search's logs, to which it can be taken back.
#[derive(Clone, Copy)]
struct Mark {
    requirements: usize,
    chosen: usize,
    excluded: usize,
}

/// What the next step of the search is.
enum Step<'a> {
    Require(Requirement<'a>, Vec<Provider<'a>>),
    InstallIf(PackageId),
    Done,
}

/// Chooses packages for `world`; the returned choices are by package.
pub(crate) fn run<'a>(
    universe: &Universe<'a>,
    world: &'a [Dependency],
) -> Result<Vec<Option<Choice<'a>>>, Conflict> {
    let mut search = Search {
        universe,
        choices: universe.ids().map(|_| None).collect(),
        exclusions: universe.ids().map(|id| universe.defect(id).map(Exclusion::Defect)).collect(),
        requirements: Vec::new(),
        chosen: Vec::new(),
        excluded: Vec::new(),
        dead_ends: 0,
    };
    let mut world: Vec<&Dependency> = world.iter().collect();
    world.sort_by_key(|dependency| (dependency.name.as_str().to_lowercase(), dependency.to_string()));
    let failed = |dead_end: DeadEnd| Conflict { problems: vec![*dead_end.problem] };
    for dependency in world {
        search.impose(None, dependency).map_err(failed)?;
    }
    let problems = search.hopeless();
    if !problems.is_empty() {
        return Err(Conflict { problems });
    }
    search.advance().map_err(failed)?;
    Ok(search.choices)
}

impl<'a> Search<'_, 'a> {
    /// Takes the search to its end from here.
    fn advance(&mut self) -> Result<(), DeadEnd> {
        self.propagate()?;
        match self.next_step()? {
            Step::Done => Ok(()),
            Step::Require(requirement, options) => self.branch(requirement, options),
            Step::InstallIf(id) => self.install_if(id),
        }
    }

    /// Tries the options of a requirement one after the other.
    fn branch(&mut self, requirement: Requirement<'a>, options: Vec<Provider<'a>>) -> Result<(), DeadEnd> {
        let mark = self.mark();
        let mut involved = self.involved(&self.causes_of(&requirement));
        let mut rejections = self.rejections(&requirement);
        let cause = Cause::Dependency(requirement.requirer, requirement.dependency);
        for option in options {
            let id = option.package;
            let dead_end = match self.choose(id, cause, None).and_then(|()| self.advance()) {
                Ok(()) => return Ok(()),
                Err(dead_end) => dead_end,
            };
            self.undo(mark);
            if !dead_end.involved.contains(&id) {
                return Err(dead_end);
            }
            self.dead_ends += 1;
            let name = self.universe.record(id).display_name();
            let tried = rejections.iter_mut().filter(|rejection| rejection.package == name);
            tried.for_each(|rejection| rejection.why = Why::Tried(dead_end.problem.clone()));
            involved.extend(dead_end.involved.into_iter().filter(|other| *other != id));
            if self.dead_ends > MAX_DEAD_ENDS {
                break;
            }
        }
        Err(DeadEnd { involved, problem: Box::new(self.problem(&requirement, rejections)) })
    }

    /// Tries a package whose `install_if` holds; if that fails because of the package,
    /// goes on without it.
    fn install_if(&mut self, id: PackageId) -> Result<(), DeadEnd> {
        let mark = self.mark();
        let Err(dead_end) = self.choose(id, Cause::InstallIf, None).and_then(|()| self.advance()) else {
            return Ok(());
        };
        self.undo(mark);
        if !dead_end.involved.contains(&id) || self.dead_ends > MAX_DEAD_ENDS {
            return Err(dead_end);
        }
        self.dead_ends += 1;
        self.exclude(id, Exclusion::Failed(dead_end));
        self.advance()
    }

    /// Chooses what has no alternative until every open requirement has one.
    fn propagate(&mut self) -> Result<(), DeadEnd> {
        let mut index = 0;
        while let Some(requirement) = self.requirements.get(index).copied() {
            index += 1;
            if self.is_provided(requirement.dependency) {
                continue;
            }
            let options = self.options(requirement.dependency);
            match options[..] {
                [] => return Err(self.dead_end(&requirement)),
                [option] if self.universe.is_eligible(&option) => {
                    let causes = self.causes_of(&requirement);
                    let cause = Cause::Dependency(requirement.requirer, requirement.dependency);
                    self.choose(option.package, cause, Some(causes))?;
                    index = 0;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What to try next: packages whose `install_if` surely holds, then open
    /// requirements, then packages whose `install_if` needs something to be absent.
    /// Names that packages bear go before names they only provide: a package asked for
    /// by name may provide what else is asked for.
    fn next_step(&self) -> Result<Step<'a>, DeadEnd> {
        if let Some(id) = self.triggered(false) {
            return Ok(Step::InstallIf(id));
        }
        let (mut provided, mut stuck) = (None, None);
        for requirement in
            self.requirements.iter().filter(|requirement| !self.is_provided(requirement.dependency))
        {
            let mut options = self.options(requirement.dependency);
            options.retain(|option| self.universe.is_eligible(option));
            let name = &requirement.dependency.name;
            options.sort_by(|a, b| self.universe.by_preference(name, a, b));
            if options.is_empty() {
                stuck = stuck.or(Some(*requirement));
            } else if self.universe.is_borne(name) {
                return Ok(Step::Require(*requirement, options));
            } else {
                provided = provided.or(Some(Step::Require(*requirement, options)));
            }
        }
        match (provided, stuck) {
            (Some(step), _) => Ok(step),
            (None, Some(requirement)) => Err(self.dead_end(&requirement)),
            (None, None) => Ok(self.triggered(true).map_or(Step::Done, Step::InstallIf)),
        }
    }

    /// The first package whose `install_if` holds and that is still undecided.
    /// Absence can be relied on only when nothing else is left to choose.
    fn triggered(&self, absence_is_final: bool) -> Option<PackageId> {
        let holds = |dependency: &Dependency| {
            let provided = self.is_provided(dependency);
            if dependency.conflict { absence_is_final && !provided } else { provided }
        };
        self.universe.with_install_if().iter().copied().find(|id| {
            self.choices[id.0].is_none()
                && self.exclusions[id.0].is_none()
                && self.universe.record(*id).install_if.iter().all(holds)
        })
    }

    /// Chooses a package and imposes what follows from it.
    fn choose(
        &mut self,
        id: PackageId,
        cause: Cause<'a>,
        forced_by: Option<Vec<PackageId>>,
    ) -> Result<(), DeadEnd> {
        let universe = self.universe;
        self.choices[id.0] = Some(Choice { cause, forced_by });
        self.chosen.push(id);
        for (name, version) in universe.provides(id) {
            for other in universe.providers(name) {
                let both_virtual = version.is_none() && other.version.is_none();
                if other.package != id && !both_virtual {
                    self.exclude(other.package, Exclusion::Provides(id, name));
                }
            }
        }
        universe.record(id).depends.iter().try_for_each(|dependency| self.impose(Some(id), dependency))
    }

    /// Notes a dependency and rules out the providers that contradict it: those it
    /// forbids, and those of its name that it does not accept.
    fn impose(&mut self, requirer: Option<PackageId>, dependency: &'a Dependency) -> Result<(), DeadEnd> {
        let universe = self.universe;
        let requirement = Requirement { dependency, requirer };
        for provider in universe.providers(&dependency.name) {
            let id = provider.package;
            let is_own_conflict = dependency.conflict && Some(id) == requirer;
            if universe.matches(dependency, provider) != dependency.conflict || is_own_conflict {
                continue;
            }
            if self.choices[id.0].is_some() {
                return Err(self.contradiction(&requirement, id));
            }
            self.exclude(id, Exclusion::Constraint(requirer, dependency));
        }
        if !dependency.conflict {
            self.requirements.push(requirement);
        }
        Ok(())
    }

    fn exclude(&mut self, id: PackageId, exclusion: Exclusion<'a>) {
        if self.exclusions[id.0].is_none() {
            self.exclusions[id.0] = Some(exclusion);
            self.excluded.push(id);
        }
    }

    /// Whether a chosen package is what the dependency names, a leading `!` aside.
    fn is_provided(&self, dependency: &Dependency) -> bool {
        let mut providers = self.universe.providers(&dependency.name).iter();
        providers.any(|provider| {
            self.choices[provider.package.0].is_some() && self.universe.matches(dependency, provider)
        })
    }

    /// The providers that may still be chosen for the dependency.
    fn options(&self, dependency: &Dependency) -> Vec<Provider<'a>> {
        let providers = self.universe.providers(&dependency.name).iter().copied();
        providers
            .filter(|provider| {
                self.exclusions[provider.package.0].is_none() && self.universe.matches(dependency, provider)
            })
            .collect()
    }

    /// Chosen packages that brought the requirement in or rule out providers for it.
    fn causes_of(&self, requirement: &Requirement<'_>) -> Vec<PackageId> {
        let mut causes: Vec<PackageId> = requirement.requirer.into_iter().collect();
        for provider in self.universe.providers(&requirement.dependency.name) {
            match &self.exclusions[provider.package.0] {
                Some(Exclusion::Constraint(by, _)) => causes.extend(*by),
                Some(Exclusion::Provides(by, _)) => causes.push(*by),
                Some(Exclusion::Failed(dead_end)) => causes.extend(&dead_end.involved),
                Some(Exclusion::Defect(_)) => {}
                // Another choice elsewhere could have brought this one in.
                None if !self.universe.is_eligible(provider) => causes.extend(&self.chosen),
                None => {}
            }
        }
        causes
    }

    /// The choices with alternatives that `causes` go back to.
    fn involved(&self, causes: &[PackageId]) -> BTreeSet<PackageId> {
        let (mut involved, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), causes.to_vec());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.choices[id.0].as_ref().map(|choice| &choice.forced_by) {
                Some(Some(forced_by)) => open.extend(forced_by),
                Some(None) => drop(involved.insert(id)),
                None => {}
            }
        }
        involved
    }

    fn dead_end(&self, requirement: &Requirement<'_>) -> DeadEnd {
        DeadEnd {
            involved: self.involved(&self.causes_of(requirement)),
            problem: Box::new(self.problem(requirement, self.rejections(requirement))),
        }
    }

    /// The dead end of a dependency that the chosen package `id` contradicts.
    fn contradiction(&self, requirement: &Requirement<'_>, id: PackageId) -> DeadEnd {
        let causes: Vec<PackageId> = requirement.requirer.into_iter().chain([id]).collect();
        let rejection = Rejection {
            package: self.universe.record(id).display_name(),
            why: Why::Excluded(self.chain_to(id)),
        };
        let problem = Box::new(self.problem(requirement, vec![rejection]));
        DeadEnd { involved: self.involved(&causes), problem }
    }

    /// Requirements of the world that no choice at all can meet.
    fn hopeless(&self) -> Vec<Problem> {
        let without_options = self.requirements.iter().filter(|requirement| {
            self.options(requirement.dependency).is_empty() && !self.is_provided(requirement.dependency)
        });
        without_options.map(|requirement| self.problem(requirement, self.rejections(requirement))).collect()
    }

    fn mark(&self) -> Mark {
        Mark {
            requirements: self.requirements.len(),
            chosen: self.chosen.len(),
            excluded: self.excluded.len(),
        }
    }

    fn undo(&mut self, mark: Mark) {
        self.requirements.truncate(mark.requirements);
        for id in self.chosen.drain(mark.chosen..) {
            self.choices[id.0] = None;
        }
        for id in self.excluded.drain(mark.excluded..) {
            self.exclusions[id.0] = None;
        }
    }
}
