//! Changes carried out: all packages are here and are sound before the first file of the
//! root is touched.

use std::collections::BTreeSet;

use wiz_apk::Checksum;
use wiz_apk::database::world::WorldDependency;
use wiz_install::apply::{self, RootEffects};
use wiz_install::installer::{
    Incoming, Installer, Notice, OnChanged, OnConflict, OnRemoval, Options, Privileges,
};
use wiz_solve::{Change, PackageId, Transaction};

use super::listing::{Steps, is_at_hand};
use super::scripts::{Hooks, Moment};
use crate::error::{Failure, StopError, chain};
use crate::packages::{self, FetchedPackages};
use crate::session::Session;
use crate::settings::Scripts;

/// Carries the changes out; how much went wrong.
pub(super) fn carry_out(
    session: &mut Session,
    transaction: &Transaction,
    changes: &[Change],
) -> Result<usize, Failure> {
    let fetched = fetch(session, changes)?;
    refuse_scripts(session, changes, &fetched)?;
    let world: Vec<WorldDependency> = transaction.world.iter().map(|wish| session.written(wish)).collect();
    let stop = |error: &dyn std::error::Error| Failure::from(StopError::new(chain(error)));
    let before = RootEffects::read(&session.root, &session.state).map_err(|error| stop(&error))?;
    let leaving = leaving(session, changes);
    let mut state = session.state.clone();
    if state.arches.is_empty() {
        state.arches.clone_from(&session.arches);
    }
    let options = options(session)?;
    let privileges = options.privileges;
    let mut installer =
        Installer::begin(&session.root, state, &world, leaving, options).map_err(|error| stop(&error))?;
    let mut steps = Steps::new(session, changes);
    let mut hooks = Hooks::new(session);
    let mut errors = 0;
    for change in changes.iter().filter(|change| change.is_effective()) {
        steps.say(session, change);
        if let Err(failure) = step(session, &mut installer, &mut hooks, change, &fetched) {
            errors += 1;
            let name = session.pool.package(change.subject()).record.display_name();
            if let Failure::Stopped(error) = failure {
                session.settings.output.error(&format!("{name}: {}", chain(&error)));
            }
        }
    }
    let arch = session.arches[0].clone();
    if let Err(error) = apply::apply(&session.root, installer.state(), &before, &arch, privileges) {
        errors += 1;
        session.settings.output.error(&chain(&error));
    }
    errors += hooks.run_triggers(session, installer.state());
    let state = installer.finish(world).map_err(|error| stop(&error))?;
    session.root.sync()?;
    session.state = state;
    Ok(errors)
}

/// Brings everything here that will be installed.
fn fetch(session: &Session, changes: &[Change]) -> Result<FetchedPackages, Failure> {
    let mut fetched = FetchedPackages::new();
    let mut errors = 0;
    for change in changes {
        let Some(new) = change.new else { continue };
        let is_wanted = change.old != change.new || (change.is_reinstall && is_at_hand(session, new));
        if !is_wanted {
            continue;
        }
        match packages::fetch(session, new) {
            Ok(package) => fetched.extend(package.map(|package| (new, package))),
            Err(Failure::Stopped(error)) => {
                session.settings.output.error(&chain(&error));
                errors += 1;
            }
            Err(failure) => return Err(failure),
        }
    }
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(fetched) }
}

/// Objects to packages that bring scripts, unless it was said what to do with them.
fn refuse_scripts(session: &Session, changes: &[Change], fetched: &FetchedPackages) -> Result<(), Failure> {
    if session.settings.scripts != Scripts::Refused {
        return Ok(());
    }
    let mut errors = 0;
    for change in changes {
        let scripts =
            change.new.and_then(|new| fetched.get(&new)).map_or(&[][..], |package| &package.scripts);
        if scripts.is_empty() {
            continue;
        }
        let name = session.pool.package(change.subject()).record.display_name();
        let scripts: Vec<&str> = scripts.iter().map(|script| script.as_str()).collect();
        session
            .settings
            .output
            .error(&format!("{name}: has scripts that would run as root: {}", scripts.join(", ")));
        errors += 1;
    }
    if errors == 0 {
        return Ok(());
    }
    session.settings.output.error("hint: --scripts runs them, --no-scripts installs without running them");
    Err(Failure::Counted(errors))
}

