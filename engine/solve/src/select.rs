//! apk's own choice: deterministic, without going back on a decision.
//!
//! What the world asks for is followed down; where only one package is left it is
//! taken, where several are the preferred one is, and a package that has become
//! impossible is struck off. Bound to give apk's answer, errors included, so it finds
//! no solution in some cases that have one; [`crate::solve`] is the complete search.
//! Unaware of how changes are ordered and shown.

use wiz_apk::Dependency;

use crate::pool::{Claim, NameId, PackageId, Pool, RepositorySet, Reverse, TagId, TagSet};

mod prefer;
mod queue;
mod reconsider;
mod state;

use queue::Queues;
pub(crate) use state::{NameState, PackageState};

/// Something the world asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The name of [`Wish::dependency`] in the pool.
    pub name: NameId,
    /// What is asked for.
    pub dependency: Dependency,
    /// The tag whose repositories may be used for it beside the untagged ones.
    pub tag: TagId,
}

/// What is to be preferred when packages of a name are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// The newest package, over the installed one.
    pub const UPGRADE: Self = Self(1);
    /// What a repository has, over what is only installed.
    pub const AVAILABLE: Self = Self(2);
    /// The installed package is installed again.
    pub const REINSTALL: Self = Self(4);
    /// The newest package even where it cannot be installed.
    pub const LATEST: Self = Self(8);
    /// The installed package stays.
    pub const INSTALLED: Self = Self(16);
    /// Being installed is no advantage.
    pub const REMOVE: Self = Self(32);

    /// Whether any of `other`'s flags is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These flags without `other`'s.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl std::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Flags for the packages that have or provide a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameFlags {
    /// The name.
    pub name: NameId,
    /// For the packages themselves.
    pub own: Flags,
    /// For what they depend on.
    pub inherited: Flags,
}

/// What is asked of apk.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// What shall be installed when it is done.
    pub world: Vec<Wish>,
    /// Flags for everything.
    pub flags: Flags,
    /// Flags for some names.
    pub names: Vec<NameFlags>,
    /// Whether conflicts between packages count.
    pub conflicts: Conflicts,
    /// Whether what needs no change is kept as it is.
    pub stability: Stability,
}

/// Whether conflicts between packages count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// They do.
    Kept,
    /// They do not: what is chosen is never installed together.
    Ignored,
}

/// How far a transaction may reach beyond the packages it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// As preferences have it.
    Free,
    /// Installed packages stay where nothing says otherwise: apk upgrades itself first
    /// with the fewest changes.
    Reluctant,
}

impl Transaction {
    /// A transaction towards `world`, in the order apk shows it, without flags.
    #[must_use]
    pub fn new(pool: &Pool, mut world: Vec<Wish>) -> Self {
        world.sort_by_cached_key(|wish| {
            let (folded, text) = pool.display_key(wish.name);
            (folded, text.to_owned())
        });
        Self {
            world,
            flags: Flags::default(),
            names: Vec::new(),
            conflicts: Conflicts::Kept,
            stability: Stability::Free,
        }
    }
}

/// A choice in progress.
#[derive(Debug)]
pub(crate) struct Selection<'p> {
    pub(crate) pool: &'p Pool,
    pub(crate) reverse: Reverse,
    pub(crate) names: Vec<NameState>,
    pub(crate) packages: Vec<PackageState>,
    pub(crate) errors: usize,
    pub(crate) conflicts: Conflicts,
    stability: Stability,
    queues: Queues,
    default_repositories: RepositorySet,
    /// Flags and tags that wishes of the world pass on while they are applied.
    world_flags: Flags,
    world_tags: TagSet,
    order: u32,
}

/// A step of the walk that numbers names.
enum Discovery {
    Name(NameId),
    Package(PackageId),
    Number(NameId),
}

