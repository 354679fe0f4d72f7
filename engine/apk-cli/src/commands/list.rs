//! `apk list`: packages by pattern, with what there is to say in a line.

use wiz_solve::{NameId, PackageId};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain};
use crate::error::Failure;
use crate::query::{Comparison, Extent, Field, Query, search};
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("available", "a"),
    plain("depends", "d"),
    plain("installed", "I"),
    plain("manifest", ""),
    plain("origin", "o"),
    plain("orphaned", "O"),
    plain("providers", "P"),
    plain("upgradeable", "u"),
    plain("upgradable", ""),
];

pub(super) const COMMAND: Command = Command {
    name: "list",
    summary: "Lists packages",
    usage: "list [<OPTIONS>...] [PATTERNS...]",
    options: OPTIONS,
    is_commit: false,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let only_installed = arguments.has("installed") || arguments.has("manifest");
    let session = Session::open(settings, Needs { repositories: !only_installed, ..Needs::READ })?;
    let pool = &session.pool;
    let only_upgrades = arguments.has("upgradeable") || arguments.has("upgradable");
    let filter = |id: PackageId| {
        let package = pool.package(id);
        (!only_installed || package.installed.is_some())
            && (!arguments.has("available") || pool.is_reachable(id))
            && (!arguments.has("orphaned") || !pool.is_in_repository(package.name))
            && (!only_upgrades || pool.upgrades(id).is_some())
    };
    let fields: &[Field] = if arguments.has("origin") {
        &[Field::Origin]
    } else if arguments.has("depends") {
        &[Field::Depends]
    } else if arguments.has("providers") {
        &[Field::Name, Field::Provides]
    } else {
        &[Field::Name]
    };
    let query = Query { fields, comparison: Comparison::Whole, extent: Extent::All, filter: &filter };
    for (name, id) in search(&session, &query, &arguments.operands).packages {
        print(&session, name, id, arguments);
    }
    Ok(())
}

fn print(session: &Session, name: NameId, id: PackageId, arguments: &Arguments) {
    let (pool, output) = (&session.pool, session.settings.output);
    let package = pool.package(id);
    let record = &package.record;
    let mark = if arguments.has("providers") { format!("<{}> ", pool.text(name)) } else { String::new() };
    if arguments.has("manifest") {
        return output.line(&format!("{mark}{} {}", record.name, record.version));
    }
    if output.verbosity == 0 {
        return output.line(&format!("{mark}{}", record.name));
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let origin = record.origin.clone().unwrap_or_else(|| record.name.to_string());
    let state = match (package.installed, pool.upgrades(id)) {
        (Some(_), _) => " [installed]".to_owned(),
        (None, Some(old)) => format!(" [upgradable from: {}]", pool.package(old).record.display_name()),
        (None, None) => String::new(),
    };
    let (arch, license) = (text(&record.arch), text(&record.license));
    let mut line = format!("{mark}{} {arch} {{{origin}}} ({license}){state}", record.display_name());
    if output.verbosity > 1 {
        line.push_str(&format!("\n  {}", text(&record.summary)));
    }
    if output.verbosity > 2 {
        line.push_str(&format!("\n  <{}>", text(&record.url)));
    }
    if output.verbosity > 1 {
        line.push('\n');
    }
    output.line(&line);
}
