//! Requests to one repository: authenticated as the registry asks, repeated while the reason of
//! a failure may pass. Unaware of what images consist of.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, SendBody};

use crate::credentials::{Credentials, TOKEN_USER};
use crate::error::RegistryError;
use crate::reference::Reference;

/// The longest answer that is a document, in bytes: what registries take of a manifest.
const MOST_DOCUMENT: u64 = 4 * 1024 * 1024;

/// How long to wait, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For more bytes, or an answer.
    pub stall: Duration,
    /// How often a request is tried.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub back_off: Duration,
    /// The longest pause that a registry may ask for.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { stall: seconds(60), attempts: 5, back_off: Duration::from_millis(250), longest: seconds(60) }
    }
}

/// A registry's repository.
#[derive(Debug)]
pub struct Connection {
    agent: Agent,
    host: String,
    base: String,
    repository: String,
    credentials: Option<Credentials>,
    patience: Patience,
    /// The header that the registry wants, once it has said so.
    authorization: Mutex<Option<String>>,
}

/// What may be done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Pull,
    Push,
}

/// A request that can be made again.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    /// Below the repository, or a whole URL.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    pub(crate) scope: Scope,
    /// What is done, in words that follow `does not let this user`.
    pub(crate) doing: &'static str,
}

impl Connection {
    /// The repository of a reference. Hosts other than this machine are spoken to over TLS, unless
    /// `is_plain`.
    #[must_use]
    pub fn new(
        reference: &Reference,
        credentials: Option<Credentials>,
        proxy: Option<Proxy>,
        is_plain: bool,
        patience: Patience,
    ) -> Self {
        let is_plain = is_plain || reference.is_local();
        let proxy = proxy.filter(|_| !reference.is_local());
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(5)
            .timeout_connect(Some(patience.stall))
            .timeout_per_read(Some(patience.stall))
            .timeout_per_write(Some(patience.stall))
            .timeout_recv_response(Some(patience.stall))
            .user_agent(concat!("wiz/", env!("CARGO_PKG_VERSION")))
            .build();
        let scheme = if is_plain { "http" } else { "https" };
        Self {
            agent: Agent::new_with_config(config),
            host: reference.host.clone(),
            base: format!("{scheme}://{}", reference.host),
            repository: reference.repository.clone(),
            credentials,
            patience,
            authorization: Mutex::default(),
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn repository(&self) -> &str {
        &self.repository
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.patience.attempts
    }

    /// Waits before attempt number `tried + 1`.
    pub(crate) fn pause(&self, tried: u32) {
        std::thread::sleep(
            self.patience.back_off.saturating_mul(1 << tried.min(10)).min(self.patience.longest),
        );
    }

    /// The answer to a request, whatever its status, but for those that may pass and for
    /// refusals.
    pub(crate) fn ask(&self, asked: &Asked<'_>) -> Result<Response<Body>, RegistryError> {
        let mut tried = 1;
        loop {
            let problem = match self.ask_once(asked) {
                Ok(response) if !is_passing(response.status().as_u16()) => return Ok(response),
                Ok(response) => {
                    if tried < self.patience.attempts
                        && let Some(wanted) = retry_after(response.headers())
                    {
                        std::thread::sleep(wanted.min(self.patience.longest));
                    }
                    self.status(asked.doing, response)
                }
                Err(problem) => problem,
            };
            if !problem.is_passing() || tried >= self.patience.attempts {
                return Err(problem);
            }
            tracing::debug!(%problem, "asked again");
            self.pause(tried);
            tried += 1;
        }
    }

    /// The answer to a request whose body is a document, asked again if it breaks off.
    pub(crate) fn read(&self, asked: &Asked<'_>) -> Result<Response<Vec<u8>>, RegistryError> {
        let mut tried = 1;
        loop {
            let (parts, body) = self.ask(asked)?.into_parts();
            match self.document(Response::from_parts(parts.clone(), body)) {
                Ok(bytes) => return Ok(Response::from_parts(parts, bytes)),
                Err(problem) if tried >= self.patience.attempts => return Err(problem),
                Err(_) => self.pause(tried),
            }
            tried += 1;
        }
    }

    /// The answer to a request, tried once, authenticated if the registry wants it.
    pub(crate) fn ask_once(&self, asked: &Asked<'_>) -> Result<Response<Body>, RegistryError> {
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let response = self.send(asked, known.as_deref())?;
        if response.status().as_u16() != 401 {
            return self.allowed(asked, response);
        }
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let authorization = self.authorize(&challenge, asked)?;
        let response = self.send(asked, Some(&authorization))?;
        if response.status().as_u16() == 401 {
            return Err(self.denied(asked));
        }
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        self.allowed(asked, response)
    }

    fn allowed(&self, asked: &Asked<'_>, response: Response<Body>) -> Result<Response<Body>, RegistryError> {
        if response.status().as_u16() == 403 { Err(self.denied(asked)) } else { Ok(response) }
    }

    fn denied(&self, asked: &Asked<'_>) -> RegistryError {
        RegistryError::Denied { host: self.host.clone(), doing: asked.doing }
    }

    fn send(&self, asked: &Asked<'_>, authorization: Option<&str>) -> Result<Response<Body>, RegistryError> {
        let url = self.url(asked.path);
        let mut request = Request::builder().method(asked.method.clone()).uri(&url);
        for (name, value) in asked.headers {
            request = request.header(*name, *value);
        }
        // A location elsewhere has its own secret in its address.
        if let Some(authorization) = authorization.filter(|_| url.starts_with(&format!("{}/", self.base))) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let has_body = matches!(asked.method, Method::PUT | Method::PATCH | Method::POST);
        let sent = if has_body {
            let request = request.header(header::CONTENT_LENGTH, asked.body.len());
            request.body(asked.body).map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
        } else {
            request
                .body(SendBody::none())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request))
        };
        sent.map_err(|error| self.transport(&error))
    }