impl<'p> Selection<'p> {
    /// Chooses packages for the transaction, those of its wishes in `disregarded` left
    /// out (by index).
    pub(crate) fn run(pool: &'p Pool, transaction: &Transaction, disregarded: &[usize]) -> Self {
        let mut selection = Self {
            pool,
            reverse: Reverse::of(pool),
            names: vec![NameState::default(); pool.name_count()],
            packages: vec![PackageState::default(); pool.package_count()],
            errors: 0,
            conflicts: transaction.conflicts,
            stability: transaction.stability,
            queues: Queues::default(),
            default_repositories: pool.allowed(TagId::DEFAULT.bit()),
            world_flags: transaction.flags,
            world_tags: 0,
            order: 0,
        };
        for NameFlags { name, own, inherited } in transaction.names.iter().copied() {
            selection.names[name.index()].is_flagged = true;
            for id in pool.providers(name) {
                let package = &mut selection.packages[id.index()];
                package.flags |= own;
                package.inherited |= inherited;
            }
        }
        let wishes = || {
            let counted = transaction.world.iter().enumerate();
            counted.filter(|(index, _)| !disregarded.contains(index)).map(|(_, wish)| wish)
        };
        wishes().for_each(|wish| selection.discover(wish.name));
        for wish in wishes() {
            selection.world_tags = wish.tag.bit();
            selection.apply(None, (wish.name, &wish.dependency));
        }
        selection.world_flags = Flags::default();
        selection.world_tags = 0;
        selection.settle();
        selection
    }

    fn settle(&mut self) {
        loop {
            while let Some(name) = self.queues.next_changed(&mut self.names) {
                self.reconsider(name);
            }
            match self.queues.next_open(&mut self.names) {
                Some(name) => self.decide(name),
                None => return,
            }
        }
    }

    pub(crate) fn name(&self, name: NameId) -> &NameState {
        &self.names[name.index()]
    }

    pub(crate) fn package(&self, id: PackageId) -> &PackageState {
        &self.packages[id.index()]
    }

    fn package_mut(&mut self, id: PackageId) -> &mut PackageState {
        &mut self.packages[id.index()]
    }

    fn ignores_conflicts(&self) -> bool {
        self.conflicts == Conflicts::Ignored
    }

    /// Walks everything a name may lead to, depth first, and numbers the names from the
    /// leaves up. The numbers decide what is settled first.
    fn discover(&mut self, name: NameId) {
        let pool = self.pool;
        let mut steps = vec![Discovery::Name(name)];
        while let Some(step) = steps.pop() {
            // What is pushed last is walked first.
            let start = steps.len();
            match step {
                Discovery::Name(name) if !std::mem::replace(&mut self.names[name.index()].is_seen, true) => {
                    let packages = || pool.providers(name);
                    steps.extend(packages().map(Discovery::Package));
                    steps.extend(self.waiting(name).iter().copied().map(Discovery::Name));
                    for id in packages() {
                        steps
                            .extend(self.waiting(pool.package(id).name).iter().copied().map(Discovery::Name));
                        steps.extend(pool.package(id).provides.iter().copied().map(Discovery::Name));
                    }
                    steps.push(Discovery::Number(name));
                    for id in packages() {
                        steps.extend(pool.package(id).install_if.iter().copied().map(Discovery::Name));
                    }
                    self.names[name.index()].can_trigger = packages().any(|id| self.may_trigger(id));
                }
                Discovery::Package(id) if !self.package(id).is_seen => {
                    self.meet(id);
                    steps.extend(pool.package(id).depends.iter().copied().map(Discovery::Name));
                }
                Discovery::Number(name) => {
                    let is_borne = pool.bearers(name).next().is_some();
                    self.order += 1;
                    let state = &mut self.names[name.index()];
                    state.order = (state.is_flagged, is_borne, self.order);
                }
                Discovery::Name(_) | Discovery::Package(_) => {}
            }
            steps[start..].reverse();
        }
    }

    fn waiting(&self, name: NameId) -> &[NameId] {
        &self.reverse.install_if[name.index()]
    }

