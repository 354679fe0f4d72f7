//! `apk search`: which packages repositories have.

use wiz_solve::{Dependants, PackageId};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain};
use crate::error::Failure;
use crate::query::{Comparison, Extent, Field, Query, search};
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("all", "a"),
    plain("description", "d"),
    plain("exact", "ex"),
    plain("has-origin", ""),
    plain("origin", "o"),
    plain("rdepends", "r"),
];

pub(super) const COMMAND: Command = Command {
    name: "search",
    summary: "Finds packages of repositories",
    usage: "search [<OPTIONS>...] PATTERNS...",
    options: OPTIONS,
    is_commit: false,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let session = Session::open(settings, Needs { state: false, ..Needs::READ })?;
    let (by_origin, by_description) = (arguments.has("has-origin"), arguments.has("description"));
    let fields: &[Field] = match (by_origin, by_description) {
        (true, _) => &[Field::Origin, Field::Name, Field::Provides],
        (false, true) => &[Field::Name, Field::Provides, Field::Description],
        (false, false) => &[Field::Name, Field::Provides],
    };
    let is_whole = arguments.has("exact") || by_origin;
    let takes_all = arguments.has("all") || by_origin || by_description || arguments.operands.is_empty();
    let query = Query {
        fields,
        comparison: if is_whole { Comparison::Whole } else { Comparison::Part },
        extent: if takes_all { Extent::All } else { Extent::Best },
        filter: &|_| true,
    };
    let found = search(&session, &query, &arguments.operands);
    let mut packages: Vec<PackageId> = Vec::new();
    for (_, id) in found.packages {
        if !packages.contains(&id) {
            packages.push(id);
        }
    }
    let dependants = arguments.has("rdepends").then(|| session.pool.dependants());
    for id in packages {
        match &dependants {
            Some(dependants) => print_dependants(&session, dependants, id, arguments),
            None => print(&session, id, arguments),
        }
    }
    match found.unmatched.len() {
        errors if errors > 0 && is_whole => Err(Failure::Counted(errors)),
        _ => Ok(()),
    }
}

fn print(session: &Session, id: PackageId, arguments: &Arguments) {
    let output = session.settings.output;
    let record = &session.pool.package(id).record;
    let own = record.name.to_string();
    let name = if arguments.has("origin") { record.origin.clone().unwrap_or(own) } else { own };
    let summary = record.summary.as_deref().unwrap_or_default();
    let line = match output.verbosity {
        0 => name,
        1 => format!("{name}-{}", record.version),
        _ if arguments.has("origin") => format!("{name}-{}", record.version),
        _ => format!("{name}-{} - {summary}", record.version),
    };
    output.line(&line);
}

fn print_dependants(session: &Session, dependants: &Dependants<'_>, id: PackageId, arguments: &Arguments) {
    let output = session.settings.output;
    if output.verbosity > 0 {
        output.line(&format!("{} is required by:", session.pool.package(id).record.display_name()));
    }
    dependants.of(id).into_iter().for_each(|other| print(session, other, arguments));
}
