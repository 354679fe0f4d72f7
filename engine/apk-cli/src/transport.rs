//! Brings bytes here: from files, and from servers over HTTP.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::PathBuf;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::repository::Location;
use crate::settings::Network;

/// Attempts at one file before giving up.
const ATTEMPTS: usize = 3;

/// Longest index accepted, in bytes.
const MAX_INDEX: u64 = 1 << 30;

/// Brings bytes here.
#[derive(Debug)]
pub(crate) struct Transport {
    agent: Agent,
    network: Network,
}

impl Transport {
    /// `timeout` is how long a server may be silent.
    pub(crate) fn new(network: Network, timeout: Duration) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_connect(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .user_agent(concat!("wiz-apk/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: Agent::new_with_config(config), network }
    }

    /// The bytes at `location`, as an index has them.
    pub(crate) fn read(&self, location: &Location) -> Result<Vec<u8>, TransportError> {
        self.attempt(location, |input| {
            let mut bytes = Vec::new();
            input.take(MAX_INDEX).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// The file at `location`: itself if it is on this machine, else a copy without a
    /// name that is gone when it is closed.
    pub(crate) fn file(&self, location: &Location) -> Result<File, TransportError> {
        if let Location::Path(path) = location {
            return File::open(path).map_err(|source| TransportError::File { path: path.clone(), source });
        }
        self.attempt(location, |input| {
            let mut file = tempfile::tempfile()?;
            io::copy(input, &mut file)?;
            file.rewind()?;
            Ok(file)
        })
    }

    fn attempt<T>(
        &self,
        location: &Location,
        take: impl Fn(&mut dyn Read) -> io::Result<T>,
    ) -> Result<T, TransportError> {
        let url = match location {
            Location::Path(path) => {
                let failed = |source| TransportError::File { path: path.clone(), source };
                return File::open(path).and_then(|mut file| take(&mut file)).map_err(failed);
            }
            Location::Url(url) => url,
        };
        if self.network == Network::Forbidden {
            return Err(TransportError::NoNetwork { url: url.clone() });
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.get(url).and_then(|mut body| {
                take(&mut body).map_err(|source| TransportError::Broken { url: url.clone(), source })
            }) {
                Err(TransportError::Status { status, .. }) if status < 500 => {
                    return Err(TransportError::Status { url: url.clone(), status });
                }
                Err(_) if attempts < ATTEMPTS => {}
                result => return result,
            }
        }
    }

    fn get(&self, url: &str) -> Result<impl Read + use<>, TransportError> {
        let failed =
            |source: ureq::Error| TransportError::Server { url: url.to_owned(), source: Box::new(source) };
        let response = self.agent.get(url).call().map_err(failed)?;
        match response.status().as_u16() {
            200 => Ok(response.into_body().into_reader()),
            status => Err(TransportError::Status { url: url.to_owned(), status }),
        }
    }
}

/// Bytes that cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("cannot read `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("`{url}` is on a server, and --no-network was given")]
    NoNetwork { url: String },
    #[error("`{url}` cannot be reached")]
    Server { url: String, source: Box<ureq::Error> },
    #[error("`{url}` answers HTTP {status}")]
    Status { url: String, status: u16 },
    #[error("`{url}` broke off")]
    Broken { url: String, source: io::Error },
}
