//! `wiz doctor`: whether this machine can build, and what to do where it cannot.

use wiz_base::DigestFunction;
use wiz_cas::{Store, StoreOptions};
use wiz_sandbox::Finding;

use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::store_error;

/// Checks the cache folder and everything the sandbox needs.
///
/// # Errors
/// If something that is needed does not work.
pub(crate) fn run(config: &Config) -> Result<(), CliError> {
    let store = Store::open(&config.cache, DigestFunction::default(), &StoreOptions::default());
    let store = store.map_err(|error| store_error(&error))?;
    output::result(&format!("ok      cache folder `{}`", config.cache.display()));
    let scratch = store.scratch().map_err(|error| store_error(&error))?;
    let mut failed = 0;
    for check in wiz_sandbox::probe(scratch.path()) {
        match check.finding {
            Finding::Works => output::result(&format!("ok      {}", check.name)),
            Finding::Replaced(by) => output::result(&format!("absent  {}: {by}", check.name)),
            Finding::Refused(why) => {
                failed += 1;
                output::result(&format!("FAILED  {}: {}", check.name, why.replace('\n', "\n        ")));
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(CliError::new(
        Kind::Surroundings,
        "WIZ2011",
        format!("{failed} of the things wiz needs do not work here"),
    )
    .hint("the lines that say FAILED end in what to do"))
}
