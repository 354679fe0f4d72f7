//! Carries a transaction out, and says what it does as apk does.

mod install;
mod listing;
mod scripts;

pub(crate) use scripts::{INTERNAL_COMMAND, run_in_root};

use wiz_solve::{Change, Outcome, Transaction, choose, choose_what_is_possible, explain};

use crate::error::{Failure, StopError};
use crate::output::{Indent, Stream, human_size, write};
use crate::session::Session;

/// Whether the last line, which says how things are, is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Summary,
    Silent,
}

/// Chooses packages for the transaction and carries it out.
pub(crate) fn solve_and_commit(session: &mut Session, transaction: &Transaction) -> Result<(), Failure> {
    check_tags(session, transaction)?;
    let outcome = solve(session, transaction);
    if outcome.errors > 0 {
        report(session, transaction, &outcome);
        return Err(Failure::Counted(outcome.errors));
    }
    commit(session, transaction, &outcome, Ending::Summary)
}

/// Chooses packages for the transaction.
pub(crate) fn solve(session: &Session, transaction: &Transaction) -> Outcome {
    if session.settings.force.broken_world {
        choose_what_is_possible(&session.pool, transaction)
    } else {
        choose(&session.pool, transaction)
    }
}

/// Says why a transaction has no outcome.
pub(crate) fn report(session: &Session, transaction: &Transaction, outcome: &Outcome) {
    let output = &session.settings.output;
    output.error("unable to select packages:");
    let troubles = explain(&session.pool, transaction, outcome);
    for trouble in &troubles {
        write(Stream::Err, &format!("  {}:\n", trouble.subject));
        for fact in &trouble.facts {
            let mut words = output.words(&format!("    {}:", fact.label), Indent::BehindHead);
            fact.items.iter().for_each(|item| words.add(item));
            words.end(Stream::Err);
        }
    }
    if troubles.is_empty() {
        write(Stream::Err, "Huh? Error reporter did not find the broken constraints.\n");
    }
}

/// Objects to wishes that are pinned to tags no repository has.
pub(crate) fn check_tags(session: &Session, transaction: &Transaction) -> Result<(), Failure> {
    if session.settings.force.broken_world {
        return Ok(());
    }
    let pool = &session.pool;
    let is_wrong = |tag| tag != wiz_solve::TagId::DEFAULT && !pool.is_tag_used(tag);
    let wrong: Vec<_> = transaction.world.iter().filter(|wish| is_wrong(wish.tag)).collect();
    for wish in &wrong {
        let (name, tag) = (&wish.dependency.name, pool.tag_suffix(wish.tag));
        let text = format!("The repository tag for world dependency '{name}{tag}' does not exist");
        session.settings.output.warning(&text);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(StopError::new("Not committing changes due to missing repository tags.").into())
}

/// Carries out what was chosen.
pub(crate) fn commit(
    session: &mut Session,
    transaction: &Transaction,
    outcome: &Outcome,
    ending: Ending,
) -> Result<(), Failure> {
    check_tags(session, transaction)?;
    if !listing::announce(session, &outcome.changes)? {
        return Err(StopError::new("cancelled").into());
    }
    let before = Totals::of(session);
    let errors = if session.settings.simulate {
        let mut steps = listing::Steps::new(session, &outcome.changes);
        outcome.changes.iter().for_each(|change| steps.say(session, change));
        0
    } else {
        install::carry_out(session, transaction, &outcome.changes)?
    };
    if ending == Ending::Summary {
        let totals = if session.settings.simulate {
            before.after(session, &outcome.changes)
        } else {
            Totals::of(session)
        };
        summarise(session, &totals, errors);
    }
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(()) }
}

fn summarise(session: &Session, totals: &Totals, errors: usize) {
    let output = &session.settings.output;
    let verdict = match errors {
        0 => "OK:".to_owned(),
        1 => "1 error;".to_owned(),
        _ => format!("{errors} errors;"),
    };
    let (size, packages) = (human_size(totals.bytes.max(0).unsigned_abs()), totals.packages);
    if output.verbosity > 1 {
        let (folders, files) = (totals.folders, totals.files);
        output.message(&format!("{verdict} {packages} packages, {folders} dirs, {files} files, {size}"));
    } else {
        output.message(&format!("{verdict} {size} in {packages} packages"));
    }
}

/// How much is installed.
#[derive(Debug, Clone, Copy)]
struct Totals {
    bytes: i64,
    packages: i64,
    folders: usize,
    files: usize,
}

impl Totals {
    fn of(session: &Session) -> Self {
        let packages = &session.state.packages;
        let sizes = packages.iter().map(|package| signed(package.record.installed_size));
        let mut folders = std::collections::BTreeSet::new();
        for path in packages.iter().flat_map(|package| &package.directories).map(|directory| &directory.path)
        {
            folders.extend(path.match_indices('/').map(|(end, _)| &path[..end]));
            folders.extend(["", path.as_str()]);
        }
        let directories = packages.iter().flat_map(|package| &package.directories);
        Self {
            bytes: sizes.sum(),
            packages: i64::try_from(packages.len()).unwrap_or(i64::MAX),
            folders: folders.len(),
            files: directories.map(|directory| directory.files.len()).sum(),
        }
    }

    fn after(mut self, session: &Session, changes: &[Change]) -> Self {
        let size = |id: Option<wiz_solve::PackageId>| {
            id.map_or(0, |id| signed(session.pool.package(id).record.installed_size))
        };
        for change in changes {
            self.bytes += size(change.new) - size(change.old);
            self.packages += i64::from(change.new.is_some()) - i64::from(change.old.is_some());
        }
        self
    }
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
