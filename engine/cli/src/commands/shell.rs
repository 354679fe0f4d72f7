//! `wiz shell`: a shell in the sandbox of a failed action, as the failure left it.

use wiz_cas::{Store, StoreOptions};
use wiz_exec::failed;
use wiz_sandbox::{CancelToken, Ending};

use crate::arguments::Shell;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::{Session, store_error};

/// Enters the sandbox of the target's last failed action.
///
/// # Errors
/// If no failure is kept, or the sandbox cannot be made again.
pub(crate) fn run(config: &Config, shell: &Shell) -> Result<(), CliError> {
    let session = Session::open_to_read(config, shell.platform.as_deref())?;
    let target = session.target(&shell.label)?;
    let Some(failed) = failed::load(&config.cache, &target) else {
        return Err(CliError::new(
            Kind::User,
            "WIZ2050",
            format!("no failed action of `{}` is kept", target.label),
        )
        .hint(format!("`wiz build {}` keeps the sandbox of an action that fails", target.label)));
    };
    let store = Store::open(&config.cache, session.digest_function(), &StoreOptions::default())
        .map_err(|error| store_error(&error))?;
    let command = if shell.command.is_empty() { vec!["/bin/sh".to_owned()] } else { shell.command.clone() };
    let spec = failed.spec(&store, command).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2051", error.to_string())
            .hint(format!("`wiz build {}` makes it again", target.label))
    })?;
    if shell.command.is_empty() {
        output::note(&format!("in the sandbox of `{}`: {}", failed.action, failed.message));
    }
    let surroundings = |error: String| CliError::new(Kind::Surroundings, "WIZ2052", error);
    let token = CancelToken::new().map_err(|error| surroundings(error.to_string()))?;
    let finished =
        wiz_sandbox::interactive(&spec, &token).map_err(|error| surroundings(error.to_string()))?;
    match finished.ending {
        Ending::Exited(0) => Ok(()),
        _ => Err(CliError::shown(Kind::Failed)),
    }
}
