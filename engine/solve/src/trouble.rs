//! Why a transaction does not work out, in the terms apk reports it.
//!
//! Looks at what was chosen as a whole: names that nothing fulfils, packages that are
//! masked, packages that break a dependency or bear a name twice. Unaware of columns
//! and terminals.

use std::collections::{BTreeMap, BTreeSet};

use wiz_apk::{Constraint, Dependency, Operator};

use crate::change::Outcome;
use crate::pool::{NameId, PackageId, Pool, Reverse, TagId};
use crate::select::Transaction;

/// Something that does not work out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// `name-version` of a package, or a name with what is the matter in parentheses.
    pub subject: String,
    /// What is known about it.
    pub facts: Vec<Fact>,
}

/// Something known about what does not work out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// `conflicts`, `breaks`, `satisfies` and the like.
    pub label: &'static str,
    /// Packages, `package[dependency]`, or the words of a sentence.
    pub items: Vec<String>,
}

impl Fact {
    fn new(label: &'static str, items: impl IntoIterator<Item = String>) -> Self {
        Self { label, items: items.into_iter().collect() }
    }
}

/// What stands in the way of `transaction`, given what was chosen for it.
#[must_use]
pub fn explain(pool: &Pool, transaction: &Transaction, outcome: &Outcome) -> Vec<Trouble> {
    let chosen = outcome.changes.iter().filter_map(|change| change.new);
    let mut report = Report {
        pool,
        reverse: Reverse::of(pool),
        transaction,
        chosen: chosen.collect(),
        reached: BTreeMap::new(),
        names: vec![Presence::default(); pool.name_count()],
        troubles: Vec::new(),
    };
    let wishes = || transaction.world.iter().filter(|wish| !wish.dependency.conflict).map(|wish| wish.name);
    wishes().for_each(|name| report.reach(name, Way::Needed));
    wishes().for_each(|name| report.check_name(name));
    for change in &outcome.changes {
        let Some(id) = change.new else { continue };
        report.check_package(id, change.new_tag);
        let package = pool.package(id);
        for (name, dependency) in package.depends.iter().zip(&package.record.depends) {
            if !dependency.conflict {
                report.check_name(*name);
            }
        }
    }
    report.troubles
}

/// How a name or package is reached from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// By dependencies.
    Needed,
    /// By its `install_if`.
    Triggered,
    /// Only as one of the packages that provide a name without a version.
    Virtual,
}

/// How a name is fulfilled.
#[derive(Debug, Clone, Copy, Default)]
struct Presence {
    is_there: bool,
    is_reported: bool,
}

struct Report<'p> {
    pool: &'p Pool,
    reverse: Reverse,
    transaction: &'p Transaction,
    chosen: BTreeSet<PackageId>,
    reached: BTreeMap<PackageId, BTreeSet<Way>>,
    names: Vec<Presence>,
    troubles: Vec<Trouble>,
}

