//! One file over HTTP into an unfinished download, resumed where an earlier attempt
//! ended, and hashed on the way. Unaware of where else the file may be.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, Timeout};
use wiz_scheduler::CancelToken;

use super::{FetchSettings, Patience, Problem, Progress, Request, check_sha256, check_size};

const PIECE: usize = 64 * 1024;
/// Bytes between two reports of progress.
const REPORT_EVERY: u64 = 256 * 1024;

/// Transfers files.
#[derive(Debug)]
pub(super) struct Downloader {
    agent: Agent,
    patience: Patience,
}

/// A file that comes to be.
struct Partial {
    file: File,
    hasher: Sha256,
    length: u64,
}

impl Downloader {
    pub(super) fn new(settings: &FetchSettings) -> Result<Self, ureq::Error> {
        let proxy = settings.proxy.as_ref().map(|(url, exceptions)| proxy(url, exceptions)).transpose()?;
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let patience = settings.patience;
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy)
            .http_status_as_error(false)
            .timeout_per_read(Some(patience.stall))
            .timeout_per_write(Some(patience.stall))
            .user_agent(concat!("wiz/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: Agent::new_with_config(config), patience })
    }

    /// Downloads `url` to `partial`, whose content afterwards is what was asked for.
    pub(super) fn download(
        &self,
        url: &str,
        request: &Request<'_>,
        partial: &Path,
        answer: Duration,
        cancel: &CancelToken,
        progress: Progress<'_>,
    ) -> Result<(), Problem> {
        let agent = self.agent.clone();
        let _subscription = cancel.on_cancel(move || agent.shutdown());
        let mut back_off = self.patience.back_off;
        for attempt in 1.. {
            let mut file = Partial::open(partial).map_err(Problem::Partial)?;
            let resumed = file.length > 0;
            let tried = self.attempt(url, request, &mut file, answer, cancel, progress);
            let problem = match tried {
                Ok(()) => return Ok(()),
                Err(_) if cancel.is_cancelled() => return Err(Problem::Cancelled),
                Err(problem) => problem,
            };
            let is_wrong = matches!(problem, Problem::Mismatch { .. } | Problem::Size { .. });
            if is_wrong {
                file.clear().map_err(Problem::Partial)?;
            }
            let again = (is_wrong && resumed) || is_passing(&problem);
            if !again || attempt >= self.patience.attempts {
                return Err(problem);
            }
            if cancel.receiver().recv_timeout(back_off).is_err_and(|error| error.is_disconnected()) {
                return Err(Problem::Cancelled);
            }
            back_off *= 2;
        }
        Err(Problem::Stalled)
    }

    /// What `url` says now, at most `limit` bytes.
    pub(super) fn read(
        &self,
        url: &str,
        limit: u64,
        answer: Duration,
        cancel: &CancelToken,
    ) -> Result<Vec<u8>, Problem> {
        let agent = self.agent.clone();
        let _subscription = cancel.on_cancel(move || agent.shutdown());
        let mut back_off = self.patience.back_off;
        for attempt in 1.. {
            let problem = match self.read_once(url, limit, answer) {
                Ok(bytes) => return Ok(bytes),
                Err(_) if cancel.is_cancelled() => return Err(Problem::Cancelled),
                Err(problem) => problem,
            };
            if !is_passing(&problem) || attempt >= self.patience.attempts {
                return Err(problem);
            }
            if cancel.receiver().recv_timeout(back_off).is_err_and(|error| error.is_disconnected()) {
                return Err(Problem::Cancelled);
            }
            back_off *= 2;
        }
        Err(Problem::Stalled)
    }

    fn read_once(&self, url: &str, limit: u64, answer: Duration) -> Result<Vec<u8>, Problem> {
        let response = self.ask(url, 0, answer)?;
        if response.status().as_u16() != 200 {
            return Err(Problem::Status(response.status().as_u16()));
        }
        let mut bytes = Vec::new();
        let body = response.into_body().into_reader();
        body.take(limit + 1).read_to_end(&mut bytes).map_err(broken_off)?;
        if bytes.len() as u64 > limit { Err(Problem::TooLong(limit)) } else { Ok(bytes) }
    }

    fn attempt(
        &self,
        url: &str,
        request: &Request<'_>,
        file: &mut Partial,
        answer: Duration,
        cancel: &CancelToken,
        progress: Progress<'_>,
    ) -> Result<(), Problem> {
        if request.size.is_some_and(|size| file.length > size) {
            file.clear().map_err(Problem::Partial)?;
        }
        let mut response = self.ask(url, file.length, answer)?;
        let (begin, total) = extent(&response);
        match response.status().as_u16() {
            206 if begin == Some(file.length) => {}
            206 | 416 if file.length > 0 => {
                // A server that resumes elsewhere, or a partial that is no part.
                file.clear().map_err(Problem::Partial)?;
                response = self.ask(url, file.length, answer)?;
                if response.status().as_u16() != 200 {
                    return Err(Problem::Status(response.status().as_u16()));
                }
            }
            200 => file.clear().map_err(Problem::Partial)?,
            status => return Err(Problem::Status(status)),
        }
        let total = request.size.or(total);
        copy(response.into_body(), file, request.size, &mut |done| {
            progress(done, total);
            if cancel.is_cancelled() { Err(Problem::Cancelled) } else { Ok(()) }
        })?;
        check_size(file.length, request.size)?;
        check_sha256(&hex::encode(file.hasher.clone().finalize()), request.sha256)
    }

    /// Asks for what follows the first `begin` bytes.
    fn ask(&self, url: &str, begin: u64, answer: Duration) -> Result<ureq::http::Response<Body>, Problem> {
        let mut request = self.agent.get(url);
        if begin > 0 {
            request = request.header("Range", format!("bytes={begin}-"));
        }
        let config = request.config();
        let request = config
            .timeout_resolve(Some(answer))
            .timeout_connect(Some(answer))
            .timeout_recv_response(Some(answer))
            .build();
        request.call().map_err(problem)
    }
}

/// Where the bytes of a response begin, and how many the whole file has.
fn extent(response: &ureq::http::Response<Body>) -> (Option<u64>, Option<u64>) {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    match header("content-range").and_then(|value| value.strip_prefix("bytes ")) {
        Some(range) => {
            let (begin, rest) = range.split_once('-').unwrap_or((range, ""));
            let total = rest.split_once('/').and_then(|(_, total)| total.parse().ok());
            (begin.parse().ok(), total)
        }
        None => (None, header("content-length").and_then(|length| length.parse().ok())),
    }
}

/// Reads a body to its end; stops where it is longer than it may be.
fn copy(
    body: Body,
    file: &mut Partial,
    size: Option<u64>,
    report: &mut dyn FnMut(u64) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut reader = body.into_reader();
    let mut piece = vec![0; PIECE];
    let mut reported = file.length;
    report(file.length)?;
    loop {
        let count = reader.read(&mut piece).map_err(broken_off)?;
        if count == 0 {
            return report(file.length);
        }
        file.append(&piece[..count]).map_err(Problem::Partial)?;
        if size.is_some_and(|size| file.length > size) {
            return check_size(file.length, size);
        }
        if file.length - reported >= REPORT_EVERY {
            reported = file.length;
            report(reported)?;
        }
    }
}

fn broken_off(error: io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::TimedOut => Problem::Stalled,
        _ => Problem::Transport(error.to_string()),
    }
}

