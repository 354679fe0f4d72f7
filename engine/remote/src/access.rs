//! What a client shows to a server, and which servers it believes. Secrets are never printed:
//! not as values, not in errors.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::endpoint::Endpoint;
use crate::error::RemoteError;

/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(30);

/// What a client shows, and whom it believes.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Certificates of authorities that are believed beside the system's, in PEM.
    pub authorities: Option<Vec<u8>>,
    /// The client's own certificate with its private key.
    pub identity: Option<Pem>,
    /// What is shown with each request.
    pub credential: Credential,
}

/// A certificate chain and its private key, in PEM.
#[derive(Clone)]
pub struct Pem {
    /// The chain, the owner's certificate first.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

/// What is shown with each request.
#[derive(Clone, Default)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A bearer token (RFC 6750).
    Token(String),
    /// A program that is asked for headers, as Bazel's credential helpers are: called with the
    /// argument `get`, it reads `{"uri": "https://..."}` and answers
    /// `{"headers": {"Authorization": ["Bearer ..."]}}`.
    Helper(PathBuf),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Token(_) => f.write_str("Token"),
            Self::Helper(program) => f.debug_tuple("Helper").field(program).finish(),
        }
    }
}

impl Access {
    /// How TLS is spoken with a server.
    pub(crate) fn tls(&self) -> ClientTlsConfig {
        let mut tls = ClientTlsConfig::new().with_native_roots();
        if let Some(authorities) = &self.authorities {
            tls = tls.ca_certificate(Certificate::from_pem(authorities));
        }
        match &self.identity {
            Some(Pem { certificate, key }) => tls.identity(Identity::from_pem(certificate, key)),
            None => tls,
        }
    }

    /// The headers of each request to a server.
    pub(crate) async fn headers(&self, endpoint: &Endpoint) -> Result<MetadataMap, RemoteError> {
        let mut headers = MetadataMap::new();
        match &self.credential {
            Credential::None => return Ok(headers),
            Credential::Token(token) => insert(&mut headers, "authorization", &format!("Bearer {token}"))?,
            Credential::Helper(program) => {
                for (name, value) in ask(program, endpoint).await? {
                    insert(&mut headers, &name, &value)?;
                }
            }
        }
        if !headers.is_empty() && !endpoint.is_private() {
            return Err(RemoteError::Exposed);
        }
        Ok(headers)
    }
}

fn insert(headers: &mut MetadataMap, name: &str, value: &str) -> Result<(), RemoteError> {
    let key: AsciiMetadataKey = name.to_ascii_lowercase().parse().map_err(|_| RemoteError::NotHeader)?;
    let mut value: AsciiMetadataValue = value.trim().parse().map_err(|_| RemoteError::NotHeader)?;
    value.set_sensitive(true);
    headers.append(key, value);
    Ok(())
}

/// What a helper answers.
#[derive(serde::Deserialize)]
struct Answer {
    #[serde(default)]
    headers: std::collections::BTreeMap<String, Vec<String>>,
}

async fn ask(program: &PathBuf, endpoint: &Endpoint) -> Result<Vec<(String, String)>, RemoteError> {
    let failed = |problem: String| RemoteError::Helper { program: program.clone(), problem };
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| failed(error.to_string()))?;
    let request = serde_json::json!({"uri": endpoint.url()}).to_string();
    if let Some(mut input) = child.stdin.take() {
        // A helper need not read what it does not want to know.
        let _ = input.write_all(request.as_bytes()).await;
    }
    let output = tokio::time::timeout(HELPER, child.wait_with_output()).await;
    let output = output.map_err(|_| failed(format!("no answer within {} s", HELPER.as_secs())))?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("its answer is not the JSON of a credential helper".to_owned()))?;
    let headers = answer.headers.into_iter();
    Ok(headers
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let identity = Pem { certificate: b"chain".to_vec(), key: b"hidden".to_vec() };
        let access = Access {
            authorities: None,
            identity: Some(identity),
            credential: Credential::Token("hidden".to_owned()),
        };
        assert!(!format!("{access:?}").contains("hidden"));
    }
}
