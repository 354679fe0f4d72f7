//! `wiz log`: what a target's actions printed.

use wiz_exec::failed;

use crate::arguments::Log;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;

/// Prints the log of the last failure, or of all results that are in the cache.
///
/// # Errors
/// If there is none.
pub(crate) fn run(config: &Config, log: &Log) -> Result<(), CliError> {
    let session = Session::open_to_read(config, log.platform.as_deref())?;
    let target = session.target(&log.label)?;
    if let Some(failed) = failed::load(&config.cache, &target) {
        let text = std::fs::read(failed.log()).map_err(|error| {
            CliError::new(
                Kind::Surroundings,
                "WIZ2060",
                format!("`{}` cannot be read: {error}", failed.log().display()),
            )
        })?;
        output::result(String::from_utf8_lossy(&text).trim_end());
        return Ok(());
    }
    let logs = session.logs(&target)?;
    if logs.is_empty() {
        return Err(CliError::new(
            Kind::User,
            "WIZ2061",
            format!("the cache has no log of `{}`", target.label),
        )
        .hint(format!("`wiz build {}` makes one", target.label)));
    }
    for (action, text) in logs {
        output::note(&format!("== {action}"));
        output::result(text.trim_end());
    }
    Ok(())
}
