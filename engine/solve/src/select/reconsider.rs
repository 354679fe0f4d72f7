//! A second look at a name: which of its packages are still possible, and what all of
//! them have in common and therefore is sure.

use std::collections::BTreeMap;

use super::{Selection, queue};
use crate::pool::{Claim, NameId, PackageId};

/// Names that come up with every candidate seen so far.
#[derive(Default)]
struct Common {
    counts: BTreeMap<NameId, usize>,
}

impl Common {
    /// Counts a name in for the candidate with this index; whether it is the first time
    /// and it came up with all before.
    fn note(&mut self, name: NameId, index: usize) -> bool {
        let count = self.counts.entry(name).or_default();
        let is_new = *count == index;
        *count += usize::from(is_new);
        is_new
    }

    /// Whether the name came up with all of `total` candidates. Answers once.
    fn take(&mut self, name: NameId, total: usize) -> bool {
        self.counts.remove(&name) == Some(total)
    }
}

/// What the candidates of a name have in common.
#[derive(Default)]
struct Candidates {
    first: Option<PackageId>,
    count: usize,
    not_allowed: usize,
    depends: Common,
    provides: Common,
    /// Names that some candidate provides without a version.
    virtually: BTreeMap<NameId, bool>,
}

impl Selection<'_> {
    pub(super) fn reconsider(&mut self, name: NameId) {
        let pool = self.pool;
        let state = &mut self.names[name.index()];
        let recheck_depends = std::mem::take(&mut state.recheck_depends);
        let recheck_install_if = std::mem::take(&mut state.recheck_install_if);
        let is_required = state.requirers > 0;
        let (mut is_triggered, mut can_trigger, mut is_eligible) = (false, false, false);
        let mut candidates = Candidates::default();
        for claim in pool.claims(name).iter().copied() {
            let id = claim.package;
            self.package_mut(id).was_candidate = false;
            if recheck_depends && self.package(id).is_selectable && !self.is_satisfiable(id) {
                self.strike(id);
            }
            if !self.package(id).is_selectable {
                continue;
            }
            if recheck_install_if {
                self.check_install_if(id);
            }
            is_triggered |= self.package(id).is_triggered;
            is_eligible |= self.package(id).is_triggered;
            can_trigger |= !self.package(id).cannot_trigger;
            if is_required {
                self.note_candidate(claim, &mut candidates);
                is_eligible |= self.is_eligible(claim);
            }
        }
        let state = &mut self.names[name.index()];
        state.has_options = candidates.count > 1 || candidates.not_allowed > 0;
        state.is_triggered = is_triggered;
        state.can_trigger = can_trigger;
        let order = if state.is_eligible == is_eligible { queue::Order::Kept } else { queue::Order::Renewed };
        state.is_eligible = is_eligible;
        self.apply_common(name, candidates);
        let dependants = &self.reverse.depends[name.index()];
        let is_free =
            dependants.iter().all(|other| !self.name(*other).is_seen || self.name(*other).is_settled);
        self.names[name.index()].is_free = is_free;
        self.queues.open(&mut self.names, name, order);
    }

    /// Whether everything the package depends on can still be had.
    fn is_satisfiable(&self, id: PackageId) -> bool {
        let pool = self.pool;
        let package = pool.package(id);
        package.depends.iter().zip(&package.record.depends).all(|(name, dependency)| {
            let state = self.name(*name);
            if dependency.conflict && self.ignores_conflicts() {
                return true;
            }
            if state.is_settled {
                return pool.fulfils(Some(id), dependency, state.chosen);
            }
            let absence_will_do = state.requirers == 0 && pool.fulfils(Some(id), dependency, None);
            absence_will_do
                || pool.claims(*name).iter().any(|claim| {
                    self.package(claim.package).is_selectable
                        && pool.fulfils(Some(id), dependency, Some(*claim))
                })
        })
    }

    /// Whether what the package waits for in its `install_if` is there.
    fn check_install_if(&mut self, id: PackageId) {
        let pool = self.pool;
        let package = pool.package(id);
        let terms = || package.install_if.iter().copied().zip(&package.record.install_if);
        if !self.package(id).is_triggered && !self.package(id).cannot_trigger {
            self.package_mut(id).is_triggered = true;
            for (name, dependency) in terms() {
                if !self.name(name).is_settled {
                    if dependency.conflict {
                        self.names[name.index()].is_awaited = true;
                        self.queues.open(&mut self.names, name, queue::Order::Kept);
                    }
                    self.package_mut(id).is_triggered = false;
                    break;
                }
                if !pool.fulfils(Some(id), dependency, self.name(name).chosen) {
                    self.package_mut(id).is_triggered = false;
                    self.package_mut(id).cannot_trigger = true;
                    break;
                }
            }
        }
        if self.package(id).is_triggered {
            for (name, _) in terms() {
                let from = self.name(name).chosen.map(|claim| claim.package);
                self.inherit(id, from);
            }
        }
    }

    fn note_candidate(&mut self, claim: Claim, candidates: &mut Candidates) {
        let pool = self.pool;
        let id = claim.package;
        let index = candidates.count;
        let package = pool.package(id);
        self.package_mut(id).was_candidate = true;
        candidates.first.get_or_insert(id);
        for (name, dependency) in package.depends.iter().zip(&package.record.depends) {
            if !dependency.conflict {
                candidates.depends.note(*name, index);
            }
        }
        for (name, provided) in pool.claims_of(id) {
            // For the package's own name it counts how it claims the name looked at.
            let provided = if name == package.name { claim } else { provided };
            if candidates.provides.note(name, index) {
                *candidates.virtually.entry(name).or_default() |= pool.version(provided).is_none();
            }
        }
        candidates.not_allowed += usize::from(!self.package(id).is_tag_allowed);
        candidates.count += 1;
    }

    /// What every candidate depends on is needed; what every candidate provides,
    /// nobody else may.
    fn apply_common(&mut self, name: NameId, mut candidates: Candidates) {
        let Some(first) = candidates.first else { return };
        let pool = self.pool;
        for claim in pool.claims(name) {
            let state = self.package_mut(claim.package);
            state.was_in_group = state.was_candidate;
        }
        let total = candidates.count;
        let package = pool.package(first);
        for (needed, dependency) in package.depends.iter().copied().zip(&package.record.depends) {
            if !candidates.depends.take(needed, total) {
                continue;
            }
            if total == 1 {
                self.apply(Some(first), (needed, dependency));
            } else if self.name(needed).requirers == 0 {
                self.require(needed);
                pool.providers(needed).for_each(|id| self.inherit(id, Some(first)));
            }
        }
        for provided in pool.names_of(first) {
            if candidates.provides.take(provided, total) {
                let spares_virtual = candidates.virtually.get(&provided).copied().unwrap_or(false);
                self.exclude_others(provided, name, spares_virtual);
            }
        }
    }

    /// Strikes off the packages that provide `provided` but not `name`: whoever is
    /// chosen for `name` provides both.
    fn exclude_others(&mut self, provided: NameId, name: NameId, spares_virtual: bool) {
        if provided == name || self.ignores_conflicts() {
            return;
        }
        let pool = self.pool;
        for claim in pool.claims(provided) {
            let id = claim.package;
            let is_virtual = |claim: Claim| spares_virtual && pool.version(claim).is_none();
            let is_spared = is_virtual(*claim)
                || pool.claims_of(id).any(|(other, claim)| other == name || is_virtual(claim));
            if self.package(id).is_selectable && !is_spared {
                self.strike(id);
            }
        }
    }
}
