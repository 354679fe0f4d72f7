//! What has to be done to get from what is installed to what was chosen, in order.
//!
//! A package comes behind what it depends on; what makes way for it goes before it,
//! and what depended on that goes before that. Unaware of files.

use wiz_apk::Dependency;

use crate::pool::{NameId, PackageId, Pool, TagId};
use crate::select::{Conflicts, Flags, Selection, Transaction};

/// A step: a package comes, goes, or is put in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// What is installed before.
    pub old: Option<PackageId>,
    /// What is installed afterwards; the same as before if nothing changes.
    pub new: Option<PackageId>,
    /// The tag the old package is pinned to.
    pub old_tag: TagId,
    /// The tag the new one will be pinned to.
    pub new_tag: TagId,
    /// The package shall be installed again.
    pub is_reinstall: bool,
}

impl Change {
    /// Whether the step does anything.
    #[must_use]
    pub fn is_effective(&self) -> bool {
        self.old != self.new || self.is_reinstall || self.old_tag != self.new_tag
    }

    /// The package that is there afterwards, or else the one that was there before.
    #[must_use]
    pub fn subject(&self) -> PackageId {
        self.new.or(self.old).expect("a change has at least one package")
    }
}

/// What came of a transaction.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Steps in order, those without an effect included.
    pub changes: Vec<Change>,
    /// How much does not work out; the changes must not be carried out unless zero.
    pub errors: usize,
    /// Wishes that were left out, by index, if that was asked for.
    pub disregarded: Vec<usize>,
}

/// Chooses packages as apk does and orders what is to be done.
#[must_use]
pub fn choose(pool: &Pool, transaction: &Transaction) -> Outcome {
    choose_without(pool, transaction, &[])
}

/// Like [`choose`], but leaves out wishes that cannot be fulfilled until it works out.
#[must_use]
pub fn choose_what_is_possible(pool: &Pool, transaction: &Transaction) -> Outcome {
    let mut disregarded = Vec::new();
    loop {
        let outcome = choose_without(pool, transaction, &disregarded);
        if outcome.errors == 0 || outcome.disregarded.len() == disregarded.len() {
            return outcome;
        }
        disregarded = outcome.disregarded;
    }
}

fn choose_without(pool: &Pool, transaction: &Transaction, disregarded: &[usize]) -> Outcome {
    let selection = Selection::run(pool, transaction, disregarded);
    let mut order = Order::new(selection);
    order.run(transaction);
    let is_broken = |name: NameId| {
        let chosen = order.selection.name(name).chosen;
        chosen.is_none_or(|claim| order.selection.package(claim.package).is_wrong)
    };
    let broken = transaction.world.iter().enumerate();
    let broken = broken.filter(|(index, wish)| {
        disregarded.contains(index) || (order.selection.errors > 0 && is_broken(wish.name))
    });
    let disregarded = broken.map(|(index, _)| index).collect();
    Outcome { errors: order.selection.errors, changes: order.changes, disregarded }
}

/// A name while changes are put in order.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// The installed package of this name.
    installed: Option<PackageId>,
    /// The name of the installed package that is it or provides it with a version.
    installed_as: Option<NameId>,
    /// Dependencies of installed packages on packages of this name.
    requirers: i64,
    is_processed: bool,
    is_removed: bool,
}

struct Order<'p> {
    selection: Selection<'p>,
    names: Vec<Progress>,
    changes: Vec<Change>,
}

impl<'p> Order<'p> {
    fn new(selection: Selection<'p>) -> Self {
        let pool = selection.pool;
        let mut names = vec![Progress::default(); pool.name_count()];
        for id in pool.installed() {
            let own = pool.package(id).name;
            names[own.index()].installed = Some(id);
            for (name, claim) in pool.claims_of(id) {
                if pool.version(claim).is_some() {
                    names[name.index()].installed_as = Some(own);
                }
            }
        }
        Self { selection, names, changes: Vec::new() }
    }

