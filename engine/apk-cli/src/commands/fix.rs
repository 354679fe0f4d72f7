//! `apk fix`: what is broken is installed again.

use wiz_solve::{Flags, NameFlags, Transaction};

use super::Command;
use crate::arguments::{Arguments, OptionSpec, plain};
use crate::commit::{solve, solve_and_commit};
use crate::error::{Failure, StopError, chain};
use crate::query::is_broken;
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("depends", "d"),
    plain("directory-permissions", ""),
    plain("reinstall", "r"),
    plain("upgrade", "u"),
    plain("xattr", "x"),
];

pub(super) const COMMAND: Command = Command {
    name: "fix",
    summary: "Mends what is broken, or installs packages again",
    usage: "fix [<OPTIONS>...] [PACKAGES...]",
    options: OPTIONS,
    is_commit: true,
    run,
};

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let mut session = Session::open(settings, Needs::WRITE)?;
    let mut own = Flags::default();
    if arguments.has("upgrade") {
        own |= Flags::UPGRADE;
    }
    if arguments.has("reinstall") || own == Flags::default() {
        own |= Flags::REINSTALL;
    }
    let inherited = if arguments.has("depends") { own } else { Flags::default() };
    let names = if arguments.operands.is_empty() {
        broken(&session)?
            .into_iter()
            .map(|name| NameFlags { name, own: own | Flags::REINSTALL, inherited })
            .collect()
    } else {
        super::upgrade::flagged(&session, &arguments.operands, own, inherited)?
    };
    if arguments.has("directory-permissions") {
        wiz_install::repair::folders(&session.root, &session.state)
            .map_err(|error| StopError::new(chain(&error)))?;
    }
    let mut transaction = Transaction::new(&session.pool, session.world.clone());
    transaction.names.clone_from(&names);
    // What was interrupted is brought to its end, if that is still possible.
    if let Some(world) = session.interrupted.clone() {
        let world = world.iter().map(|wish| session.wish(wish)).collect();
        let mut finished = Transaction::new(&session.pool, world);
        finished.names = names;
        if solve(&session, &finished).errors == 0 {
            transaction = finished;
        }
    }
    solve_and_commit(&mut session, &transaction)
}

/// Names of installed packages with a file that is missing or another, and of those that
/// the database says are broken.
fn broken(session: &Session) -> Result<Vec<wiz_solve::NameId>, Failure> {
    let mut names = Vec::new();
    for id in session.pool.installed() {
        let Some(package) = session.installed(id) else { continue };
        let is_marked =
            package.others.iter().any(|(letter, value)| *letter == 'f' && value.contains(['f', 's']));
        if is_marked || is_broken(session, package)? {
            names.push(session.pool.package(id).name);
        }
    }
    Ok(names)
}
