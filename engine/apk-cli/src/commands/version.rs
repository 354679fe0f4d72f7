//! `apk version`: installed versions beside those of repositories, and versions compared.

use std::cmp::Ordering;

use wiz_apk::Version;
use wiz_apk::version::compare_texts;
use wiz_solve::{NameId, PackageId};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, argument, plain};
use crate::error::Failure;
use crate::names;
use crate::session::{Needs, Session};
use crate::settings::Settings;

/// Columns of the list of packages, at least.
const COLUMNS: usize = 39;

const OPTIONS: &[OptionSpec] = &[
    plain("all", "a"),
    plain("check", "c"),
    plain("indexes", "I"),
    argument("limit", "l"),
    plain("test", "t"),
];

pub(super) const COMMAND: Command = Command {
    name: "version",
    summary: "Compares installed versions with available ones, or two versions",
    usage: "version [<OPTIONS>...] [PACKAGES...]",
    options: OPTIONS,
    is_commit: false,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.has("test") {
        return test(&settings, &arguments.operands);
    }
    if arguments.has("check") {
        return check(&settings, &arguments.operands);
    }
    let session = Session::open(settings, Needs::READ)?;
    let output = session.settings.output;
    if arguments.has("indexes") {
        for repository in session.repositories.iter().filter(|repository| repository.is_available) {
            output.line(&format!("{} [{}]", repository.description, repository.shown));
        }
        return Ok(());
    }
    let is_plain = arguments.operands.is_empty() && output.verbosity == 1;
    let limit = arguments.text("limit").or(is_plain.then_some("<")).filter(|limit| !limit.is_empty());
    let mut names: Vec<NameId> = if arguments.operands.is_empty() {
        session.pool.installed().map(|id| session.pool.package(id).name).collect()
    } else {
        names::find(&session.pool, &arguments.operands).into_iter().filter_map(|(_, name)| name).collect()
    };
    names.sort_by_cached_key(|name| {
        let (folded, text) = session.pool.display_key(*name);
        (folded, text.to_owned())
    });
    let mut lines: Vec<(String, &str, String)> = Vec::new();
    for name in names {
        let Some(installed) = session.pool.installed_with(name) else { continue };
        let latest = latest(&session, name, installed, arguments.has("all"));
        let version = |id: PackageId| &session.pool.package(id).record.version;
        let order = operator(version(installed).compare(version(latest)));
        if limit.is_none_or(|limit| limit.contains(order)) {
            let shown = session.pool.package(installed).record.display_name();
            lines.push((shown, order, version(latest).to_string()));
        }
    }
    if output.verbosity == 0 {
        lines.iter().for_each(|(shown, ..)| output.line(shown));
        return Ok(());
    }
    let width = lines.iter().map(|(shown, ..)| shown.len()).max().unwrap_or(0).max(COLUMNS);
    output.message(&format!("{:width$}   Available:", "Installed:"));
    for (shown, order, version) in lines {
        output.line(&format!("{shown:width$} {order} {version} "));
    }
    Ok(())
}

/// The newest package of the name among those the installed one may be upgraded to.
fn latest(session: &Session, name: NameId, installed: PackageId, of_all: bool) -> PackageId {
    let pool = &session.pool;
    let may = |id: &PackageId| {
        let is_listed = pool.package(*id).repositories().next().is_some();
        *id == installed || (is_listed && (of_all || pool.upgrades(*id).is_some()))
    };
    let candidates = pool.bearers(name).filter(may);
    candidates
        .reduce(|best, id| {
            let is_newer =
                pool.package(id).record.version.compare(&pool.package(best).record.version).is_gt();
            if is_newer { id } else { best }
        })
        .unwrap_or(installed)
}

fn operator(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}

fn test(settings: &Settings, versions: &[String]) -> Result<(), Failure> {
    let [left, right] = versions else { return Err(Failure::Counted(1)) };
    if [left, right].iter().any(|text| text.parse::<Version>().is_err()) {
        return Err(Failure::Counted(1));
    }
    settings.output.line(operator(compare_texts(left, right)));
    Ok(())
}

fn check(settings: &Settings, versions: &[String]) -> Result<(), Failure> {
    let wrong: Vec<&String> = versions.iter().filter(|text| text.parse::<Version>().is_err()).collect();
    wrong.iter().for_each(|text| settings.output.message(text));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Counted(wrong.len())) }
}