impl Report<'_> {
    /// Follows a name to the chosen packages behind it and on to what they need.
    fn reach(&mut self, name: NameId, way: Way) {
        let pool = self.pool;
        let mut open = vec![(name, way)];
        while let Some((name, way)) = open.pop() {
            for id in pool.providers(name).filter(|id| self.chosen.contains(id)).collect::<Vec<_>>() {
                let package = pool.package(id);
                let stands_for =
                    package.record.provider_priority.unwrap_or(0) > 0 || self.is_concrete(id, name);
                let way = if way != Way::Virtual && !stands_for { Way::Virtual } else { way };
                if !self.reached.entry(id).or_default().insert(way) {
                    continue;
                }
                for (claimed, claim) in pool.claims_of(id) {
                    let is_virtual = pool.version(claim).is_none();
                    let counts = way == Way::Needed || (way == Way::Triggered && !is_virtual);
                    self.names[claimed.index()].is_there |= counts;
                }
                let needed = package.depends.iter().zip(&package.record.depends);
                open.extend(
                    needed
                        .filter(|(_, dependency)| !dependency.conflict)
                        .map(|(name, _)| (*name, Way::Needed)),
                );
                if way != Way::Virtual {
                    open.extend(self.triggered(id));
                }
            }
        }
    }

    fn is_concrete(&self, id: PackageId, name: NameId) -> bool {
        self.pool.claims_of(id).any(|(claimed, claim)| claimed == name && self.pool.version(claim).is_some())
    }

    /// Names of chosen packages whose `install_if` the package completes.
    fn triggered(&self, id: PackageId) -> Vec<(NameId, Way)> {
        let pool = self.pool;
        let mut found = Vec::new();
        let waiting = pool.names_of(id).flat_map(|name| self.reverse.install_if[name.index()].iter());
        for other in waiting.flat_map(|name| pool.providers(*name)) {
            let package = pool.package(other);
            let mut terms = package.install_if.iter().zip(&package.record.install_if);
            let holds =
                terms.all(|(name, dependency)| self.names[name.index()].is_there != dependency.conflict);
            if self.chosen.contains(&other) && !package.install_if.is_empty() && holds {
                found.extend(pool.names_of(other).map(|name| (name, Way::Triggered)));
            }
        }
        found
    }

    /// Reports a needed name that nothing fulfils, once.
    fn check_name(&mut self, name: NameId) {
        let presence = &mut self.names[name.index()];
        if presence.is_there || std::mem::replace(&mut presence.is_reported, true) {
            return;
        }
        let text = self.pool.text(name);
        let mut facts = Vec::new();
        let subject = if self.pool.claims(name).is_empty() {
            format!("{text} (no such package)")
        } else {
            let note = "please select one of the 'provided by' packages explicitly";
            facts.push(Fact::new("note", note.split(' ').map(str::to_owned)));
            facts.push(Fact::new("provided by", self.provided_by(name)));
            format!("{text} (virtual)")
        };
        facts.push(Fact::new("required by", self.required_by(name)));
        self.troubles.push(Trouble { subject, facts });
    }

    /// The packages behind a name: by their name if all of that name are, else one by one.
    fn provided_by(&self, name: NameId) -> Vec<String> {
        let mut counts: BTreeMap<NameId, usize> = BTreeMap::new();
        for id in self.pool.providers(name) {
            *counts.entry(self.pool.package(id).name).or_default() += 1;
        }
        let mut items = Vec::new();
        for id in self.pool.providers(name) {
            let own = self.pool.package(id).name;
            let count = counts.entry(own).or_default();
            if *count == self.pool.claims(own).len() {
                items.push(self.pool.text(own).to_string());
                *count = 0;
            } else if *count > 0 {
                items.push(self.pool.package(id).record.display_name());
                *count -= 1;
            }
        }
        items
    }

    fn required_by(&self, name: NameId) -> Vec<String> {
        let pool = self.pool;
        let wishes =
            self.transaction.world.iter().filter(|wish| wish.name == name && !wish.dependency.conflict);
        let mut items: Vec<String> =
            wishes.map(|wish| format!("world[{}{}]", wish.dependency, pool.tag_suffix(wish.tag))).collect();
        let mut visited = BTreeSet::new();
        for dependant in &self.reverse.depends[name.index()] {
            let packages = pool.providers(*dependant).filter(|id| self.chosen.contains(id));
            let found = packages.filter(|id| visited.insert(*id)).find_map(|id| {
                let package = pool.package(id);
                let mut dependencies = package.depends.iter().zip(&package.record.depends);
                let (_, dependency) =
                    dependencies.find(|(needed, dependency)| **needed == name && !dependency.conflict)?;
                Some(format!("{}[{dependency}]", package.record.display_name()))
            });
            items.extend(found);
        }
        items
    }

    /// Reports a chosen package if anything is the matter with it.
    fn check_package(&mut self, id: PackageId, tag: TagId) {
        let mut facts = self.defects(id);
        facts.push(Fact::new("masked in", self.masks(id, tag)));
        facts.push(Fact::new("conflicts", self.conflicts(id)));
        facts.push(Fact::new("breaks", self.dependants(id, false)));
        facts.retain(|fact| !fact.items.is_empty());
        if facts.is_empty() {
            return;
        }
        let satisfied = self.dependants(id, true);
        if !satisfied.is_empty() {
            facts.push(Fact::new("satisfies", satisfied));
        }
        self.troubles.push(Trouble { subject: self.pool.package(id).record.display_name(), facts });
    }

    fn defects(&self, id: PackageId) -> Vec<Fact> {
        let package = self.pool.package(id);
        if !package.is_uninstallable {
            return Vec::new();
        }
        let broken = |letter: char| {
            let lines = package.record.unknown.iter().filter(move |(found, _)| *found == letter);
            lines
                .flat_map(|(_, value)| value.split_whitespace())
                .filter(|text| is_broken(text))
                .map(str::to_owned)
        };
        vec![
            Fact::new("error", ["uninstallable".to_owned()]),
            Fact::new("arch", package.record.arch.clone().filter(|_| package.is_foreign)),
            Fact::new("depends", broken('D')),
            Fact::new("provides", broken('p')),
            Fact::new("install_if", broken('i')),
        ]
    }

    /// What keeps a package that is not installed from being had.
    fn masks(&self, id: PackageId, tag: TagId) -> Vec<String> {
        let pool = self.pool;
        let package = pool.package(id);
        if package.installed.is_some() {
            return Vec::new();
        }
        if !pool.is_reachable(id) && !package.is_cached && !package.is_file {
            return vec!["--no-network".to_owned()];
        }
        if package.repositories == 0 && package.is_cached {
            return vec!["cache".to_owned()];
        }
        if package.repositories & pool.allowed(TagId::DEFAULT.bit() | tag.bit()) != 0 {
            return Vec::new();
        }
        let tags = pool.tags().filter(|tag| pool.allowed(tag.bit()) & package.repositories != 0);
        tags.map(|tag| pool.tag_suffix(tag)).collect()
    }

    /// Other chosen packages of the same name, and those that provide the same.
    fn conflicts(&self, id: PackageId) -> Vec<String> {
        let pool = self.pool;
        let package = pool.package(id);
        let shown = |id: PackageId| pool.package(id).record.display_name();
        let is_chosen = |other: &PackageId| self.chosen.contains(other);
        let bearers = pool.providers(package.name).filter(|other| *other != id && is_chosen(other));
        let mut items: Vec<String> = bearers.map(shown).collect();
        for (name, provide) in package.provides.iter().zip(&package.record.provides) {
            let mut is_itself_expected = true;
            for claim in pool.claims(*name).iter().filter(|claim| is_chosen(&claim.package)) {
                let version = pool.version(*claim);
                let is_itself = claim.package == id && version == provide.version.as_ref();
                if version.is_none() && provide.version.is_none() {
                    continue;
                }
                if is_itself && std::mem::take(&mut is_itself_expected) {
                    continue;
                }
                items.push(format!("{}[{provide}]", shown(claim.package)));
            }
        }
        items
    }

    /// Dependencies of the world and of chosen packages that the package fulfils, or
    /// those that it breaks.
    fn dependants(&self, id: PackageId, fulfilled: bool) -> Vec<String> {
        let pool = self.pool;
        let mut wishes: Vec<_> = self.transaction.world.iter().collect();
        wishes.retain(|wish| pool.relation(None, (wish.name, &wish.dependency), id) == Some(fulfilled));
        wishes.sort_by_key(|wish| rank(&wish.dependency));
        let mut items: Vec<String> = wishes
            .iter()
            .map(|wish| format!("world[{}{}]", wish.dependency, pool.tag_suffix(wish.tag)))
            .collect();
        let (mut found, mut visited) = (Vec::new(), BTreeSet::new());
        let dependants = pool.names_of(id).flat_map(|name| self.reverse.depends[name.index()].iter());
        for other in dependants.flat_map(|name| pool.providers(*name)) {
            if !self.chosen.contains(&other) || !visited.insert(other) {
                continue;
            }
            let package = pool.package(other);
            for dependency in package.depends.iter().copied().zip(&package.record.depends) {
                if pool.relation(Some(other), dependency, id) == Some(fulfilled) {
                    found.push((other, dependency.1));
                }
            }
        }
        found.sort_by(|(a, left), (b, right)| {
            let (one, other) = (&pool.package(*a), &pool.package(*b));
            pool.display_key(one.name)
                .cmp(&pool.display_key(other.name))
                .then_with(|| one.record.version.compare(&other.record.version))
                .then_with(|| rank(left).cmp(&rank(right)))
        });
        let shown = |id: PackageId| pool.package(id).record.display_name();
        items.extend(found.iter().map(|(id, dependency)| format!("{}[{dependency}]", shown(*id))));
        items
    }
}

/// apk's order of dependencies of one package: by operator, conflicts last.
fn rank(dependency: &Dependency) -> u8 {
    let operator = match &dependency.constraint {
        None => 7,
        Some(Constraint::Identity(_)) => 6,
        Some(Constraint::Version(operator, _)) => match operator {
            Operator::Equal => 1,
            Operator::Less => 2,
            Operator::LessOrEqual => 3,
            Operator::Greater => 4,
            Operator::GreaterOrEqual => 5,
            Operator::Prefix => 9,
            Operator::LessOrPrefix => 10,
            Operator::GreaterOrPrefix => 12,
        },
    };
    operator + if dependency.conflict { 16 } else { 0 }
}

/// Whether a text of a list that could not be read is what is wrong with it: a
/// dependency but for its version.
fn is_broken(text: &str) -> bool {
    matches!(text.parse::<Dependency>(), Err(wiz_apk::dependency::DependencyError::Version(_)))
}
