//! The key that signs repositories: given, or made on first use.

use std::collections::BTreeSet;
use std::path::PathBuf;

use wiz_apk::key::PrivateKey;
use wiz_recall::Around;
use wiz_repo::key_folder::{self, KeyFolder, NamedPublicKeys};

use super::Session;
use crate::config::Config;
use crate::error::CliError;
use crate::output;

/// What repositories are signed and verified with.
#[derive(Debug)]
pub(crate) struct Signing {
    /// Signs.
    pub(crate) key: PrivateKey,
    /// The public half of `key`, and those of earlier keys that are not revoked.
    pub(crate) trusted: NamedPublicKeys,
    /// File names of public keys that are revoked.
    pub(crate) revoked: BTreeSet<String>,
    /// The files it comes from, as they were before they were read.
    pub(crate) around: Vec<Around>,
}

/// The folder of the user's keys.
pub(crate) fn key_folder(config: &Config) -> KeyFolder {
    KeyFolder::new(config.settings.join("keys"))
}

impl Session<'_> {
    /// The key to sign with. A workspace that has none gets one, and the user is told.
    ///
    /// # Errors
    /// If it cannot be read, made or written.
    pub(crate) fn signing(&self) -> Result<Signing, CliError> {
        let folder = key_folder(self.config);
        let owner = &self.workspace.name;
        if self.signing_key.is_none()
            && let (_, Some(path)) = folder.signing_or_new(owner, &mut getrandom::SysRng)?
        {
            say_made(&path);
        }
        // Seen before it is read, or a key that takes its place meanwhile would go unnoticed.
        let around = self.signing_key.iter().map(PathBuf::as_path).chain([folder.path()]);
        let around = around.map(Around::see).collect();
        let key = match &self.signing_key {
            Some(path) => key_folder::load(path)?,
            None => folder.signing_or_new(owner, &mut getrandom::SysRng)?.0,
        };
        let mut trusted = folder.trusted(owner)?;
        trusted.insert(key.public_file_name(), (key.public(), key.public().to_pem()));
        Ok(Signing { key, trusted, revoked: folder.revoked()?, around })
    }

    /// The key, looked for when the first repository needs it.
    pub(super) fn signing_once<'s>(&self, signing: &'s mut Option<Signing>) -> Result<&'s Signing, CliError> {
        match signing {
            Some(signing) => Ok(signing),
            None => Ok(signing.insert(self.signing()?)),
        }
    }
}

/// Tells of a key that nobody asked for.
fn say_made(path: &std::path::Path) {
    let public: PathBuf = path.with_extension("rsa.pub");
    output::note(&format!(
        "made the key `{}`, which signs this workspace's repositories from now on: keep it\n\
         they are verified with `{}`",
        path.display(),
        public.display()
    ));
}
