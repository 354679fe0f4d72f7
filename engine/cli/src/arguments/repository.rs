//! The arguments of `wiz key` and `wiz repo`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::BuildOptions;

/// `wiz key`.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// What to do with keys.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make the key that signs repositories, and print its path.
    New(KeyOwner),
    /// Print each key, what it is good for, and the path of its public half.
    List,
    /// Make a new key that signs from now on; the old one is trusted until revoked.
    Rotate(KeyOwner),
    /// Trust nothing that a key signed: repositories written from now on are without it.
    Revoke(Revoke),
}

/// Whose key it is.
#[derive(Debug, Args)]
pub(crate) struct KeyOwner {
    /// Begins the key's name [default: the workspace's name].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `wiz key revoke`.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The key, as `wiz key list` names it.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `wiz repo`.
#[derive(Debug, Args)]
pub(crate) struct Repo {
    /// What to do with a repository.
    #[command(subcommand)]
    pub(crate) command: RepoCommand,
}

/// What to do with a repository.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Build a repository and add its packages to a published one, which only grows.
    Publish(Publish),
    /// Check that a repository is whole, signed and installable.
    Check(Check),
    /// Serve a folder over HTTP, for apk and for mirrors.
    Serve(Serve),
}

/// `wiz repo publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The repository to build.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// The folder of the published repository; made where it is missing.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Add versions that are older than published ones.
    #[arg(long)]
    pub(crate) allow_older: bool,

    /// A folder of public keys that the published repository may be signed with; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys_dir: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz repo check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The folder of a repository, or the label of one that is built first.
    #[arg(value_name = "DIR|LABEL")]
    pub(crate) repository: String,

    /// A folder of public keys to trust instead of the user's own; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys_dir: Vec<PathBuf>,

    /// An index or repository seen before: whatever it lists must be listed still.
    #[arg(long, value_name = "PATH")]
    pub(crate) since: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz repo serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Where to listen. Others than this machine reach it only at an address of the network.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
}
