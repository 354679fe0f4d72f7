//! What docker, podman and their helpers know of a registry. Secrets are never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Who somebody is to a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name; `<token>` if the secret is a refresh token.
    pub user: String,
    /// The password or token.
    pub secret: String,
}

/// The user that stands for a refresh token, in docker's convention.
pub(crate) const TOKEN_USER: &str = "<token>";

/// Credentials that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file that is none of docker's.
    #[error("`{}` is not as docker writes it: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A helper that fails.
    #[error("`{program}` fails: {problem}")]
    Helper {
        /// The helper.
        program: String,
        /// What is wrong.
        problem: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    auths: BTreeMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    identitytoken: String,
}

/// What a helper answers.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Credentials {
    /// What the first of `files` that knows `host` says of it; none if none does. Files that are
    /// not there say nothing.
    ///
    /// # Errors
    /// [`CredentialsError`] if a file is none, or a helper fails.
    pub fn find(files: &[PathBuf], host: &str) -> Result<Option<Self>, CredentialsError> {
        for path in files {
            if let Some(found) = in_file(path, host)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn in_file(path: &Path, host: &str) -> Result<Option<Credentials>, CredentialsError> {
    let wrong = |problem: String| CredentialsError::File { path: path.to_owned(), problem };
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let file: File = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if let Some(helper) = file.cred_helpers.get(host) {
        return ask(helper, host);
    }
    let named = [host.to_owned(), format!("https://{host}"), format!("https://{host}/v1/")];
    let auth = named.iter().find_map(|name| file.auths.get(name));
    if let Some(auth) = auth.filter(|auth| !(auth.auth.is_empty() && auth.identitytoken.is_empty())) {
        if !auth.identitytoken.is_empty() {
            return Ok(Some(Credentials { user: TOKEN_USER.to_owned(), secret: auth.identitytoken.clone() }));
        }
        let plain = STANDARD.decode(auth.auth.trim()).ok().and_then(|plain| String::from_utf8(plain).ok());
        let plain = plain.ok_or_else(|| wrong(format!("`auth` of `{host}` is not base64 of text")))?;
        let (user, secret) =
            plain.split_once(':').ok_or_else(|| wrong(format!("`auth` of `{host}` has no `:`")))?;
        return Ok(Some(Credentials { user: user.to_owned(), secret: secret.to_owned() }));
    }
    match &file.creds_store {
        Some(helper) => ask(helper, host),
        None => Ok(None),
    }
}

/// Asks a credential helper of docker's.
fn ask(helper: &str, host: &str) -> Result<Option<Credentials>, CredentialsError> {
    let program = format!("docker-credential-{helper}");
    let failed = |problem: String| CredentialsError::Helper { program: program.clone(), problem };
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read what it is asked answers something else, which is told of below.
        let _ = input.write_all(host.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        // That it knows nothing of the host is the one failure that is none.
        let is_unknown = said.contains("credentials not found");
        return if is_unknown { Ok(None) } else { Err(failed(output.status.to_string())) };
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("its answer is not the JSON of a credential helper".to_owned()))?;
    Ok(Some(Credentials { user: answer.username, secret: answer.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, host: &str) -> Result<Option<Credentials>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        std::fs::write(&file, text).unwrap();
        let files = [folder.path().join("gone.json"), file];
        Credentials::find(&files, host).map_err(|error| error.to_string())
    }

    fn known(user: &str, secret: &str) -> Result<Option<Credentials>, String> {
        Ok(Some(Credentials { user: user.to_owned(), secret: secret.to_owned() }))
    }

    #[test]
    fn files_of_docker() {
        let text = r#"{"auths": {"r.example": {"auth": "bWU6c2VjcmV0OnRvbw=="},
            "https://t.example": {"identitytoken": "long"}, "empty.example": {}}, "HttpHeaders": {}}"#;
        assert_eq!(find(text, "r.example"), known("me", "secret:too"));
        assert_eq!(find(text, "t.example"), known("<token>", "long"));
        assert_eq!(find(text, "empty.example"), Ok(None));
        assert_eq!(find(text, "other.example"), Ok(None));
        assert_eq!(find("{}", "r.example"), Ok(None));
    }

    #[test]
    fn files_that_are_none() {
        assert!(find("auths", "r.example").unwrap_err().contains("config.json` is not as docker writes it"));
        let text = r#"{"auths": {"r.example": {"auth": "!"}}}"#;
        assert!(find(text, "r.example").unwrap_err().contains("not base64"));
        let text = r#"{"credHelpers": {"r.example": "nobody-has-this-one"}}"#;
        assert!(find(text, "r.example").unwrap_err().contains("docker-credential-nobody-has-this-one"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let credentials = Credentials { user: "me".to_owned(), secret: "hidden".to_owned() };
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
