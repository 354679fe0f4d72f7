//! `wiz shell`: a shell in the sandbox of an action, fresh or as a failure left it.

use wiz_cas::{Store, StoreOptions};
use wiz_exec::failed;
use wiz_graph::ConfiguredTarget;
use wiz_sandbox::{CancelToken, Ending, Spec};

use crate::arguments::Shell;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::{Session, store_error};

/// Enters the sandbox of one of the target's actions.
///
/// # Errors
/// If there is no such action, no failure is kept, or the sandbox cannot be made.
pub(crate) fn run(config: &Config, shell: &Shell) -> Result<(), CliError> {
    let session = Session::open_to_read(config, shell.platform.as_deref())?;
    let target = session.target(&shell.label)?;
    let command = if shell.command.is_empty() { vec!["/bin/sh".to_owned()] } else { shell.command.clone() };
    if shell.failed {
        return enter_failed(config, &session, &target, shell, command);
    }
    let sandbox = session.sandbox(&target, shell.action.as_deref(), command)?;
    announce(shell, &format!("in the sandbox of `{}`, which has not run", sandbox.action));
    enter(&sandbox.spec)
}

fn enter_failed(
    config: &Config,
    session: &Session<'_>,
    target: &ConfiguredTarget,
    shell: &Shell,
    command: Vec<String>,
) -> Result<(), CliError> {
    let Some(failed) = failed::load(&config.cache, target) else {
        return Err(CliError::new(
            Kind::User,
            "WIZ2050",
            format!("no failed action of `{}` is kept", target.label),
        )
        .hint(format!("`wiz build {}` keeps the sandbox of an action that fails", target.label)));
    };
    let store = Store::open(&config.cache, session.digest_function(), &StoreOptions::default())
        .map_err(|error| store_error(&error))?;
    let spec = failed.spec(&store, command).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2051", error.to_string())
            .hint(format!("`wiz build {}` makes it again", target.label))
    })?;
    announce(shell, &format!("in the sandbox of `{}`: {}", failed.action, failed.message));
    enter(&spec)
}

/// Says where a shell opens; a command given on the command line needs no word.
fn announce(shell: &Shell, text: &str) {
    if shell.command.is_empty() {
        output::note(text);
    }
}

/// Runs what a sandbox is for, with this terminal.
///
/// # Errors
/// If the sandbox cannot be made, or what runs there fails.
pub(crate) fn enter(spec: &Spec) -> Result<(), CliError> {
    let surroundings = |error: String| CliError::new(Kind::Surroundings, "WIZ2052", error);
    let token = CancelToken::new().map_err(|error| surroundings(error.to_string()))?;
    let finished = wiz_sandbox::interactive(spec, &token).map_err(|error| surroundings(error.to_string()))?;
    match finished.ending {
        Ending::Exited(0) => Ok(()),
        _ => Err(CliError::shown(Kind::Failed)),
    }
}