    /// Whether the package can come in by its `install_if`. One that no repository has
    /// any more does not, if only what is available counts.
    fn may_trigger(&self, id: PackageId) -> bool {
        let package = self.pool.package(id);
        !package.install_if.is_empty() && (!self.world_flags.has(Flags::AVAILABLE) || self.is_available(id))
    }

    fn is_available(&self, id: PackageId) -> bool {
        self.pool.package(id).is_file || self.pool.is_reachable(id)
    }

    /// First look at a package.
    fn meet(&mut self, id: PackageId) {
        let package = self.pool.package(id);
        let is_available = self.is_available(id);
        let has_no_files = package.record.installed_size == 0;
        let is_preferred =
            package.is_file || has_no_files || self.pool.repositories_of(id) & self.default_repositories != 0;
        let is_at_hand = is_available
            || package.is_cached
            || package.is_listed_in_cache
            || has_no_files
            || package.installed.is_some();
        let cannot_trigger = !self.may_trigger(id);
        let state = self.package_mut(id);
        state.is_seen = true;
        state.allowed_tags = TagId::DEFAULT.bit();
        state.preferred_tags = TagId::DEFAULT.bit();
        state.is_available = is_available;
        state.is_selectable = !package.is_uninstallable && is_at_hand;
        state.cannot_trigger = cannot_trigger;
        state.is_tag_preferred = is_preferred;
        state.is_tag_allowed = is_preferred || package.is_listed_in_cache || package.installed.is_some();
    }

    /// Counts a dependency in: its name is needed, packages that do not fulfil it are
    /// struck off, those that do inherit flags and tags.
    fn apply(&mut self, requirer: Option<PackageId>, (name, dependency): (NameId, &Dependency)) {
        if dependency.conflict && self.ignores_conflicts() {
            return;
        }
        if !dependency.conflict {
            self.require(name);
        }
        let pool = self.pool;
        for claim in pool.claims(name) {
            let id = claim.package;
            let fulfils = pool.fulfils(requirer, dependency, Some(*claim));
            let state = self.package_mut(id);
            state.conflicts += u32::from(!fulfils);
            if state.is_selectable && state.conflicts > 0 {
                self.strike(id);
            }
            if fulfils {
                self.inherit(id, requirer);
            }
        }
    }

    fn require(&mut self, name: NameId) {
        let state = &mut self.names[name.index()];
        state.requirers += 1;
        if state.requirers == 1 {
            self.queues.open(&mut self.names, name, queue::Order::Kept);
            self.recheck_waiting(name);
            self.queues.change(&mut self.names, name);
        }
    }

    fn inherit(&mut self, id: PackageId, from: Option<PackageId>) {
        let repositories = self.pool.repositories_of(id);
        let (world_flags, world_tags) = (self.world_flags, self.world_tags);
        let parent = from.map(|from| (self.package(from).inherited, self.package(from).allowed_tags));
        let preferred = self.pool.allowed(world_tags);
        let state = self.package_mut(id);
        match parent {
            Some((inherited, tags)) => {
                state.flags |= inherited;
                state.inherited |= inherited;
                state.allowed_tags |= tags;
            }
            None => {
                state.flags |= world_flags;
                state.inherited |= world_flags;
                state.allowed_tags |= world_tags;
                state.preferred_tags = world_tags;
                state.is_tag_preferred = repositories & preferred != 0;
            }
        }
        let allowed = self.package(id).allowed_tags;
        let is_allowed = repositories & self.pool.allowed(allowed) != 0;
        self.package_mut(id).is_tag_allowed |= is_allowed;
    }

    /// The package cannot be chosen any more.
    fn strike(&mut self, id: PackageId) {
        self.package_mut(id).is_selectable = false;
        let pool = self.pool;
        pool.names_of(id).for_each(|name| self.recheck_dependants(name));
        self.recheck_waiting_for(id);
    }

    fn recheck_dependants(&mut self, name: NameId) {
        for dependant in self.reverse.depends[name.index()].clone() {
            if self.name(dependant).is_seen {
                self.names[dependant.index()].recheck_depends = true;
                self.queues.change(&mut self.names, dependant);
            }
        }
    }

