//! `wiz clean`: removes the links under wiz-out/, or the cache as well.

use std::io::ErrorKind;
use std::path::Path;

use crate::arguments::Clean;
use crate::config::Config;
use crate::error::{CliError, Kind};

/// Removes results.
///
/// # Errors
/// If there is no workspace, or something cannot be removed.
pub(crate) fn run(config: &Config, clean: &Clean) -> Result<(), CliError> {
    let workspace = config.require_workspace()?;
    remove(&workspace.join("wiz-out"))?;
    if clean.cache {
        remove(&config.cache)?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), CliError> {
    if !folder.symlink_metadata().map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true) {
        return Ok(());
    }
    wiz_sandbox::remove_tree(folder).map_err(|error| {
        CliError::new(
            Kind::Surroundings,
            "WIZ2012",
            format!("`{}` cannot be removed: {error}", folder.display()),
        )
    })
}
