//! The arguments of `wiz cache`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::Size;

/// `wiz cache`.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// What to do with the cache.
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Print how much space the cache takes, by kind.
    Stats(Stats),
    /// Remove what was used longest ago until the cache fits into a budget.
    Gc(Collect),
    /// Hash and read everything again; what is damaged is set aside and made again when needed.
    Verify(Stats),
    /// Serve the cache to others over the Remote Execution API, until a signal ends it.
    Serve(ServeCache),
    /// Check the remote cache: whether it answers, what it can do, what this client may do.
    Doctor(CacheDoctor),
}

/// `wiz cache serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeCache {
    /// The address to listen at; without tokens and client certificates, one of this machine only.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8980")]
    pub(crate) listen: SocketAddr,

    /// The address of a status page, with metrics for Prometheus at /metrics.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) status: Option<SocketAddr>,

    /// Encrypt: the server's certificate chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Let in clients whose certificates are signed by one of these authorities, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) client_ca: Option<PathBuf>,

    /// What clients with a certificate may do.
    #[arg(long, value_enum, default_value_t = Right::Write, value_name = "RIGHT")]
    pub(crate) client_right: Right,

    /// Let in clients that show a token: lines of `read` or `write`, the SHA-256 of the token, and
    /// perhaps a remark.
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,

    /// What all others may do [default: none if there are tokens or client certificates, else
    /// write].
    #[arg(long, value_enum, value_name = "RIGHT")]
    pub(crate) anybody: Option<Right>,
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Right {
    /// Nothing.
    None,
    /// Look things up.
    Read,
    /// Add blobs and results too.
    Write,
}

/// `wiz cache doctor`.
#[derive(Debug, Args)]
pub(crate) struct CacheDoctor {
    /// The remote cache: grpc[s]://HOST:PORT [default: the one that builds use].
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
}

/// `wiz cache stats` and `wiz cache verify`.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wiz cache gc`.
#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// The space the cache may take, such as 500M or 20G [default: `budget` in config.toml].
    #[arg(long, value_name = "SIZE")]
    pub(crate) budget: Option<Size>,

    /// Print of each result and tree why it is kept or dropped.
    #[arg(long)]
    pub(crate) explain: bool,
}
