//! `wiz pull`: an image out of a registry, as an OCI layout.

use wiz_oci::Descriptor;
use wiz_registry::{Layout, Reference};

use super::{connect, failure, platform, reference};
use crate::arguments::Pull;
use crate::config::{Config, Size};
use crate::error::CliError;
use crate::output;

/// Pulls an image into a folder.
///
/// # Errors
/// If there is none, or what comes is not what its digests say.
pub(crate) fn run(config: &Config, pull: &Pull) -> Result<(), CliError> {
    let reference = reference(&pull.reference)?;
    let connection = connect(config, &reference, pull.plain_http)?;
    let platform = platform(&pull.arch);
    let progress =
        |blob: &Descriptor| output::note(&format!("fetching {}  {}", blob.digest, Size(blob.size)));
    let folder = config.directory.join(&pull.folder);
    let pulled = wiz_registry::pull(&connection, &reference, &platform, &Layout::new(&folder), &progress)
        .map_err(|error| failure(&error))?;
    output::note(&format!("{} came", Size(pulled.bytes)));
    output::result(&Reference { digest: Some(pulled.digest), ..reference }.to_string());
    Ok(())
}
