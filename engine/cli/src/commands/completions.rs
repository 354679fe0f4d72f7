//! `wiz completions`: a completion script for a shell.

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Completions};
use crate::error::CliError;
use crate::output;

/// Prints the script.
pub(crate) fn run(completions: &Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "wiz", &mut script);
    output::result(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}
