//! Configuration from outside the workspace: environment, `config.toml`, flags.
//! The only place where wiz reads its environment.

#![expect(clippy::disallowed_methods, reason = "the environment enters here and goes no further")]

use std::collections::BTreeMap;
use std::env;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use wiz_base::RelPath;
use wiz_star::DiskSources;

use crate::arguments::{Arguments, BuildOptions};
use crate::error::{CliError, Kind, Style};

mod remote;

use remote::{RemoteConfig, Secret};

/// What the surroundings say.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where the user stands.
    pub(crate) directory: PathBuf,
    /// Where the cache lies.
    pub(crate) cache: PathBuf,
    /// The folder of `config.toml` and of the user's keys.
    pub(crate) settings: PathBuf,
    /// What `config.toml` says.
    pub(crate) file: ConfigFile,
    /// The private key that repositories are signed with, unless a flag names another.
    pub(crate) signing_key: Option<PathBuf>,
    /// The address of a remote cache, unless a flag names another.
    pub(crate) remote_cache: Option<String>,
    /// Where docker and podman keep who the user is to registries, in the order they are asked.
    registry_files: Vec<PathBuf>,
    /// cargo's home, which knows where crates are downloaded from.
    pub(crate) cargo: Option<PathBuf>,
    /// The password of an encrypted signing key, from the environment.
    key_password: Option<Secret>,
    /// A token for it, from the environment.
    remote_token: Option<Secret>,
    /// The proxy's URL and the hosts that are reached without it.
    pub(crate) proxy: Option<(String, String)>,
    /// How diagnostics are drawn.
    pub(crate) style: Style,
    /// Whether progress is drawn in place.
    pub(crate) live: bool,
}

/// `config.toml` of the user's configuration folder.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// How many actions run at once.
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
    /// Base URLs by scheme: `debian = ["https://..."]`.
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// Folders of source archives.
    pub(crate) distdirs: Vec<PathBuf>,
    /// What the cache may take.
    pub(crate) cache: CacheConfig,
    /// The cache that results are shared over.
    pub(crate) remote: RemoteConfig,
    /// The private key that repositories are signed with; relative to the file's folder.
    pub(crate) signing_key: Option<PathBuf>,
}

/// `[cache]` of `config.toml`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheConfig {
    /// How large the cache may become before a build that added to it drops what was used
    /// longest ago; none for no limit.
    pub(crate) budget: Option<Size>,
}

/// A number of bytes: `500M` or `20G` in configuration and flags, in powers of 1000, or of 1024
/// as `500Mi` and `20Gi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Size(pub(crate) u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size: sizes look like `500M` and `20G`");
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = unit.trim().trim_end_matches('B');
        let factor: u64 = match unit {
            "" => 1,
            "k" | "K" => 1000,
            "M" => 1000_u64.pow(2),
            "G" => 1000_u64.pow(3),
            "T" => 1000_u64.pow(4),
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            "Ti" => 1 << 40,
            _ => return Err(wrong()),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = ["kB", "MB", "GB", "TB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let (mut whole, mut unit) = (self.0, 0);
        while whole >= 1_000_000 && unit + 1 < units.len() {
            whole /= 1000;
            unit += 1;
        }
        write!(f, "{}.{} {}", whole / 1000, whole % 1000 / 100, units[unit])
    }
}

