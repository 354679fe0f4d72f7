//! `apk info`: what is known about packages.

use wiz_apk::{Dependency, Provide};
use wiz_solve::{Dependants, PackageId};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain};
use crate::error::Failure;
use crate::output::{Stream, whole_size, write};
use crate::query::{Comparison, Extent, Field, Query, owner, search};
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("all", "a"),
    plain("contents", "L"),
    plain("depends", "R"),
    plain("description", "d"),
    plain("exists", "e"),
    plain("install-if", ""),
    plain("installed", ""),
    plain("license", ""),
    plain("provides", "P"),
    plain("rdepends", "r"),
    plain("replaces", ""),
    plain("rinstall-if", ""),
    plain("size", "s"),
    plain("triggers", "t"),
    plain("webpage", "w"),
    plain("who-owns", "W"),
];

pub(super) const COMMAND: Command = Command {
    name: "info",
    summary: "Tells what is known about packages",
    usage: "info [<OPTIONS>...] PACKAGES...",
    options: OPTIONS,
    is_commit: false,
    run,
};

/// What is told of each package, in this order, and whether only installed ones have it.
const FACTS: [(&str, bool); 12] = [
    ("description", false),
    ("webpage", false),
    ("size", false),
    ("depends", false),
    ("provides", false),
    ("rdepends", true),
    ("contents", true),
    ("triggers", true),
    ("install-if", false),
    ("rinstall-if", true),
    ("replaces", true),
    ("license", false),
];

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let is_test = arguments.has("exists") || arguments.has("installed");
    let repositories = !is_test && !arguments.has("who-owns");
    let session = Session::open(settings, Needs { repositories, ..Needs::READ })?;
    if arguments.has("who-owns") {
        return who_owns(&session, &arguments.operands);
    }
    if is_test {
        return exists(&session, &arguments.operands);
    }
    let verbosity = session.settings.output.verbosity;
    let is_installed = |id: PackageId| session.pool.package(id).installed.is_some();
    let everything = |_: PackageId| true;
    let is_list = arguments.operands.is_empty();
    let query = Query {
        fields: &[Field::Name, Field::Provides],
        comparison: Comparison::Whole,
        extent: Extent::All,
        filter: if is_list { &is_installed } else { &everything },
    };
    let found = search(&session, &query, &arguments.operands);
    let mut packages: Vec<PackageId> = Vec::new();
    found.packages.iter().for_each(|(_, id)| {
        if !packages.contains(id) {
            packages.push(*id);
        }
    });
    if is_list {
        packages.iter().for_each(|id| one_line(&session, *id, verbosity.max(1)));
        return Ok(());
    }
    let wanted: Vec<(&str, bool)> =
        FACTS.into_iter().filter(|(name, _)| arguments.has("all") || arguments.has(name)).collect();
    let default = [("description", false), ("webpage", false), ("size", false)];
    let wanted = if wanted.is_empty() { default.to_vec() } else { wanted };
    let teller = Teller { session: &session, dependants: session.pool.dependants(), verbosity };
    let mut is_partial = false;
    for id in &packages {
        for (fact, needs_installed) in &wanted {
            if *needs_installed && !is_installed(*id) {
                is_partial = true;
            } else {
                teller.tell(*id, fact);
            }
        }
    }
    match found.unmatched.len() {
        0 if is_partial && arguments.has("all") => Err(Failure::Counted(1)),
        0 => Ok(()),
        errors => Err(Failure::Counted(errors)),
    }
}

fn one_line(session: &Session, id: PackageId, verbosity: usize) {
    let record = &session.pool.package(id).record;
    let line = match verbosity {
        0 => return,
        1 => record.name.to_string(),
        2 => record.display_name(),
        _ => format!("{} - {}", record.display_name(), record.summary.as_deref().unwrap_or_default()),
    };
    session.settings.output.line(&line);
}

fn who_owns(session: &Session, paths: &[String]) -> Result<(), Failure> {
    let output = session.settings.output;
    let (mut errors, mut names) = (0, std::collections::BTreeSet::new());
    for path in paths {
        let absolute = match std::path::absolute(path) {
            Ok(absolute) if !path.starts_with('/') => absolute.to_string_lossy().into_owned(),
            _ => path.clone(),
        };
        let Some(owner) = owner(session, &absolute) else {
            output.error(&format!("{absolute}: Could not find owner package"));
            errors += 1;
            continue;
        };
        let record = &session.pool.package(owner.package).record;
        if output.verbosity >= 1 {
            let what = if owner.is_by_link { "symlink target " } else { "" };
            output.line(&format!("{absolute} {what}is owned by {}", record.display_name()));
        } else {
            names.insert(record.name.to_string());
        }
    }
    names.iter().for_each(|name| output.line(name));
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(()) }
}

