//! The arguments of `wiz cache`.

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
}

/// `wiz cache serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeCache {
    /// The address to listen at. Everybody who reaches it may read and write.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8980")]
    pub(crate) listen: std::net::SocketAddr,
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