    fn run(&mut self, transaction: &Transaction) {
        let pool = self.selection.pool;
        pool.installed().for_each(|id| self.count_requirers(id));
        pool.installed().for_each(|id| self.remove_if_orphaned(id));
        for wish in &transaction.world {
            self.follow(None, wish.name, &wish.dependency);
        }
        // What is left may only have changed its provider, so it is looked at as a change.
        pool.installed().for_each(|id| self.process(pool.package(id).name));
    }

    fn chosen(&self, name: NameId) -> Option<PackageId> {
        self.selection.name(name).chosen.map(|claim| claim.package)
    }

    fn progress(&mut self, name: NameId) -> &mut Progress {
        &mut self.names[name.index()]
    }

    fn record(&mut self, old: Option<PackageId>, new: Option<PackageId>) {
        let pool = self.selection.pool;
        let tag = |id: PackageId| pool.package(id).installed.unwrap_or(TagId::DEFAULT);
        let state = new.map(|id| self.selection.package(id));
        let new_tag = new.zip(state).map_or(TagId::DEFAULT, |(id, state)| {
            let repositories = pool.repositories_of(id);
            let fits = |tag: &TagId| {
                state.allowed_tags & tag.bit() != 0 && pool.allowed(tag.bit()) & repositories != 0
            };
            pool.tags().find(fits).unwrap_or(TagId::DEFAULT)
        });
        self.changes.push(Change {
            old,
            new,
            old_tag: old.map_or(TagId::DEFAULT, tag),
            new_tag,
            is_reinstall: state.is_some_and(|state| state.flags.has(Flags::REINSTALL)),
        });
    }

    /// A dependency of what is to be installed: its name is processed first.
    fn follow(&mut self, requirer: Option<PackageId>, name: NameId, dependency: &Dependency) {
        if dependency.conflict && self.selection.conflicts == Conflicts::Ignored {
            return;
        }
        let chosen = self.selection.name(name).chosen;
        if !self.selection.pool.fulfils(requirer, dependency, chosen) {
            requirer.into_iter().for_each(|id| self.selection.mark_wrong(id));
        }
        self.process(name);
        if chosen.is_some_and(|claim| self.selection.package(claim.package).is_wrong) {
            requirer.into_iter().for_each(|id| self.selection.mark_wrong(id));
        }
    }

    /// Brings a name to what was chosen for it, dependencies first.
    fn process(&mut self, name: NameId) {
        if self.names[name.index()].is_processed {
            return;
        }
        self.make_way(name);
        let pool = self.selection.pool;
        let Some(id) = self.chosen(name).filter(|id| !self.selection.package(*id).is_in_changes) else {
            return;
        };
        self.selection.packages[id.index()].is_in_changes = true;
        pool.names_of(id).for_each(|name| self.make_way(name));
        let package = pool.package(id);
        let old = self.names[package.name.index()].installed;
        old.into_iter().for_each(|old| self.each_waiting(old, Self::remove_if_untriggered));
        for (name, dependency) in package.depends.iter().zip(&package.record.depends) {
            self.follow(Some(id), *name, dependency);
        }
        self.record(old, Some(id));
        self.each_waiting(id, Self::process_if_triggered);
        self.count_requirers(id);
        old.into_iter().for_each(|old| self.discount_requirers(old));
    }

    /// Removes what has or provides the name and does not stay.
    fn make_way(&mut self, name: NameId) {
        if std::mem::replace(&mut self.progress(name).is_processed, true) {
            return;
        }
        let pool = self.selection.pool;
        let is_own = self.chosen(name).is_some_and(|id| pool.package(id).name == name);
        if let Some(installed) = self.names[name.index()].installed.filter(|_| !is_own) {
            self.remove(installed);
        }
        for id in pool.providers(name) {
            let own = pool.package(id).name;
            if self.names[own.index()].installed == Some(id) && self.chosen(own).is_none() {
                self.remove(id);
            }
        }
    }

