//! `apk fetch`: package files are brought here and installed nowhere.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;

use wiz_apk::database::world::WorldDependency;
use wiz_solve::select::Conflicts;
use wiz_solve::{PackageId, Transaction};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, argument, plain, yes_no};
use crate::commit::{report, solve};
use crate::error::{Failure, StopError, chain};
use crate::output::Output;
use crate::packages;
use crate::query::{Comparison, Extent, Field, Query, search};
use crate::repository::Location;
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("link", "l"),
    argument("output", "o"),
    plain("recursive", "R"),
    yes_no("simulate", ""),
    plain("stdout", "s"),
    plain("url", ""),
];

pub(super) const COMMAND: Command = Command {
    name: "fetch",
    summary: "Downloads package files",
    usage: "fetch [<OPTIONS>...] PACKAGES...",
    options: OPTIONS,
    is_commit: false,
    run,
};

fn run(mut settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.has("stdout") {
        settings.output = Output::new(0);
    }
    let mut session = Session::open(settings, Needs { state: false, ..Needs::READ })?;
    let packages = if arguments.has("recursive") {
        with_dependencies(&mut session, &arguments.operands)?
    } else {
        named(&session, &arguments.operands)?
    };
    let mut errors = 0;
    for id in packages {
        if let Err(Failure::Stopped(error)) = fetch(&session, id, arguments) {
            session.settings.output.error(&chain(&error));
            errors += 1;
        }
    }
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(()) }
}

fn named(session: &Session, words: &[String]) -> Result<Vec<PackageId>, Failure> {
    let query = Query {
        fields: &[Field::Name],
        comparison: Comparison::Whole,
        extent: Extent::Best,
        filter: &|_| true,
    };
    let found = search(session, &query, words);
    for word in &found.unmatched {
        let text = format!("{word}: unable to select package (or its dependencies)");
        session.settings.output.message(&text);
    }
    match found.unmatched.len() {
        0 => Ok(found.packages.into_iter().map(|(_, id)| id).collect()),
        errors => Err(Failure::Counted(errors)),
    }
}

/// The packages and all they need, conflicts between them notwithstanding.
fn with_dependencies(session: &mut Session, words: &[String]) -> Result<Vec<PackageId>, Failure> {
    let mut world = Vec::new();
    for word in words {
        let malformed = || {
            let format = "name(@tag)([<>~=]version)";
            StopError::new(format!("'{word}' is not a valid world dependency, format is {format}"))
        };
        let wish: WorldDependency = word.parse().map_err(|_| malformed())?;
        world.push(session.wish(&wish));
    }
    let mut transaction = Transaction::new(&session.pool, world);
    transaction.conflicts = Conflicts::Ignored;
    let outcome = solve(session, &transaction);
    if outcome.errors > 0 {
        report(session, &transaction, &outcome);
        return Err(Failure::Counted(outcome.errors));
    }
    let mut packages: Vec<PackageId> = outcome.changes.iter().filter_map(|change| change.new).collect();
    packages.sort_by_cached_key(|id| session.pool.package(*id).record.display_name());
    Ok(packages)
}

fn fetch(session: &Session, id: PackageId, arguments: &Arguments) -> Result<(), Failure> {
    let record = &session.pool.package(id).record;
    let name = record.display_name();
    let failed = |error: io::Error| Failure::from(StopError::new(format!("{name}: {error}")));
    let folder = Path::new(arguments.text("output").unwrap_or("."));
    let target = folder.join(record.file_name());
    let to_stdout = arguments.has("stdout");
    if !to_stdout && target.metadata().is_ok_and(|metadata| metadata.len() == record.size) {
        return Ok(());
    }
    let locations =
        session.repository_of(id).map(|repository| repository.package(record)).unwrap_or_default();
    if arguments.has("url") {
        let shown = locations.first().map(|location| match location {
            Location::Path(path) => path.display().to_string(),
            Location::Url(url) => url.clone(),
        });
        session.settings.output.message(&shown.unwrap_or_default());
    } else {
        session.settings.output.message(&format!("Downloading {name}"));
    }
    if session.settings.simulate {
        return Ok(());
    }
    let fetched = packages::fetch(session, id)?;
    let fetched = fetched.ok_or_else(|| StopError::new(format!("{name}: has no file")))?;
    if arguments.has("link") {
        let local = locations.iter().find_map(|location| match location {
            Location::Path(path) => std::fs::hard_link(path, &target).ok(),
            Location::Url(_) => None,
        });
        if local.is_some() {
            return Ok(());
        }
    }
    let mut file = fetched.file();
    file.rewind().map_err(failed)?;
    if to_stdout {
        return io::copy(&mut file, &mut io::stdout().lock()).map(drop).map_err(failed);
    }
    // Whole or not at all.
    let temporary = folder.join(format!(".{}.new", record.file_name()));
    let copied = File::create(&temporary).and_then(|mut copy| io::copy(&mut file, &mut copy));
    copied.and_then(|_| std::fs::rename(&temporary, &target)).map_err(failed)
}
