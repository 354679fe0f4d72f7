//! The arguments of `wiz push`, `wiz pull`, `wiz load` and `wiz run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::BuildOptions;
use super::evidence::LOCAL_BUILDER;

/// `wiz push`.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The image.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// Where it goes: HOST[:PORT]/REPOSITORY[:TAG].
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,

    /// Sign what the image was made from with this private key, as `wiz sign` does, and put it
    /// beside the image.
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Option<PathBuf>,

    /// The URI of who vouches for the build.
    #[arg(long, value_name = "URI", default_value = LOCAL_BUILDER)]
    pub(crate) builder: String,

    /// Speak to the registry unencrypted; registries on this machine are spoken to so anyway.
    #[arg(long)]
    pub(crate) plain_http: bool,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// `wiz pull`.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The image: HOST[:PORT]/REPOSITORY[:TAG][@DIGEST].
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,

    /// The folder that becomes an OCI layout; blobs that are in it are not fetched again.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Of an image for several machines, the one for this architecture.
    #[arg(long, value_name = "ARCH", default_value = std::env::consts::ARCH)]
    pub(crate) arch: String,

    /// Speak to the registry unencrypted; registries on this machine are spoken to so anyway.
    #[arg(long)]
    pub(crate) plain_http: bool,
}

/// `wiz load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The image.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// What it is loaded into [default: the first that is installed].
    #[arg(long, value_enum, value_name = "RUNNER")]
    pub(crate) runner: Option<Engine>,

    /// What it is called there [default: WORKSPACE/TARGET:latest].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Write the archive that `docker load` and `podman load` read to this file instead.
    #[arg(long, value_name = "FILE", conflicts_with = "runner")]
    pub(crate) archive: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// What keeps images and runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Podman.
    Podman,
    /// Docker.
    Docker,
}

/// `wiz run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The image.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// What runs it [default: the first of podman and docker that is installed, else the sandbox].
    #[arg(long, value_enum, value_name = "RUNNER")]
    pub(crate) runner: Option<Runner>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,

    /// Arguments in place of the image's command.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
}

/// What runs an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runner {
    /// Podman.
    Podman,
    /// Docker.
    Docker,
    /// The sandbox of the image's tests: its root and environment, as user 1000, without a network.
    Sandbox,
}
