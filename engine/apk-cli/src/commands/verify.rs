//! `apk verify`: whether packages and indexes are whole and signed.

use std::path::Path;

use super::Command;
use crate::arguments::Arguments;
use crate::error::Failure;
use crate::packages;
use crate::session::{Access, Needs, Session};
use crate::settings::Settings;

pub(super) const COMMAND: Command = Command {
    name: "verify",
    summary: "Checks package files and their signatures",
    usage: "verify [<OPTIONS>...] FILES...",
    options: &[],
    is_commit: false,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let needs = Needs { access: Access::Read, state: false, repositories: false, refresh: false };
    let session = Session::open(settings, needs)?;
    let output = session.settings.output;
    let mut errors = 0;
    for path in &arguments.operands {
        let verdict = packages::verify(&session, Path::new(path));
        match (&verdict, output.verbosity) {
            (Ok(()), 0) => {}
            (Err(_), 0) => output.line(path),
            (Ok(()), _) => output.line(&format!("{path}: OK")),
            (Err(reason), _) => output.line(&format!("{path}: {reason}")),
        }
        errors += usize::from(verdict.is_err());
    }
    if errors > 0 { Err(Failure::Counted(errors)) } else { Ok(()) }
}