    fn recheck_waiting(&mut self, name: NameId) {
        for waiting in self.waiting(name).to_vec() {
            let state = &mut self.names[waiting.index()];
            if state.is_seen && state.can_trigger {
                state.recheck_install_if = true;
                self.queues.change(&mut self.names, waiting);
            }
        }
    }

    fn recheck_waiting_for(&mut self, id: PackageId) {
        let pool = self.pool;
        pool.names_of(id).for_each(|name| self.recheck_waiting(name));
    }

    /// Settles a name for good: the preferred package, or none.
    fn decide(&mut self, name: NameId) {
        let pool = self.pool;
        let is_required = self.name(name).requirers > 0;
        let mut chosen: Option<Claim> = None;
        if is_required || self.name(name).is_triggered {
            for claim in pool.claims(name).iter().copied() {
                let state = self.package(claim.package);
                let may_come_in = state.is_triggered && state.is_tag_allowed && state.is_selectable;
                if (is_required || may_come_in)
                    && self.is_eligible(claim)
                    && chosen.is_none_or(|best| self.prefers(claim, best))
                {
                    chosen = Some(claim);
                }
            }
        }
        let Some(Claim { package: id, .. }) = chosen else {
            self.assign(name, None);
            self.errors += usize::from(is_required);
            return;
        };
        if !self.package(id).is_selectable || !self.package(id).is_tag_allowed {
            self.mark_wrong(id);
        }
        for (name, claim) in pool.claims_of(id) {
            self.assign(name, Some(claim));
        }
        let package = pool.package(id);
        for (name, dependency) in package.depends.iter().zip(&package.record.depends) {
            self.apply(Some(id), (*name, dependency));
        }
    }

    /// Whether the claim may be chosen without being asked for by its package's name: a
    /// virtual one only with a priority.
    fn is_eligible(&self, claim: Claim) -> bool {
        let package = self.pool.package(claim.package);
        self.pool.version(claim).is_some()
            || package.record.provider_priority.unwrap_or(0) > 0
            || self.name(package.name).requirers > 0
    }

    fn assign(&mut self, name: NameId, claim: Option<Claim>) {
        let pool = self.pool;
        let is_virtual = |claim: Option<Claim>| claim.is_none_or(|claim| pool.version(claim).is_none());
        if self.name(name).is_settled {
            let earlier = self.name(name).chosen;
            let may_share = is_virtual(claim) && is_virtual(earlier);
            if !may_share && !self.ignores_conflicts() {
                [claim, earlier].into_iter().flatten().for_each(|claim| self.mark_wrong(claim.package));
            }
            return;
        }
        self.queues.close(&mut self.names, name);
        let state = &mut self.names[name.index()];
        state.is_settled = true;
        state.chosen = claim;
        let is_required = state.requirers > 0;
        let triggered =
            claim.map(|claim| claim.package).filter(|id| !is_required && self.package(*id).is_triggered);
        if let Some(id) = triggered {
            let package = pool.package(id);
            for (waited, dependency) in package.install_if.iter().zip(&package.record.install_if) {
                if !self.name(*waited).is_settled {
                    self.apply(Some(id), (*waited, dependency));
                }
            }
        }
        if !self.ignores_conflicts() {
            for other in pool.claims(name) {
                let is_same = Some(other.package) == claim.map(|claim| claim.package);
                let may_share = is_virtual(claim) && is_virtual(Some(*other));
                if !is_same && !may_share {
                    self.strike(other.package);
                }
            }
        }
        self.recheck_dependants(name);
        match claim {
            Some(claim) => self.recheck_waiting_for(claim.package),
            None => self.recheck_waiting(name),
        }
    }

    /// The package is part of what does not work out.
    pub(crate) fn mark_wrong(&mut self, id: PackageId) {
        if !std::mem::replace(&mut self.package_mut(id).is_wrong, true) {
            self.errors += 1;
        }
    }
}
