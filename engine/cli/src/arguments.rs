//! The command line as clap parses it. Unaware of what the commands do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod cache;
mod contents;
mod delivery;
mod evidence;
mod repository;

pub(crate) use cache::{Cache, CacheCommand, CacheDoctor, Collect, Right, ServeCache};
pub(crate) use contents::{By, Diff, Tree};
pub(crate) use delivery::{Engine, Load, Pull, Push, Run, Runner};
pub(crate) use evidence::{
    Advisories, AdvisoryFormat, Audit, AuditFormat, FailOn, Licenses, Sbom, SbomFormat, Sign, Verify,
};
pub(crate) use repository::{Check, Key, KeyCommand, KeyOwner, Publish, Repo, RepoCommand, Serve};

/// Builds signed packages and container images from one declarative source of truth.
#[derive(Debug, Parser)]
#[command(name = "wiz", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Run as if started in this folder.
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,

    /// Where the cache lies [default: $WIZ_CACHE_DIR, $XDG_CACHE_HOME/wiz or ~/.cache/wiz].
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) cache_dir: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build targets and link their outputs under wiz-out/.
    Build(Build),
    /// Build targets' tests and run them.
    Test(Build),
    /// Compare lock files with what archives say today, or write them anew.
    Lock(Lock),
    /// Write a first definition of a package, from its source archive.
    New(New),
    /// Find newer versions of packages' sources, and rewrite version and digest in their definitions.
    Update(Update),
    /// Show the log of a target's actions.
    Log(Log),
    /// Open a shell in the sandbox of a target's action.
    Shell(Shell),
    /// Tell which change made a target's actions run, or will make them run.
    Why(Why),
    /// Ask what targets there are and how they depend on each other.
    Query(Query),
    /// Look after the cache: what takes space, what may go, whether all is sound.
    Cache(Cache),
    /// Remove results linked under wiz-out/, or the whole cache.
    Clean(Clean),
    /// Make, list, rotate and revoke the keys that sign repositories.
    Key(Key),
    /// Publish, check and serve signed repositories.
    Repo(Repo),
    /// Run an image: by podman, docker, or in the sandbox.
    Run(Run),
    /// Load an image into podman or docker, or write the archive they load.
    Load(Load),
    /// Push an image to a registry.
    Push(Push),
    /// Pull an image from a registry into an OCI layout.
    Pull(Pull),
    /// Show what takes the space of an image or package, and why it is there.
    Tree(Tree),
    /// Compare two images or packages: packages, files, configuration, sizes.
    Diff(Diff),
    /// Print the bill of materials of an image.
    Sbom(Sbom),
    /// Print under what the packages of an image are licensed.
    Licenses(Licenses),
    /// Tell which known vulnerabilities packages have.
    Audit(Audit),
    /// Print what definitions say of vulnerabilities, as scanners take it.
    Advisories(Advisories),
    /// Sign what an image or package was made from.
    Sign(Sign),
    /// Verify a signed statement of what a file, an image or a target was made from.
    Verify(Verify),
    /// Check that this machine can build.
    Doctor,
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// What decides how something is built.
#[derive(Debug, Default, Args)]
pub(crate) struct BuildOptions {
    /// Build for this platform of WORKSPACE.star.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,

    /// How many actions run at once [default: the number of cores].
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,

    /// Go on with what does not need a failed action.
    #[arg(short, long)]
    pub(crate) keep_going: bool,

    /// Fetch nothing: what is not in the cache or a distdir is an error.
    #[arg(long)]
    pub(crate) offline: bool,

    /// A folder of source archives to look in before any URL; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) distdir: Vec<PathBuf>,

    /// A cache to share results with: grpc[s]://HOST:PORT [default: $WIZ_REMOTE_CACHE, or `cache` under
    /// `[remote]` in config.toml, or WORKSPACE.star]; an empty address is none.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) remote_cache: Option<String>,

    /// The private key that repositories are signed with [default: $WIZ_SIGNING_KEY,
    /// `signing_key` in config.toml, or a key made on first use].
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
}

/// `wiz build` and `wiz test`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Labels and patterns: //images:base, //pkgs/..., //images:all.
    #[arg(required = true, value_name = "LABEL")]
    pub(crate) labels: Vec<String>,

    #[command(flatten)]
    pub(crate) options: BuildOptions,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,

    /// Build the actions of these targets' packages again, in another place, on one processor and
    /// with another number of jobs, and compare.
    #[arg(long)]
    pub(crate) rebuild: bool,

    /// Copy outputs into this folder as well.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Write every event of the build to this file, one JSON document a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,

    /// Write to this file when what ran, in the format of Chrome's trace viewer and Perfetto.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
}

/// `wiz lock`.
#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// Labels, patterns and folders whose lock files are meant [default: all].
    #[arg(value_name = "LABEL")]
    pub(crate) labels: Vec<String>,

    /// Write lock files that differ, instead of saying so and failing.
    #[arg(long)]
    pub(crate) update: bool,

    /// Ask no host, which ends in an error: an index is never taken from the cache.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// `wiz new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The source archive: a file, or a URL as definitions have it.
    #[arg(value_name = "FILE|URL")]
    pub(crate) source: String,

    /// The package's name [default: as the archive's name tells].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `wiz update`.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Labels, patterns and folders of the packages [default: all].
    #[arg(value_name = "PKG")]
    pub(crate) packages: Vec<String>,

    /// Print what is newer, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// The suite of the Debian archive that is asked for `debian:` sources.
    #[arg(long, value_name = "NAME", default_value = "sid")]
    pub(crate) suite: String,
}

/// `wiz log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The target.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// Build for this platform of WORKSPACE.star.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,
}

/// `wiz shell`.
#[derive(Debug, Args)]
pub(crate) struct Shell {
    /// The target.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// Enter the sandbox as the last failed action of the target left it.
    #[arg(long)]
    pub(crate) failed: bool,

    /// Enter the sandbox of the nearest action of this category [default: of the nearest command
    /// on the way to the target's outputs].
    #[arg(long, value_name = "CATEGORY", conflicts_with = "failed")]
    pub(crate) action: Option<String>,

    /// The platform of WORKSPACE.star it was built for.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,

    /// Run this instead of an interactive /bin/sh.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// `wiz why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The target.
    #[arg(value_name = "LABEL")]
    pub(crate) label: String,

    /// Print one JSON document instead of lines.
    #[arg(long)]
    pub(crate) json: bool,

    /// The platform of WORKSPACE.star it is built for.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,
}

/// `wiz query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// Labels and patterns, functions of them (deps, rdeps, allpaths, somepath, kind, attr,
    /// filter), and `+`, `-`, `^` between them.
    #[arg(value_name = "EXPR")]
    pub(crate) expression: String,

    /// Ask about the actions of targets instead of the targets.
    #[arg(long)]
    pub(crate) actions: bool,

    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = QueryOutput::Label)]
    pub(crate) output: QueryOutput,

    /// Ask for this platform of WORKSPACE.star.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,
}

/// How `wiz query` prints its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum QueryOutput {
    /// One label a line.
    Label,
    /// A JSON document with rule, place and dependencies of each.
    Json,
    /// A graph for Graphviz.
    Dot,
}

/// `wiz clean`.
#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Remove the cache too, not only the links under wiz-out/.
    #[arg(long)]
    pub(crate) cache: bool,
}

/// `wiz completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
