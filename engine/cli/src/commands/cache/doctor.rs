//! `wiz cache doctor`: whether the remote cache can be used, and what to do where it cannot.

use wiz_base::DigestFunction;
use wiz_remote::doctor::{Finding, examine};

use crate::arguments::CacheDoctor;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::{Session, endpoint};

/// Checks the remote cache.
///
/// # Errors
/// If none is named, or something that builds need does not work.
pub(crate) fn run(config: &Config, doctor: &CacheDoctor) -> Result<(), CliError> {
    let session = match config.workspace() {
        Some(_) => Some(Session::open_to_read(config, None)?),
        None => None,
    };
    let said = doctor.address.clone().or_else(|| config.remote_cache.clone());
    let named = match &session {
        Some(session) if said.is_none() => session.named_remote()?.cache,
        _ => None,
    };
    let Some(endpoint) = endpoint(said.or(named))? else {
        return Err(CliError::new(Kind::User, "WIZ2117", "there is no remote cache to check")
            .hint("give its address, set `WIZ_REMOTE_CACHE`, or name it in config.toml or WORKSPACE.star"));
    };
    let function = session.as_ref().map_or(DigestFunction::default(), Session::digest_function);
    let access = config.remote_access()?;
    output::result(&format!("remote cache `{endpoint}`"));
    let checks = examine(&endpoint, &access, function, &probe())
        .map_err(|error| CliError::of(Kind::Surroundings, "WIZ2118", &error))?;
    let mut failed = 0;
    for check in checks {
        match check.finding {
            Finding::Works(how) => output::result(&format!("ok      {}: {how}", check.name)),
            Finding::Lacks(what) => output::result(&format!("absent  {}: {what}", check.name)),
            Finding::Fails(why, hint) => {
                failed += 1;
                output::result(&format!("FAILED  {}: {why}\n        {hint}", check.name));
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(CliError::new(Kind::Surroundings, "WIZ2118", "builds cannot use this remote cache as they should")
        .hint("the lines below FAILED say what to do; without it, builds are right and take longer"))
}

/// What tells this call from all others.
fn probe() -> Vec<u8> {
    let now = crate::config::seconds_since_1970();
    format!("wiz cache doctor {now} {}", std::process::id()).into_bytes()
}
