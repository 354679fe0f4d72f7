//! The workspace as it was at a revision of its git repository, in a folder of its own that is
//! gone with the value. Results go through the same cache, so only what differs is built.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::config::Config;
use crate::error::{CliError, Kind};

/// A workspace of an earlier revision.
#[derive(Debug)]
pub(super) struct Checkout {
    /// The same surroundings, seen from there.
    pub(super) config: Config,
    /// Holds the files.
    _folder: TempDir,
}

impl Checkout {
    /// Writes the files of a revision, whatever git takes for one.
    ///
    /// # Errors
    /// If there is no git, no repository, or no such revision.
    pub(super) fn make(config: &Config, revision: &str) -> Result<Self, CliError> {
        let root = config.require_workspace()?;
        let refused = |problem: String| {
            CliError::new(Kind::User, "WIZ2503", format!("revision `{revision}` cannot be had: {problem}"))
                .hint("what follows `@` is a commit, tag or branch of the workspace's git repository")
        };
        let folder = std::fs::create_dir_all(&config.cache)
            .and_then(|()| tempfile::Builder::new().prefix("revision-").tempdir_in(&config.cache))
            .map_err(|error| refused(error.to_string()))?;
        // Read as a commit and never as an option.
        let commit = format!("{revision}^{{commit}}");
        let mut git = Command::new("git");
        git.arg("-C").arg(&root).args(["archive", "--format=tar", "--end-of-options", &commit]);
        let child = git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| refused(format!("git does not run: {error}")))?;
        let unpacked = child.stdout.take().map_or(Ok(()), |tar| tar::Archive::new(tar).unpack(folder.path()));
        let output = child.wait_with_output().map_err(|error| refused(error.to_string()))?;
        if !output.status.success() {
            return Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        unpacked.map_err(|error| refused(error.to_string()))?;
        Ok(Self { config: config.seen_from(folder.path()), _folder: folder })
    }
}
