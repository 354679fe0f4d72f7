//! Which of two packages that both could fulfil a name apk prefers.

use std::cmp::Ordering;

use super::{Flags, Selection, Stability};
use crate::pool::{Claim, TagId};

impl Selection<'_> {
    /// Whether `a` is preferred over `b`, both claiming the same name. On a draw it is
    /// not: what came first stays.
    pub(super) fn prefers(&self, a: Claim, b: Claim) -> bool {
        let flags = self.package(a.package).flags | self.package(b.package).flags;
        let default = |claim: Claim| self.package(claim.package).allowed_tags == TagId::DEFAULT.bit();
        let order = if flags.has(Flags::LATEST) && default(a) && default(b) {
            self.by_newness_first(a, b, flags)
        } else {
            self.by_fitness(a, b, flags)
        };
        let order = order
            .then_with(|| self.by_version(a, b))
            .then_with(|| self.by_priority(a, b))
            .then_with(|| if flags.has(Flags::REMOVE) { Ordering::Equal } else { self.by_installed(a, b) })
            .then_with(|| self.by(a, b, |state| state.is_selectable))
            .then_with(|| self.by_repository(a, b));
        order == Ordering::Greater
    }

    /// With `--latest` whether a package can be installed at all comes last.
    fn by_newness_first(&self, a: Claim, b: Claim, flags: Flags) -> Ordering {
        let order = self.by(a, b, |state| state.is_tag_allowed);
        order.then_with(|| {
            if flags.has(Flags::AVAILABLE) {
                self.by(a, b, |state| state.is_available)
            } else if flags.has(Flags::REINSTALL) {
                self.by(a, b, |state| state.is_selectable)
            } else {
                Ordering::Equal
            }
        })
    }

    fn by_fitness(&self, a: Claim, b: Claim, flags: Flags) -> Ordering {
        let keeps_installed = flags.has(Flags::INSTALLED)
            || (self.stability == Stability::Reluctant && !flags.has(Flags::UPGRADE));
        let is_plain = !flags.has(Flags::REMOVE | Flags::UPGRADE);
        self.by(a, b, |state| state.is_selectable)
            .then_with(|| self.by(a, b, |state| state.was_in_group))
            .then_with(|| self.package(b.package).conflicts.cmp(&self.package(a.package).conflicts))
            .then_with(|| if keeps_installed { self.by_installed(a, b) } else { Ordering::Equal })
            .then_with(|| self.by(a, b, |state| state.is_tag_allowed))
            .then_with(|| {
                if flags.has(Flags::AVAILABLE) {
                    self.by(a, b, |state| state.is_available)
                } else {
                    Ordering::Equal
                }
            })
            .then_with(|| self.by(a, b, |state| state.is_tag_preferred))
            .then_with(|| {
                if is_plain && self.are_comparable(a, b) { self.by_installed(a, b) } else { Ordering::Equal }
            })
    }

    /// Packages of different names that both provide a name virtually do not stand in
    /// for each other, so that one is installed says nothing.
    fn are_comparable(&self, a: Claim, b: Claim) -> bool {
        let name = |claim: Claim| self.pool.package(claim.package).name;
        name(a) == name(b) || self.pool.version(a).is_some() || self.pool.version(b).is_some()
    }

    fn by(&self, a: Claim, b: Claim, key: impl Fn(&super::PackageState) -> bool) -> Ordering {
        key(self.package(a.package)).cmp(&key(self.package(b.package)))
    }

    fn by_installed(&self, a: Claim, b: Claim) -> Ordering {
        let is_installed = |claim: Claim| self.pool.package(claim.package).installed.is_some();
        is_installed(a).cmp(&is_installed(b))
    }

    /// The newest by the version the name is provided as, then by the package's own.
    fn by_version(&self, a: Claim, b: Claim) -> Ordering {
        let provided = match (self.pool.version(a), self.pool.version(b)) {
            (Some(a), Some(b)) => a.compare(b),
            _ => Ordering::Equal,
        };
        provided.then_with(|| {
            let (a, b) = (self.pool.package(a.package), self.pool.package(b.package));
            if a.name == b.name { a.record.version.compare(&b.record.version) } else { Ordering::Equal }
        })
    }

    fn by_priority(&self, a: Claim, b: Claim) -> Ordering {
        let priority = |claim: Claim| self.pool.package(claim.package).record.provider_priority.unwrap_or(0);
        priority(a).cmp(&priority(b))
    }

    /// The one of the repository named first; one of no repository before all.
    fn by_repository(&self, a: Claim, b: Claim) -> Ordering {
        let first = |claim: Claim| self.pool.package(claim.package).repositories().next();
        first(b).cmp(&first(a))
    }
}
