//! Whether a remote cache can be used, and what it can do: one check after the other, each with
//! what to do about it where it fails. Unaware of how it is shown.

use std::time::{Duration, Instant};

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, DigestFunction, Directory};
use wiz_cas::StoredResult;

use crate::access::Access;
use crate::client::Client;
use crate::compression::Compressor;
use crate::endpoint::Endpoint;
use crate::error::RemoteError;
use crate::results;

/// How many round trips are timed.
const ROUNDS: usize = 9;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// How it went.
    pub finding: Finding,
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It works, as said.
    Works(String),
    /// It does not work, but builds do without.
    Lacks(String),
    /// It does not work: why, and what to do.
    Fails(String, &'static str),
}

/// Checks a remote cache for a workspace that digests with `function`. `probe` tells this call
/// from all others.
///
/// # Errors
/// [`RemoteError`] if there are no threads for the network.
pub fn examine(
    endpoint: &Endpoint,
    access: &Access,
    function: DigestFunction,
    probe: &[u8],
) -> Result<Vec<Check>, RemoteError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RemoteError::Runtime)?;
    Ok(runtime.block_on(examine_all(endpoint, access, function, probe)))
}

async fn examine_all(
    endpoint: &Endpoint,
    access: &Access,
    function: DigestFunction,
    probe: &[u8],
) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut check = |name, finding| checks.push(Check { name, finding });
    let began = Instant::now();
    let client = match Client::connect(endpoint, access, function).await {
        Ok(client) => client,
        Err(error) => {
            let (name, hint) = of_connection(&error);
            check(name, Finding::Fails(plain(&error), hint));
            return checks;
        }
    };
    let encrypted = if endpoint.is_encrypted() { "encrypted" } else { "not encrypted" };
    check("connection", Finding::Works(format!("{encrypted}, {} ms", began.elapsed().as_millis())));
    check("digest function", Finding::Works(function.name().to_owned()));
    check("batches", Finding::Works(format!("of {} bytes at most", client.batch)));
    check(
        "compression",
        match client.streams {
            Compressor::Zstd => Finding::Works("zstd".to_owned()),
            Compressor::Identity => Finding::Lacks("none is offered: blobs travel as they are".to_owned()),
        },
    );
    let trip = round_trip(&client, function, probe).await;
    let read = trip.is_ok();
    check(
        "reading",
        match trip {
            Ok(trip) => Finding::Works(format!("round trip {:.1} ms", trip.as_secs_f64() * 1000.0)),
            Err(error) => Finding::Fails(plain(&error), "ask who runs the server for the right to read"),
        },
    );
    if !client.takes_results {
        check("writing", Finding::Lacks("this client may only read".to_owned()));
    } else if read {
        check(
            "writing",
            match write(&client, function, probe).await {
                Ok(()) => Finding::Works("a blob and a result came back as they went".to_owned()),
                Err(error) => Finding::Fails(
                    plain(&error),
                    "builds go on, and publish nothing: look at the server's log and disk",
                ),
            },
        );
    }
    checks
}

/// What it means that a connection fails, and what to do.
fn of_connection(error: &RemoteError) -> (&'static str, &'static str) {
    match error {
        RemoteError::Status(status) => match status.code() {
            tonic::Code::Unauthenticated | tonic::Code::PermissionDenied => {
                ("authentication", "see `[remote]` in config.toml, or set `WIZ_REMOTE_TOKEN`")
            }
            _ => ("connection", "is it a cache of the Remote Execution API?"),
        },
        RemoteError::Function { .. } => {
            ("digest function", "`workspace(digest_function = \"sha256\")` is what every server knows")
        }
        RemoteError::Exposed | RemoteError::NotHeader | RemoteError::Helper { .. } => {
            ("authentication", "see `[remote]` in config.toml")
        }
        RemoteError::Malformed(_) => ("capabilities", "is it a cache, or an executor only?"),
        _ => (
            "connection",
            "is the address right, and the server running? `grpcs://` needs a certificate that the system, or `ca` under `[remote]`, believes",
        ),
    }
}

/// An error without the hint that ends it.
fn plain(error: &RemoteError) -> String {
    let text = error.to_string();
    text.split("\nhint: ").next().unwrap_or_default().to_owned()
}

/// The median time of a question with a short answer.
async fn round_trip(
    client: &Client,
    function: DigestFunction,
    probe: &[u8],
) -> Result<Duration, RemoteError> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let key = function.digest(format!("{round} {}", hex::encode(probe)).as_bytes());
        let began = Instant::now();
        client.result(&key).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

/// Writes a blob and a result, and reads both.
async fn write(client: &Client, function: DigestFunction, probe: &[u8]) -> Result<(), RemoteError> {
    let log = function.digest(probe);
    let root = Directory::new();
    let encoded = root.encode();
    let output_root = function.digest(&encoded);
    client.write(&[(log, probe.to_vec()), (output_root, encoded)]).await?;
    let gone = |digest: Digest| Err(RemoteError::Gone { digest });
    if !client.missing(&[log]).await?.is_empty() {
        return gone(log);
    }
    client.read(&[log]).await?.1?;
    let result = ActionResult { output_root, log: Some(log), wall_ms: 0 };
    let stored = StoredResult { result, manifest: Vec::new() };
    client.put_result(&log, &results::message(&stored, None, None)).await?;
    match client.result(&log).await? {
        Some(_) => Ok(()),
        None => gone(log),
    }
}
