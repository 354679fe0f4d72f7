//! `apk del`: less is asked for.

use std::collections::BTreeSet;

use wiz_solve::{Dependants, Flags, NameFlags, NameId, PackageId, Transaction, Wish};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain};
use crate::commit::{Ending, commit, report, solve};
use crate::error::Failure;
use crate::names;
use crate::output::{Indent, Stream, Words, write};
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[plain("rdepends", "r")];

pub(super) const COMMAND: Command = Command {
    name: "del",
    summary: "Removes packages and what nothing needs any more",
    usage: "del [<OPTIONS>...] PACKAGES...",
    options: OPTIONS,
    is_commit: true,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let mut session = Session::open(settings, Needs { refresh: false, ..Needs::WRITE })?;
    let written: Vec<String> = arguments.operands.iter().filter(|text| !text.is_empty()).cloned().collect();
    let found = names::find(&session.pool, &written);
    let unknown: Vec<&str> = found.iter().filter(|(_, name)| name.is_none()).map(|(text, _)| *text).collect();
    for text in &unknown {
        session.settings.output.error(&format!("No such package: {text}"));
    }
    if !unknown.is_empty() {
        return Err(Failure::Counted(unknown.len()));
    }
    let dependants = session.pool.dependants();
    let mut deletion = Deletion {
        session: &session,
        dependants: &dependants,
        is_recursive: arguments.has("rdepends"),
        world: session.world.clone(),
        names: Vec::new(),
        visited: BTreeSet::new(),
    };
    let deleted: Vec<NameId> = found.into_iter().filter_map(|(_, name)| name).collect();
    deleted.iter().for_each(|name| deletion.delete_name(*name));
    let (world, names) = (deletion.world, deletion.names);
    let mut transaction = Transaction::new(&session.pool, world);
    transaction.names = names;
    let outcome = solve(&session, &transaction);
    if outcome.errors > 0 {
        report(&session, &transaction, &outcome);
        return Err(Failure::Counted(outcome.errors));
    }
    if session.settings.output.verbosity >= 1 && !written.is_empty() {
        let staying = outcome.changes.iter().filter_map(|change| change.new).collect();
        Remaining::new(&session, &dependants, &transaction, staying).report(deleted);
    }
    commit(&mut session, &transaction, &outcome, Ending::Summary)
}

/// What is taken out of the world.
struct Deletion<'s> {
    session: &'s Session,
    dependants: &'s Dependants<'s>,
    is_recursive: bool,
    world: Vec<Wish>,
    names: Vec<NameFlags>,
    visited: BTreeSet<PackageId>,
}

impl Deletion<'_> {
    fn delete_name(&mut self, name: NameId) {
        match self.session.pool.installed_with(name) {
            Some(id) => self.delete(id),
            None => self.world.retain(|wish| wish.name != name),
        }
    }

    fn delete(&mut self, id: PackageId) {
        let pool = &self.session.pool;
        let name = pool.package(id).name;
        self.world.retain(|wish| wish.name != name);
        self.names.push(NameFlags { name, own: Flags::REMOVE, inherited: Flags::default() });
        if !self.is_recursive || !self.visited.insert(id) {
            return;
        }
        for provided in pool.names_of(id) {
            self.world.retain(|wish| wish.name != provided);
        }
        for dependant in self.dependants.of(id) {
            if pool.package(dependant).installed.is_some() && !self.visited.contains(&dependant) {
                self.delete(dependant);
            }
        }
    }
}

/// Tells which packages stay although they were deleted, and why.
struct Remaining<'s> {
    session: &'s Session,
    dependants: &'s Dependants<'s>,
    staying: BTreeSet<PackageId>,
    wanted: BTreeSet<NameId>,
    forbidden: BTreeSet<NameId>,
    has_header: bool,
}

impl<'s> Remaining<'s> {
    fn new(
        session: &'s Session,
        dependants: &'s Dependants<'s>,
        transaction: &Transaction,
        staying: BTreeSet<PackageId>,
    ) -> Self {
        let names = |world: &[Wish], conflict: bool| {
            world.iter().filter(|wish| wish.dependency.conflict == conflict).map(|wish| wish.name).collect()
        };
        Self {
            session,
            dependants,
            staying,
            wanted: names(&transaction.world, false),
            forbidden: names(&session.world, true),
            has_header: false,
        }
    }

    fn report(mut self, mut deleted: Vec<NameId>) {
        deleted.sort_by_cached_key(|name| {
            let (folded, text) = self.session.pool.display_key(*name);
            (folded, text.to_owned())
        });
        deleted.dedup();
        for name in deleted {
            if !self.forbidden.contains(&name) {
                self.report_name(name);
            }
        }
        if self.has_header {
            write(Stream::Out, "\n");
        }
    }

    fn report_name(&mut self, name: NameId) {
        let staying: Vec<PackageId> =
            self.session.pool.providers(name).filter(|id| self.staying.contains(id)).collect();
        if staying.is_empty() {
            return;
        }
        if !std::mem::replace(&mut self.has_header, true) {
            let text = "World updated, but the following packages are not removed due to:";
            self.session.settings.output.message(text);
        }
        let head = format!("  {}:", self.session.pool.text(name));
        let mut words = self.session.settings.output.words(&head, Indent::BehindHead);
        let mut visited = BTreeSet::new();
        staying.into_iter().for_each(|id| self.reasons(id, &mut words, &mut visited));
        words.end(Stream::Out);
    }

    /// The names that the world asks for, on the way back from a package.
    fn reasons(&self, id: PackageId, words: &mut Words, visited: &mut BTreeSet<PackageId>) {
        let pool = &self.session.pool;
        for name in pool.names_of(id).filter(|name| self.wanted.contains(name)) {
            words.add(pool.text(name).as_str());
        }
        for dependant in self.dependants.of(id) {
            if self.staying.contains(&dependant) && visited.insert(dependant) {
                self.reasons(dependant, words, visited);
            }
        }
        let is_verbose = self.session.settings.output.verbosity >= 2;
        for name in pool.triggers_of(id) {
            for other in pool.providers(name).filter(|other| self.staying.contains(other)) {
                let is_wanted = self.wanted.contains(&pool.package(other).name);
                if (is_verbose || is_wanted) && visited.insert(other) {
                    self.reasons(other, words, visited);
                }
            }
        }
    }
}
