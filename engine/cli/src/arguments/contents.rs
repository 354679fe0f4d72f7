//! The arguments of `wiz tree` and `wiz diff`.

use clap::{Args, ValueEnum};

use super::BuildOptions;

/// `wiz tree`.
#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// A label, a label as of a commit (//images:base@HEAD~1), the folder of an OCI layout, an .apk
    /// file, or an image in a registry.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,

    /// What is summed up.
    #[arg(long, value_enum, default_value_t = By::Package, value_name = "WHAT")]
    pub(crate) by: By,

    /// How deep folders are told apart.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) depth: usize,

    /// Show only so many, the largest.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) lines: Option<usize>,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}

/// What `wiz tree` sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Packages, with what brought each.
    Package,
    /// Folders.
    Folder,
    /// Nothing: each file.
    File,
}

/// `wiz diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first: a label, a label as of a commit (//images:base@HEAD~1), the folder of an OCI layout,
    /// an .apk file, or an image in a registry.
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,

    /// The second, likewise.
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,

    /// Show every file.
    #[arg(long)]
    pub(crate) all: bool,

    /// Exit with 1 if they differ.
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) options: BuildOptions,
}
