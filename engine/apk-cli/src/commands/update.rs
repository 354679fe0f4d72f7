//! `apk update`: indexes are looked up anew.

use super::Command;
use crate::arguments::Arguments;
use crate::error::Failure;
use crate::session::{Needs, Session};
use crate::settings::Settings;

pub(super) const COMMAND: Command = Command {
    name: "update",
    summary: "Looks up what repositories have",
    usage: "update [<OPTIONS>...]",
    options: &[],
    is_commit: false,
    run,
};

fn run(mut settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    super::refuse_operands(arguments)?;
    if let Some(cache) = &mut settings.cache {
        cache.max_age = std::time::Duration::ZERO;
    }
    let session = Session::open(settings, Needs::WRITE)?;
    let output = session.settings.output;
    for repository in session.repositories.iter().filter(|repository| repository.is_available) {
        output.message(&format!("{} [{}]", repository.description, repository.shown));
    }
    let verdict = match (session.unavailable, session.stale) {
        (0, 0) => "OK:".to_owned(),
        (unavailable, stale) => format!("{unavailable} unavailable, {stale} stale;"),
    };
    let count = session.pool.ids().count();
    output.message(&format!("{verdict} {count} distinct packages available"));
    match session.unavailable + session.stale {
        0 => Ok(()),
        errors => Err(Failure::Counted(errors)),
    }
}