    /// The whole URL of a path below the repository, of a path of the host, or of a URL.
    fn url(&self, path: &str) -> String {
        if path.starts_with("http://") || path.starts_with("https://") {
            path.to_owned()
        } else if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            format!("{}/v2/{}/{path}", self.base, self.repository)
        }
    }

    /// What answers a challenge (RFC 9110, 11.6.1; distribution's token specification).
    fn authorize(&self, challenge: &str, asked: &Asked<'_>) -> Result<String, RegistryError> {
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        let basic =
            self.credentials.as_ref().filter(|known| known.user != TOKEN_USER).map(|known| {
                format!("Basic {}", STANDARD.encode(format!("{}:{}", known.user, known.secret)))
            });
        if scheme.eq_ignore_ascii_case("basic") {
            return basic.ok_or_else(|| self.denied(asked));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(self.protocol(format!("it wants to know who asks by `{scheme}`")));
        }
        let parameter = |name: &str| parameter(parameters, name);
        let realm =
            parameter("realm").ok_or_else(|| self.protocol("its challenge names no realm".to_owned()))?;
        if !realm.starts_with("https://") && !self.base.starts_with("http://") {
            return Err(self.protocol("it sends for tokens where they are not encrypted".to_owned()));
        }
        let actions = match asked.scope {
            Scope::Pull => "pull",
            Scope::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        let service = parameter("service").unwrap_or_default();
        let token = self.token(&realm, &service, &scope, basic.as_deref(), asked)?;
        Ok(format!("Bearer {token}"))
    }

    fn token(
        &self,
        realm: &str,
        service: &str,
        scope: &str,
        basic: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<String, RegistryError> {
        #[derive(serde::Deserialize)]
        struct Answer {
            #[serde(alias = "access_token")]
            token: String,
        }
        let refresh = self.credentials.as_ref().filter(|known| known.user == TOKEN_USER);
        let response = match refresh {
            Some(Credentials { secret, .. }) => self.agent.post(realm).send_form([
                ("grant_type", "refresh_token"),
                ("service", service),
                ("client_id", "wiz"),
                ("scope", scope),
                ("refresh_token", secret),
            ]),
            None => {
                let request = self.agent.get(realm).query("service", service).query("scope", scope);
                match basic {
                    Some(basic) => request.header(header::AUTHORIZATION, basic).call(),
                    None => request.call(),
                }
            }
        };
        let mut response = response.map_err(|error| self.transport(&error))?;
        match response.status().as_u16() {
            200 => {}
            401 | 403 => return Err(self.denied(asked)),
            _ => return Err(self.status("for a token", response)),
        }
        let text = response.body_mut().with_config().limit(MOST_DOCUMENT).read_to_string();
        let text = text.map_err(|error| self.transport(&error))?;
        let answer: Result<Answer, _> = serde_json::from_str(&text);
        answer.map(|answer| answer.token).map_err(|_| self.protocol("its token is none".to_owned()))
    }

    /// The body of an answer that is a document.
    pub(crate) fn document(&self, mut response: Response<Body>) -> Result<Vec<u8>, RegistryError> {
        let read = response.body_mut().with_config().limit(MOST_DOCUMENT).read_to_vec();
        read.map_err(|error| self.transport(&error))
    }

    pub(crate) fn transport(&self, error: &dyn std::fmt::Display) -> RegistryError {
        RegistryError::Transport { host: self.host.clone(), problem: error.to_string() }
    }

    pub(crate) fn protocol(&self, problem: String) -> RegistryError {
        RegistryError::Protocol { host: self.host.clone(), problem }
    }

    /// An error that tells of an answer's status, and what the registry says of it.
    pub(crate) fn status(&self, doing: &'static str, response: Response<Body>) -> RegistryError {
        let status = response.status().as_u16();
        self.refusal(doing, status, &self.document(response).unwrap_or_default())
    }

    /// The same of an answer that was read.
    pub(crate) fn refusal(&self, doing: &'static str, status: u16, text: &[u8]) -> RegistryError {
        #[derive(serde::Deserialize)]
        struct Said {
            errors: Vec<One>,
        }
        #[derive(serde::Deserialize)]
        struct One {
            message: String,
        }
        let said = serde_json::from_slice(text).ok().and_then(|said: Said| said.errors.into_iter().next());
        let said = said.map_or_else(String::new, |said| format!(": {}", said.message));
        RegistryError::Status { host: self.host.clone(), doing, status, said }
    }
}

fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long a registry asks to wait, in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A parameter of a challenge: `name="value"`, parted by commas.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((found, after)) = rest.split_once('=') {
        let found = found.trim_start_matches([',', ' ']).trim();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if found.eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_challenges() {
        let text = r#"realm="https://auth.example/token?a=b",service="r.example", scope=plain,error="x, y""#;
        assert_eq!(parameter(text, "realm").as_deref(), Some("https://auth.example/token?a=b"));
        assert_eq!(parameter(text, "Service").as_deref(), Some("r.example"));
        assert_eq!(parameter(text, "scope").as_deref(), Some("plain"));
        assert_eq!(parameter(text, "error").as_deref(), Some("x, y"));
        assert_eq!(parameter(text, "none"), None);
        assert_eq!(parameter("", "realm"), None);
    }
}