impl Partial {
    /// Opens or makes the file; what is there already is hashed.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut hasher = Sha256::new();
        let length = io::copy(&mut file, &mut Hashing(&mut hasher))?;
        Ok(Self { file, hasher, length })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Sha256::new();
        self.length = 0;
        Ok(())
    }
}

/// Whether the same URL may give the file a moment later. A host that cannot be connected to
/// seldom can be then, and other places are waiting.
fn is_passing(problem: &Problem) -> bool {
    match problem {
        Problem::Stalled | Problem::Transport(_) => true,
        Problem::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
        _ => false,
    }
}

fn problem(error: ureq::Error) -> Problem {
    match error {
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect | Timeout::RecvResponse) => Problem::Late,
        ureq::Error::Timeout(_) => Problem::Stalled,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Problem::Unreachable(error.to_string()),
        ureq::Error::Io(error) if is_unreachable(error.kind()) => Problem::Unreachable(error.to_string()),
        error => Problem::Transport(error.to_string()),
    }
}

fn is_unreachable(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}

/// The proxy at a URL, and the hosts that are reached without it, as in `NO_PROXY`.
///
/// # Errors
/// If its address is wrong.
pub fn proxy(url: &str, exceptions: &str) -> Result<Proxy, ureq::Error> {
    let proxy = Proxy::new(url)?;
    if exceptions.is_empty() {
        return Ok(proxy);
    }
    let mut builder =
        Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port()).no_proxy(exceptions);
    if let Some(name) = proxy.username() {
        builder = builder.username(name);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    builder.build()
}

/// The SHA-256 of a file from where it stands, as hexadecimal digits.
pub(super) fn sha256_of(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(file, &mut Hashing(&mut hasher))?;
    Ok(hex::encode(hasher.finalize()))
}

/// Feeds what is written to a hash.
struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
