//! `apk add`: more is asked for.

use std::time::Duration;

use wiz_apk::database::world::WorldDependency;
use wiz_apk::{Checksum, Constraint, Dependency, Operator, Record, Version};
use wiz_solve::{Flags, NameFlags, Source, Transaction, Wish};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, argument, plain};
use crate::commit::solve_and_commit;
use crate::error::{Failure, StopError};
use crate::packages;
use crate::repository::is_package_file;
use crate::session::{Access, Needs, Session, now};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("initdb", ""),
    plain("latest", "l"),
    plain("no-chown", ""),
    plain("upgrade", "u"),
    plain("usermode", ""),
    argument("virtual", "t"),
];

pub(super) const COMMAND: Command = Command {
    name: "add",
    summary: "Installs packages and what they need",
    usage: "add [<OPTIONS>...] PACKAGES...",
    options: OPTIONS,
    is_commit: true,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let creates = arguments.has("initdb");
    let is_user = arguments.has("usermode") || arguments.has("no-chown");
    let is_root = rustix::process::geteuid().is_root();
    match (creates && !settings.simulate, is_user, is_root) {
        (true, true, true) => return Err(StopError::new("--usermode not allowed as root").into()),
        (true, false, false) => {
            return Err(StopError::new("Use --usermode to allow creating database as non-root").into());
        }
        _ => {}
    }
    let access = if creates { Access::Create } else { Access::Write };
    let mut session = Session::open(settings, Needs { access, ..Needs::WRITE })?;
    let mut flags = Flags::default();
    if arguments.has("latest") {
        flags |= Flags::LATEST;
    }
    if arguments.has("upgrade") {
        flags |= Flags::UPGRADE;
    }
    let mut package = arguments.text("virtual").map(|text| virtual_package(&session, text)).transpose()?;
    if package.is_some() && arguments.operands.iter().all(String::is_empty) {
        session.settings.output.warning("creating empty virtual package");
    }
    let mut world = session.world.clone();
    let mut names = Vec::new();
    for text in arguments.operands.iter().filter(|text| !text.is_empty()) {
        let wish = wish(&mut session, text, package.is_some())?;
        match &mut package {
            Some(package) => insert(&mut package.depends, wish.dependency),
            None => {
                names.push(NameFlags { name: wish.name, own: flags, inherited: flags });
                insert_wish(&mut world, wish);
            }
        }
    }
    if let Some(record) = package {
        let wish = add_virtual(&mut session, record);
        names.push(NameFlags { name: wish.name, own: flags, inherited: flags });
        insert_wish(&mut world, wish);
    }
    let mut transaction = Transaction::new(&session.pool, world);
    transaction.names = names;
    solve_and_commit(&mut session, &transaction)
}

/// What an operand asks for: a package file, or a dependency.
fn wish(session: &mut Session, text: &str, is_for_package: bool) -> Result<Wish, Failure> {
    if is_package_file(text) {
        check_permanence(session)?;
        let record = packages::read_file(session, text)?;
        let identity = record.identity.expect("a package file has an identity");
        let constraint = Some(Constraint::Identity(identity));
        let dependency = Dependency { constraint, ..Dependency::on(record.name.clone()) };
        let id = session.pool.add(record, Source::File).expect("the record has an identity");
        session.files.insert(id, text.to_owned());
        return Ok(session.wish(&dependency.into()));
    }
    let (kind, format) = if is_for_package {
        ("package", "name([<>~=]version)")
    } else {
        ("world", "name(@tag)([<>~=]version)")
    };
    let malformed =
        || StopError::new(format!("'{text}' is not a valid {kind} dependency, format is {format}"));
    let wish: WorldDependency = text.parse().map_err(|_| malformed())?;
    if is_for_package && wish.tag.is_some() {
        return Err(malformed().into());
    }
    Ok(session.wish(&wish))
}

/// The package that `-t` asks for, without dependencies so far.
fn virtual_package(session: &Session, text: &str) -> Result<Record, Failure> {
    let malformed = || StopError::new(format!("{text}: bad package specifier"));
    let wish: WorldDependency = text.parse().map_err(|_| malformed())?;
    if wish.dependency.conflict {
        return Err(malformed().into());
    }
    if !wish.dependency.name.as_str().starts_with('.') {
        check_permanence(session)?;
    }
    let version = match wish.dependency.constraint {
        None => generated_version(now()),
        Some(Constraint::Version(Operator::Equal, version)) => version,
        Some(_) => return Err(malformed().into()),
    };
    let mut record = Record::new(wish.dependency.name, version);
    record.summary = Some("virtual meta package".to_owned());
    record.arch = Some("noarch".to_owned());
    Ok(record)
}

/// Adds the finished virtual package to the pool; the wish for exactly it.
fn add_virtual(session: &mut Session, mut record: Record) -> Wish {
    // What it is made of tells it from others of the same name and version.
    record.identity = Some(Checksum::sha1(record.to_string().as_bytes()));
    let dependency = Dependency {
        constraint: Some(Constraint::Version(Operator::Equal, record.version.clone())),
        ..Dependency::on(record.name.clone())
    };
    session.pool.add(record, Source::Virtual);
    session.wish(&dependency.into())
}

/// Objects to packages of no repository where the root is lost with the machine.
fn check_permanence(session: &Session) -> Result<(), Failure> {
    let is_kept = session.cache.as_ref().is_some_and(|cache| cache.keeps_packages);
    if session.settings.force.non_repository || is_kept || !session.is_on_tmpfs {
        return Ok(());
    }
    let text = "You tried to add a non-repository package to system, but it would be lost on next reboot. \
                Enable package caching (apk cache --help) or use --force-non-repository if you know what you are doing.";
    Err(StopError::new(text).into())
}

/// A moment as a version: `20240229.235959`, in UTC.
fn generated_version(moment: Duration) -> Version {
    let (days, seconds) = (moment.as_secs() / 86_400, moment.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let text = format!("{year:04}{month:02}{day:02}.{hour:02}{minute:02}{second:02}");
    text.parse().expect("digits and a full stop are a version")
}

/// Year, month and day of the Gregorian calendar for days since 1970-01-01.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// A dependency takes the place of one on the same name.
fn insert(dependencies: &mut Vec<Dependency>, new: Dependency) {
    match dependencies.iter_mut().find(|known| known.name == new.name) {
        Some(known) => *known = new,
        None => dependencies.push(new),
    }
}

fn insert_wish(world: &mut Vec<Wish>, new: Wish) {
    match world.iter_mut().find(|known| known.name == new.name) {
        Some(known) => *known = new,
        None => world.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_versions_are_dates() {
        let version = |seconds| generated_version(Duration::from_secs(seconds)).to_string();
        assert_eq!(version(0), "19700101.000000");
        assert_eq!(version(1_709_251_199), "20240229.235959");
        assert_eq!(version(4_102_444_800), "21000101.000000");
    }
}