    /// Removes a package, first those that depend on it.
    fn remove(&mut self, id: PackageId) {
        let pool = self.selection.pool;
        let name = pool.package(id).name;
        let stays = self.chosen(name).is_some_and(|chosen| pool.package(chosen).name == name);
        if stays || std::mem::replace(&mut self.selection.packages[id.index()].is_in_changes, true) {
            return;
        }
        self.progress(name).is_removed = true;
        for name in pool.names_of(id) {
            for dependant in self.selection.reverse.depends[name.index()].clone() {
                for other in pool.providers(dependant) {
                    if pool.package(other).installed.is_some() && self.depends_on(other, id) {
                        self.remove(other);
                    }
                }
            }
        }
        self.each_waiting(id, Self::remove_if_untriggered);
        self.record(Some(id), None);
        self.discount_requirers(id);
    }

    fn depends_on(&self, dependant: PackageId, id: PackageId) -> bool {
        let pool = self.selection.pool;
        let package = pool.package(dependant);
        let mut dependencies = package.depends.iter().copied().zip(&package.record.depends);
        dependencies.any(|dependency| pool.relation(Some(dependant), dependency, id) == Some(true))
    }

    fn each_waiting(&mut self, id: PackageId, act: impl Fn(&mut Self, NameId)) {
        let pool = self.selection.pool;
        for name in pool.names_of(id) {
            for waiting in self.selection.reverse.install_if[name.index()].clone() {
                act(self, waiting);
            }
        }
    }

    /// Processes the name if all that its package waits for has been.
    fn process_if_triggered(&mut self, name: NameId) {
        let pool = self.selection.pool;
        let Some(id) = self.chosen(name) else { return };
        let package = pool.package(id);
        let is_ready = package.install_if.iter().zip(&package.record.install_if).all(|(name, dependency)| {
            (dependency.conflict || self.names[name.index()].is_processed)
                && pool.fulfils(Some(id), dependency, self.selection.name(*name).chosen)
        });
        if is_ready {
            self.process(name);
        }
    }

    /// Removes the name's package if something goes that it waited for.
    fn remove_if_untriggered(&mut self, name: NameId) {
        let Progress { installed: Some(id), is_processed: false, is_removed: false, .. } =
            self.names[name.index()]
        else {
            return;
        };
        if self.chosen(name).is_some() {
            return;
        }
        let terms = &self.selection.pool.package(id).install_if;
        let is_gone = |name: &NameId| self.names[name.index()].is_removed && self.chosen(*name).is_none();
        if terms.iter().any(is_gone) {
            self.remove_if_orphaned(id);
        }
    }

    /// Removes a package that nothing depends on and nothing takes the place of.
    fn remove_if_orphaned(&mut self, id: PackageId) {
        let name = self.selection.pool.package(id).name;
        if self.names[name.index()].requirers == 0 && self.chosen(name).is_none() {
            self.remove(id);
        }
    }

    /// The names of installed packages that a package's dependencies count for.
    fn required(&self, id: PackageId) -> Vec<(NameId, NameId)> {
        let package = self.selection.pool.package(id);
        let dependencies = package.depends.iter().zip(&package.record.depends);
        let names = dependencies.filter(|(_, dependency)| !dependency.conflict).map(|(name, _)| *name);
        names.filter_map(|name| Some((name, self.names[name.index()].installed_as?))).collect()
    }

    fn count_requirers(&mut self, id: PackageId) {
        for (_, installed) in self.required(id) {
            self.progress(installed).requirers += 1;
        }
    }

    /// A package's dependencies do not count any more; packages nothing depends on then
    /// go too.
    fn discount_requirers(&mut self, id: PackageId) {
        for (name, installed) in self.required(id) {
            self.progress(installed).requirers -= 1;
            let is_orphan = self.names[installed.index()].requirers <= 0;
            if let Some(orphan) = self.names[name.index()].installed.filter(|_| is_orphan) {
                self.remove(orphan);
            }
        }
    }
}
