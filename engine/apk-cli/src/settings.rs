//! What the options of every command say, as values.

use std::path::PathBuf;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::output::Output;

/// Age up to which an index in the cache is used without asking for a newer one.
const CACHE_MAX_AGE: Duration = Duration::from_secs(4 * 60 * 60);

/// Where the root's keys lie below it, unless `--keys-dir` says otherwise.
const KEYS_FOLDER: &str = "etc/apk/keys";

/// The settings of one run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) output: Output,
    /// The root, and whether it was named.
    pub(crate) root: PathBuf,
    pub(crate) is_root_named: bool,
    /// Architectures named on the command line.
    pub(crate) arches: Vec<String>,
    pub(crate) repositories: Vec<String>,
    pub(crate) repositories_file: Option<PathBuf>,
    /// Where keys lie: below the root if the path is relative, as apk has it.
    pub(crate) keys_folder: String,
    pub(crate) trust: Trust,
    /// `None` without a cache.
    pub(crate) cache: Option<CacheSettings>,
    pub(crate) network: Network,
    pub(crate) force: Force,
    pub(crate) scripts: Scripts,
    pub(crate) simulate: bool,
    /// Users' changes of protected files are kept without a `.apk-new` beside.
    pub(crate) clean_protected: bool,
    /// Protected files are removed although users changed them.
    pub(crate) purge: bool,
    pub(crate) interactive: bool,
    /// `None` for apk to find out.
    pub(crate) root_tmpfs: Option<bool>,
    pub(crate) lock_wait: Duration,
    pub(crate) timeout: Duration,
    pub(crate) preupgrade_depends: Vec<String>,
}

/// Whether what has no signature by a known key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    Required,
    Waived,
}

/// Whether remote repositories may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Allowed,
    Forbidden,
}

/// Where the cache is and how it is used.
#[derive(Debug, Clone)]
pub(crate) struct CacheSettings {
    /// Below the root, if it was named.
    pub(crate) folder: Option<String>,
    pub(crate) max_age: Duration,
    /// Whether packages are kept; `None` if their folder decides.
    pub(crate) packages: Option<bool>,
}

/// Objections that are overruled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Force {
    pub(crate) broken_world: bool,
    pub(crate) missing_repositories: bool,
    pub(crate) non_repository: bool,
    pub(crate) overwrite: bool,
}

/// What happens to the maintainer scripts of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// A package that has some is not installed.
    Refused,
    /// They run in the root.
    Run,
    /// They are kept but do not run.
    Skipped,
}

impl Settings {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let is_forced = |name: &str| arguments.has("force") || arguments.has(name);
        let quiet = arguments.count("quiet");
        let verbosity = (1 + arguments.count("verbose")).saturating_sub(quiet);
        let seconds = |name: &str| {
            let seconds = arguments.text(name).and_then(|text| text.parse().ok());
            seconds.map(Duration::from_secs)
        };
        let texts = |name: &str| arguments.texts(name).map(str::to_owned).collect::<Vec<_>>();
        Self {
            output: Output::new(verbosity),
            root: arguments.text("root").map_or_else(|| PathBuf::from("/"), PathBuf::from),
            is_root_named: arguments.text("root").is_some(),
            arches: texts("arch"),
            repositories: texts("repository"),
            repositories_file: arguments.text("repositories-file").map(PathBuf::from),
            keys_folder: arguments.text("keys-dir").unwrap_or(KEYS_FOLDER).to_owned(),
            trust: if arguments.has("allow-untrusted") { Trust::Waived } else { Trust::Required },
            cache: cache(arguments),
            network: match arguments.decided("network") {
                Some(false) => Network::Forbidden,
                _ => Network::Allowed,
            },
            force: Force {
                broken_world: arguments.has("force-broken-world"),
                missing_repositories: arguments.has("force-missing-repositories"),
                non_repository: is_forced("force-non-repository"),
                overwrite: is_forced("force-overwrite"),
            },
            scripts: match arguments.decided("scripts") {
                None => Scripts::Refused,
                Some(true) => Scripts::Run,
                Some(false) => Scripts::Skipped,
            },
            simulate: arguments.has("simulate"),
            clean_protected: arguments.has("clean-protected"),
            purge: arguments.has("purge"),
            interactive: arguments.decided("interactive") == Some(true),
            root_tmpfs: arguments.decided("root-tmpfs"),
            lock_wait: seconds("wait").unwrap_or_default(),
            timeout: seconds("timeout").unwrap_or(Duration::from_secs(60)),
            preupgrade_depends: texts("preupgrade-depends"),
        }
    }
}

fn cache(arguments: &Arguments) -> Option<CacheSettings> {
    if arguments.decided("cache") == Some(false) {
        return None;
    }
    let minutes = arguments.text("cache-max-age").and_then(|text| text.parse::<u64>().ok());
    let max_age = minutes.map_or(CACHE_MAX_AGE, |minutes| Duration::from_secs(60 * minutes));
    let refreshes = arguments.has("update-cache") || arguments.has("force-refresh");
    Some(CacheSettings {
        folder: arguments.text("cache-dir").map(str::to_owned),
        max_age: if refreshes { Duration::ZERO } else { max_age },
        packages: arguments.decided("cache-packages"),
    })
}
