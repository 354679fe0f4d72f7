//! `[remote]` of `config.toml`: which cache results are shared over, what is shown to it, and
//! whom is believed.

use std::path::{Path, PathBuf};

use wiz_exec::Audit;
use wiz_remote::{Access, Credential, Pem, ResultKey, Trust, TrustedKey};

use super::{Config, seconds_since_1970};
use crate::error::{CliError, Kind};

/// `[remote]` of `config.toml`. Files are relative to its folder.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RemoteConfig {
    /// The address of a cache to share results with.
    pub(crate) cache: Option<String>,
    /// Authorities that are believed beside the system's, in PEM.
    ca: Option<PathBuf>,
    /// This client's certificate chain, in PEM.
    certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    key: Option<PathBuf>,
    /// A file with a bearer token.
    token_file: Option<PathBuf>,
    /// A program that is asked for headers, as Bazel's credential helpers are.
    credential_helper: Option<PathBuf>,
    /// The private Ed25519 key that published results are signed with, in PEM.
    sign_results: Option<PathBuf>,
    /// Public Ed25519 keys, in PEM: results that none of them has signed are not used.
    trusted_keys: Vec<PathBuf>,
    /// How many of the results found there are made here as well, and compared: `1%`.
    audit: Option<Percentage>,
}

/// A share of a whole: `1%`, `0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
struct Percentage {
    per_million: u32,
}

impl TryFrom<String> for Percentage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let number = number.filter(|number| (0.0..=100.0).contains(number));
        let number =
            number.ok_or_else(|| format!("`{text}` is no share: shares look like `1%` and `0.5%`"))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from 0 to 1000000"
        )]
        Ok(Self { per_million: (number * 10_000.0).round() as u32 })
    }
}

/// What is never printed.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Config {
    /// Whose results of a remote cache are believed, and as whom this client signs. `named` are
    /// files with further keys that are believed.
    ///
    /// # Errors
    /// If a file cannot be read, or is no key.
    pub(crate) fn remote_trust(&self, named: &[PathBuf]) -> Result<Trust, CliError> {
        let RemoteConfig { sign_results, trusted_keys, .. } = &self.file.remote;
        let text = |file: &Path| {
            self.read_for_remote(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let wrong = |file: &Path, error: &dyn std::fmt::Display| {
            let message = format!("`{}`: {error}", file.display());
            CliError::new(Kind::User, "WIZ2115", message).hint(
                "`openssl genpkey -algorithm ed25519` makes one, `openssl pkey -pubout` its public half",
            )
        };
        let own = |file: &PathBuf| ResultKey::from_pem(&text(file)?).map_err(|error| wrong(file, &error));
        let trusted =
            |file: &PathBuf| TrustedKey::from_pem(&text(file)?).map_err(|error| wrong(file, &error));
        Ok(Trust {
            own: sign_results.as_ref().map(own).transpose()?,
            trusted: trusted_keys.iter().chain(named).map(trusted).collect::<Result<_, _>>()?,
        })
    }

    /// Which results of a remote cache are made here as well.
    pub(crate) fn remote_audit(&self) -> Option<Audit> {
        let Percentage { per_million } = self.file.remote.audit?;
        Some(Audit::Share { per_million, seed: seconds_since_1970() })
    }

    /// A file that `[remote]` names.
    fn read_for_remote(&self, file: &Path) -> Result<Vec<u8>, CliError> {
        let path = self.settings.join(file);
        std::fs::read(&path).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            CliError::new(Kind::User, "WIZ2115", message)
                .hint("`[remote]` in config.toml names files relative to its own folder")
        })
    }

    /// What is shown to a remote cache, and whom is believed.
    ///
    /// # Errors
    /// If a file cannot be read, or only half of what belongs together is named.
    pub(crate) fn remote_access(&self) -> Result<Access, CliError> {
        let RemoteConfig { ca, certificate, key, token_file, credential_helper, .. } = &self.file.remote;
        let read = |file: &PathBuf| self.read_for_remote(file);
        let half = || {
            let message = "`[remote]` in config.toml names a certificate without its key, or the reverse";
            Err(CliError::new(Kind::User, "WIZ2115", message).hint("name both, or neither"))
        };
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Pem { certificate: read(certificate)?, key: read(key)? }),
            (None, None) => None,
            _ => return half(),
        };
        let credential = match (&self.remote_token, token_file, credential_helper) {
            (Some(Secret(token)), ..) => Credential::Token(token.clone()),
            (None, Some(file), _) => {
                Credential::Token(String::from_utf8_lossy(&read(file)?).trim().to_owned())
            }
            (None, None, Some(program)) => Credential::Helper(helper(&self.settings, program)),
            (None, None, None) => Credential::None,
        };
        Ok(Access { authorities: ca.as_ref().map(read).transpose()?, identity, credential })
    }
}

/// A program by path, relative to `settings`, or by a name that is looked for as shells do.
fn helper(settings: &Path, program: &Path) -> PathBuf {
    if program.components().count() == 1 { program.to_owned() } else { settings.join(program) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read() {
        let read = |text: &str| Percentage::try_from(text.to_owned()).map(|share| share.per_million);
        assert_eq!(read("1%"), Ok(10_000));
        assert_eq!(read("0.5 %"), Ok(5_000));
        assert_eq!(read("100%"), Ok(1_000_000));
        for wrong in ["1", "101%", "-1%", "%", "some%", "NaN%"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
