//! `apk upgrade`: what is asked for, in the newest version.

use std::os::unix::process::CommandExt as _;

use wiz_apk::{Constraint, Dependency};
use wiz_solve::select::Stability;
use wiz_solve::{Flags, NameFlags, Transaction, Wish};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain, yes_no};
use crate::commit::{Ending, check_tags, commit, solve, solve_and_commit};
use crate::error::{Failure, StopError};
use crate::names;
use crate::query::owner;
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("available", "a"),
    plain("ignore", ""),
    plain("latest", "l"),
    yes_no("preupgrade", ""),
    plain("preupgrade-only", ""),
    plain("prune", ""),
    yes_no("self-upgrade", ""),
    plain("self-upgrade-only", ""),
];

pub(super) const COMMAND: Command = Command {
    name: "upgrade",
    summary: "Upgrades installed packages",
    usage: "upgrade [<OPTIONS>...] [PACKAGES...]",
    options: OPTIONS,
    is_commit: true,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let mut session = Session::open(settings, Needs::WRITE)?;
    let world = session.world.clone();
    check_tags(&session, &Transaction::new(&session.pool, world.clone()))
        .map_err(|_| StopError::new("Not continuing with upgrade due to missing repository tags."))?;
    session.check_repositories()?;
    let mut flags = Flags::UPGRADE;
    if arguments.has("available") {
        flags |= Flags::AVAILABLE;
    }
    if arguments.has("latest") {
        flags |= Flags::LATEST;
    }
    let is_only = arguments.has("preupgrade-only") || arguments.has("self-upgrade-only");
    let is_denied =
        [arguments.decided("preupgrade"), arguments.decided("self-upgrade")].contains(&Some(false));
    let is_host = session.settings.root.as_os_str() == "/";
    if (is_only || is_host) && !is_denied && arguments.operands.is_empty() {
        preupgrade(&mut session, flags, is_only)?;
    }
    if is_only {
        return Ok(());
    }
    let mut world = world;
    if flags.has(Flags::AVAILABLE) {
        world.iter_mut().for_each(unpin_identity);
    }
    if arguments.has("prune") {
        let pool = &session.pool;
        world.retain(|wish| pool.providers(wish.name).any(|id| pool.is_reachable(id)));
    }
    let mut transaction = Transaction::new(&session.pool, world);
    if !arguments.operands.is_empty() {
        let own = if arguments.has("ignore") { Flags::INSTALLED } else { Flags::UPGRADE };
        if !arguments.has("ignore") {
            flags = flags.without(Flags::UPGRADE);
        }
        transaction.names = flagged(&session, &arguments.operands, own, Flags::default())?;
    }
    transaction.flags = flags;
    solve_and_commit(&mut session, &transaction)
}

/// The names that were written, with flags; all must be known.
pub(super) fn flagged(
    session: &Session,
    written: &[String],
    own: Flags,
    inherited: Flags,
) -> Result<Vec<NameFlags>, Failure> {
    let found = names::find(&session.pool, written);
    let unknown: Vec<&str> = found.iter().filter(|(_, name)| name.is_none()).map(|(text, _)| *text).collect();
    for text in &unknown {
        session.settings.output.error(&format!("Package '{text}' not found"));
    }
    if !unknown.is_empty() {
        return Err(Failure::Counted(unknown.len()));
    }
    let names = found.into_iter().filter_map(|(_, name)| name);
    Ok(names.map(|name| NameFlags { name, own, inherited }).collect())
}

/// A wish for one package by its identity becomes one for its name.
fn unpin_identity(wish: &mut Wish) {
    if matches!(wish.dependency.constraint, Some(Constraint::Identity(_))) {
        wish.dependency.constraint = None;
    }
}

/// Upgrades apk itself first, and what was named to be, with as few other changes as
/// possible; then goes on as the new apk.
fn preupgrade(session: &mut Session, flags: Flags, is_only: bool) -> Result<(), Failure> {
    let names = candidates(session);
    if names.is_empty() {
        return Ok(());
    }
    let mut transaction = Transaction::new(&session.pool, session.world.clone());
    transaction.names =
        names.into_iter().map(|name| NameFlags { name, own: flags, inherited: Flags::default() }).collect();
    transaction.stability = Stability::Reluctant;
    let outcome = solve(session, &transaction);
    let output = session.settings.output;
    if outcome.errors > 0 {
        output.warning("Failed to perform initial preupgrade, continuing with a full upgrade.");
        return Ok(());
    }
    if !outcome.changes.iter().any(wiz_solve::Change::is_effective) {
        return Ok(());
    }
    if !is_only && session.settings.simulate {
        output.warning("This simulation might not reliable as a preupgrade is available.");
        return Ok(());
    }
    output.message("Preupgrading:");
    let ending = if is_only { Ending::Summary } else { Ending::Silent };
    commit(session, &transaction, &outcome, ending)?;
    if is_only {
        return Ok(());
    }
    output.message("Continuing with the main upgrade transaction:");
    session.lock = None;
    let failed = |error: std::io::Error| StopError::new(format!("cannot start the new apk: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let words = std::env::args_os().skip(1);
    let error = std::process::Command::new(program).args(words).arg("--no-self-upgrade").exec();
    Err(failed(error).into())
}

/// The names of what goes first and has a newer version.
fn candidates(session: &mut Session) -> Vec<wiz_solve::NameId> {
    let mut dependencies: Vec<Dependency> = Vec::new();
    if let Some(id) = owner(session, "/proc/self/exe").map(|owner| owner.package) {
        dependencies.push(Dependency::on(session.pool.package(id).record.name.clone()));
    }
    for text in session.settings.preupgrade_depends.clone() {
        let mut is_sound = true;
        for word in text.split_whitespace() {
            match word.parse::<Dependency>() {
                Ok(dependency) => {
                    dependencies.retain(|known| known.name != dependency.name);
                    dependencies.push(dependency);
                }
                Err(_) => is_sound = false,
            }
        }
        if !is_sound {
            let text = format!("Ignored invalid preupgrade dependencies from: {text}");
            session.settings.output.warning(&text);
        }
    }
    let pool = &session.pool;
    let has_newer = |dependency: &Dependency| {
        let name = pool.find(&dependency.name)?;
        let installed = pool.installed_with(name)?;
        let record = &pool.package(installed).record;
        if dependency.matches(Some(&record.version), record.identity.as_ref()) == dependency.conflict {
            return None;
        }
        let is_newer = |id| {
            let package = pool.package(id);
            package.repositories().next().is_some() && package.record.version.compare(&record.version).is_gt()
        };
        pool.providers(name).any(is_newer).then_some(name)
    };
    dependencies.iter().filter_map(has_newer).collect()
}