/// Names the installed packages that are asked for; how many are missing is the status.
fn exists(session: &Session, words: &[String]) -> Result<(), Failure> {
    let mut errors = 0;
    for word in words {
        let Ok(dependency) = word.parse::<Dependency>() else {
            errors += 1;
            continue;
        };
        let mut installed = session
            .pool
            .installed()
            .filter(|id| session.pool.names_of(*id).any(|name| *session.pool.text(name) == dependency.name));
        let found = installed.find(|id| session.pool.is_fulfilled_by(&dependency, *id));
        match found {
            Some(id) => one_line(session, id, session.settings.output.verbosity),
            None => errors += usize::from(!dependency.conflict),
        }
    }
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(()) }
}

/// Tells facts about packages.
struct Teller<'s> {
    session: &'s Session,
    dependants: Dependants<'s>,
    verbosity: usize,
}

impl Teller<'_> {
    fn tell(&self, id: PackageId, fact: &str) {
        let pool = &self.session.pool;
        let record = &pool.package(id).record;
        let installed = self.session.installed(id);
        let shown = |other: PackageId| pool.package(other).record.display_name();
        let dependencies = |list: &[Dependency]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        match fact {
            "description" => self.text(id, "description", record.summary.as_deref()),
            "webpage" => self.text(id, "webpage", record.url.as_deref()),
            "license" => self.text(id, "license", record.license.as_deref()),
            "size" => self.text(id, "installed size", Some(&whole_size(record.installed_size))),
            "depends" => self.list(id, "depends on:", &dependencies(&record.depends)),
            "provides" => {
                let provides: Vec<String> = record.provides.iter().map(Provide::to_string).collect();
                self.list(id, "provides:", &provides);
            }
            "install-if" => self.list(id, "has auto-install rule:", &dependencies(&record.install_if)),
            "rdepends" => {
                let found = self.dependants.of(id).into_iter();
                let found = found.filter(|other| pool.package(*other).installed.is_some()).map(shown);
                self.list(id, "is required by:", &found.collect::<Vec<_>>());
            }
            "rinstall-if" => {
                let waiting = self.dependants.waiting_for(id).iter();
                let found = waiting.filter_map(|name| pool.installed_with(*name)).map(shown);
                self.list(id, "affects auto-installation of:", &found.collect::<Vec<_>>());
            }
            "replaces" => {
                let replaces = installed.map(|package| dependencies(&package.replaces)).unwrap_or_default();
                self.list(id, "replaces:", &replaces);
            }
            "triggers" => self.triggers(id),
            _ => self.contents(id),
        }
    }

    fn text(&self, id: PackageId, title: &str, value: Option<&str>) {
        let record = &self.session.pool.package(id).record;
        let value = value.unwrap_or_default();
        let text = if self.verbosity > 1 {
            format!("{}: {value}\n", record.name)
        } else {
            format!("{} {title}:\n{value}\n\n", record.display_name())
        };
        write(Stream::Out, &text);
    }

    fn list(&self, id: PackageId, title: &str, items: &[String]) {
        let record = &self.session.pool.package(id).record;
        let (head, separator) = match self.verbosity {
            0 => (String::new(), "\n"),
            1 => (format!("{} {title}\n", record.display_name()), "\n"),
            _ => (format!("{}: ", record.name), " "),
        };
        let items: String = items.iter().map(|item| format!("{item}{separator}")).collect();
        write(Stream::Out, &format!("{head}{items}\n"));
    }

    fn contents(&self, id: PackageId) {
        let record = &self.session.pool.package(id).record;
        let directories = self.session.installed(id).into_iter().flat_map(|package| &package.directories);
        let mut text = self.head(id, "contains:");
        for directory in directories {
            let separator = if directory.path.is_empty() { "" } else { "/" };
            for file in &directory.files {
                let mark = if self.verbosity > 1 { format!("{}: ", record.name) } else { String::new() };
                text.push_str(&format!("{mark}{}{separator}{}\n", directory.path, file.name));
            }
        }
        write(Stream::Out, &format!("{text}\n"));
    }

    fn triggers(&self, id: PackageId) {
        let record = &self.session.pool.package(id).record;
        let own = self.session.state.triggers.iter().filter(|own| Some(own.identity) == record.identity);
        let mark = if self.verbosity > 1 { format!("{}: trigger ", record.name) } else { String::new() };
        let lines: String =
            own.flat_map(|own| &own.patterns).map(|pattern| format!("{mark}{pattern}\n")).collect();
        write(Stream::Out, &format!("{}{lines}\n", self.head(id, "triggers:")));
    }

    fn head(&self, id: PackageId, title: &str) -> String {
        let record = &self.session.pool.package(id).record;
        if self.verbosity == 1 { format!("{} {title}\n", record.display_name()) } else { String::new() }
    }
}