/// The packages that are not there afterwards.
fn leaving(session: &Session, changes: &[Change]) -> BTreeSet<Checksum> {
    let old = changes.iter().filter(|change| change.old != change.new).filter_map(|change| change.old);
    old.filter_map(|id| session.pool.package(id).record.identity).collect()
}

fn options(session: &Session) -> Result<Options, Failure> {
    let mut protected = session.protected_paths()?;
    protected.except(apply::BUNDLE);
    let settings = &session.settings;
    Ok(Options {
        privileges: privileges(session)?,
        protected,
        on_changed: if settings.clean_protected { OnChanged::LeftOut } else { OnChanged::Beside },
        on_removal: if settings.purge { OnRemoval::Purge } else { OnRemoval::Keep },
        on_conflict: if settings.force.overwrite { OnConflict::Overwrite } else { OnConflict::Refuse },
    })
}

/// Owners are set by root, in a root that is root's.
pub(super) fn privileges(session: &Session) -> Result<Privileges, Failure> {
    let is_root = rustix::process::geteuid().is_root();
    let database = session.root.metadata(session.database_folder()?)?;
    let is_roots = database.is_none_or(|folder| folder.uid == 0);
    Ok(if is_root && is_roots { Privileges::Root } else { Privileges::User })
}

fn step(
    session: &Session,
    installer: &mut Installer<'_>,
    hooks: &mut Hooks,
    change: &Change,
    fetched: &FetchedPackages,
) -> Result<(), Failure> {
    let identity = |id: PackageId| session.pool.package(id).record.identity;
    let old = change.old.and_then(identity);
    let stop = |error: wiz_install::installer::InstallError| Failure::from(StopError::new(chain(&error)));
    let Some(new) = change.new else {
        let Some(old) = old else { return Ok(()) };
        hooks.run(session, installer.state(), old, Moment::BeforeRemoval)?;
        hooks.note_folders(installer.state(), old);
        let scripts = hooks.scripts_of(installer.state(), old);
        installer.remove(old).map_err(stop)?;
        return hooks.run_kept(session, &scripts, Moment::AfterRemoval);
    };
    let tag = session.pool.tag_name(change.new_tag).map(str::to_owned);
    let is_moved = change.old != change.new || change.is_reinstall;
    let package = fetched.get(&new);
    if !is_moved || (package.is_none() && change.old == change.new) {
        // Only the pinning changes, or there is nothing to reinstall from.
        if let Some(identity) = identity(new) {
            installer.pin(identity, tag);
        }
        return Ok(());
    }
    let record = session.pool.package(new).record.clone();
    let before = if old.is_some() { Moment::BeforeUpgrade } else { Moment::BeforeInstallation };
    let reader = package.map(packages::Fetched::reader).transpose()?;
    let scripts = reader.as_ref().map(|reader| hooks.scripts_in(&record, reader)).unwrap_or_default();
    let versions = change.old.map(|old| session.pool.package(old).record.version.to_string());
    let scripts = scripts.with_versions(versions.as_deref());
    hooks.run_kept(session, &scripts, before)?;
    if let Some(old) = old {
        hooks.note_folders(installer.state(), old);
    }
    let notices = installer.install(Incoming { record, tag, reader }, old).map_err(stop)?;
    for Notice::Beside(path) in notices {
        session.settings.output.message(&format!("  Installing file to {path}"));
    }
    if let Some(identity) = identity(new) {
        hooks.note_folders(installer.state(), identity);
        hooks.note_new(identity);
    }
    let after = if old.is_some() { Moment::AfterUpgrade } else { Moment::AfterInstallation };
    hooks.run_kept(session, &scripts, after)
}