impl Config {
    /// Reads the surroundings.
    ///
    /// # Errors
    /// If the folder to start in is not there, no cache folder can be named, or `config.toml` is wrong.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, CliError> {
        let home = env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let directory = start_folder(arguments)?;
        let settings = folder("XDG_CONFIG_HOME", home.as_deref(), ".config")
            .map_or_else(|| directory.join(".wiz"), |folder| folder.join("wiz"));
        let cache = arguments
            .cache_dir
            .clone()
            .or_else(|| env::var_os("WIZ_CACHE_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from))
            .or_else(|| folder("XDG_CACHE_HOME", home.as_deref(), ".cache").map(|folder| folder.join("wiz")))
            .ok_or_else(|| {
                CliError::new(Kind::User, "WIZ2001", "there is no place for the cache")
                    .hint("set `WIZ_CACHE_DIR` or `HOME`, or give `--cache-dir`")
            })?;
        let file = ConfigFile::read(&settings.join("config.toml"))?;
        let live = std::io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let color =
            std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = std::io::stderr().is_terminal().then(terminal_width);
        let style = Style { color, width };
        let variable = |names: [&str; 2]| names.into_iter().find_map(|name| env::var(name).ok());
        let proxy = variable(["https_proxy", "HTTPS_PROXY"]).filter(|proxy| !proxy.is_empty());
        let proxy = proxy.map(|proxy| (proxy, variable(["no_proxy", "NO_PROXY"]).unwrap_or_default()));
        let named = env::var_os("WIZ_SIGNING_KEY").filter(|key| !key.is_empty());
        let signing_key = named
            .map(|key| directory.join(key))
            .or_else(|| file.signing_key.as_ref().map(|key| settings.join(key)));
        let remote_cache = env::var("WIZ_REMOTE_CACHE").ok().or_else(|| file.remote.cache.clone());
        let remote_token = env::var("WIZ_REMOTE_TOKEN").ok().filter(|token| !token.is_empty()).map(Secret);
        let cache = directory.join(cache);
        let key_password = env::var("WIZ_KEY_PASSWORD").ok().map(Secret);
        Ok(Self {
            key_password,
            directory,
            cache,
            settings,
            file,
            signing_key,
            remote_cache,
            remote_token,
            registry_files: registry_files(home.as_deref()),
            cargo: folder("CARGO_HOME", home.as_deref(), ".cargo"),
            proxy,
            style,
            live,
        })
    }

    /// The password of an encrypted signing key.
    pub(crate) fn key_password(&self) -> Option<&[u8]> {
        self.key_password.as_ref().map(|Secret(password)| password.as_bytes())
    }

    /// Where docker and podman keep who the user is to registries.
    pub(crate) fn registry_files(&self) -> Vec<PathBuf> {
        self.registry_files.clone()
    }

    /// The same surroundings, seen from another folder.
    pub(crate) fn seen_from(&self, folder: &Path) -> Self {
        Self { directory: folder.to_owned(), ..self.clone() }
    }

    /// The nearest folder upwards that has a WORKSPACE.star.
    pub(crate) fn workspace(&self) -> Option<PathBuf> {
        let mut above = self.directory.ancestors();
        above.find(|folder| folder.join("WORKSPACE.star").is_file()).map(Path::to_owned)
    }

    /// The same, or an error that says where was looked.
    pub(crate) fn require_workspace(&self) -> Result<PathBuf, CliError> {
        self.workspace().ok_or_else(|| {
            let here = self.directory.display();
            CliError::new(
                Kind::User,
                "WIZ2006",
                format!("neither `{here}` nor a folder above it has a WORKSPACE.star"),
            )
            .hint("a file with `workspace(name = \"mine\")` makes a folder a workspace")
        })
    }

    /// The files of the workspace at `root`, without what is to be ignored.
    ///
    /// # Errors
    /// If `.wizignore` is wrong.
    pub(crate) fn sources(&self, root: &Path) -> Result<DiskSources, CliError> {
        let inside = self.cache.strip_prefix(root).ok().and_then(Path::to_str);
        let hidden = inside.and_then(|cache| RelPath::new(cache).ok());
        DiskSources::new(root, hidden)
            .map_err(|error| CliError::new(Kind::User, "WIZ2040", error.to_string()))
    }

    /// The private key that repositories are signed with, if one is named.
    pub(crate) fn signing_key(&self, options: &BuildOptions) -> Option<PathBuf> {
        let given = options.signing_key.as_ref().map(|key| self.directory.join(key));
        given.or_else(|| self.signing_key.clone())
    }

    /// The address of the remote cache that results are shared with, unless WORKSPACE.star is
    /// to say; an empty one is none.
    pub(crate) fn remote_cache<'a>(&'a self, options: &'a BuildOptions) -> Option<&'a str> {
        if options.offline {
            return Some("");
        }
        options.remote_cache.as_deref().or(self.remote_cache.as_deref())
    }

    /// How many actions run at once when nothing says otherwise.
    pub(crate) fn default_jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.file.jobs.map_or_else(cores, std::num::NonZero::get)
    }
}

/// The present time in whole seconds since 1970; it only ever orders what was used when.
pub(crate) fn seconds_since_1970() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// The present time as RFC 3339 writes it, in whole seconds.
pub(crate) fn rfc3339_now() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds_since_1970());
    humantime::format_rfc3339_seconds(now).to_string()
}

/// The day, such as `2027-01-31`, in UTC.
pub(crate) fn today() -> String {
    rfc3339_now().chars().take_while(|letter| *letter != 'T').collect()
}

/// The machine's memory in bytes.
pub(crate) fn total_memory() -> u64 {
    let machine = rustix::system::sysinfo();
    machine.totalram.saturating_mul(machine.mem_unit.into())
}

/// Columns of the terminal that stderr is; 100 where it is none.
pub(crate) fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { 100 } else { columns.clamp(20, 200) }
}

fn start_folder(arguments: &Arguments) -> Result<PathBuf, CliError> {
    let here = env::current_dir().map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2002", format!("the working folder cannot be read: {error}"))
    })?;
    let Some(directory) = &arguments.directory else { return Ok(here) };
    here.join(directory).canonicalize().map_err(|error| {
        CliError::new(Kind::User, "WIZ2003", format!("`{}` cannot be entered: {error}", directory.display()))
            .hint("`--directory` takes a folder that is there")
    })
}

/// The files of `docker login` and `podman login`.
fn registry_files(home: Option<&Path>) -> Vec<PathBuf> {
    let docker = folder("DOCKER_CONFIG", home, ".docker").map(|folder| folder.join("config.json"));
    let named = env::var_os("REGISTRY_AUTH_FILE").map(PathBuf::from);
    let runtime =
        env::var_os("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("containers/auth.json"));
    let lasting =
        folder("XDG_CONFIG_HOME", home, ".config").map(|folder| folder.join("containers/auth.json"));
    [named, docker, runtime, lasting].into_iter().flatten().collect()
}

fn folder(variable: &str, home: Option<&Path>, below: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| home.map(|home| home.join(below)))
}

impl ConfigFile {
    fn read(path: &Path) -> Result<Self, CliError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                let error = CliError::new(Kind::Surroundings, "WIZ2004", message);
                return Err(error.hint("make it readable, or move it away"));
            }
        };
        toml::from_str(&text).map_err(|error| {
            let message = format!("`{}` is wrong: {}", path.display(), error.to_string().trim_end());
            CliError::new(Kind::User, "WIZ2005", message)
                .hint("README.md shows what it may say; without the file, defaults hold")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        let read = |text: &str| text.parse::<Size>().map(|size| (size.0, size.to_string()));
        assert_eq!(read("999"), Ok((999, "999 B".to_owned())));
        assert_eq!(read("20G"), Ok((20_000_000_000, "20.0 GB".to_owned())));
        assert_eq!(read("512Mi"), Ok((536_870_912, "536.8 MB".to_owned())));
        assert_eq!(read("1500 KB"), Ok((1_500_000, "1.5 MB".to_owned())));
        for wrong in ["", "G", "-1", "1.5G", "20 gigs", "99999999999T"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
