//! Maintainer scripts, where the user has said that they shall run.
//!
//! A script is put into the root for as long as it runs, and runs in it: this program
//! starts itself again, changes its root and becomes the script.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use wiz_apk::database::scripts::InstalledScript;
use wiz_apk::package::Script;
use wiz_apk::{Checksum, Record};
use wiz_install::installer::Privileges;
use wiz_install::root::Root;
use wiz_install::state::State;

use crate::error::{Failure, StopError};
use crate::packages::Reader;
use crate::session::Session;
use crate::settings::Scripts;

/// The operand by which this program is asked to become a script in a root.
pub(crate) const INTERNAL_COMMAND: &str = "--internal-run-in-root";

/// Where scripts lie while they run, below the root.
const FOLDER: &str = "usr/lib/apk/exec";
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// When a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    BeforeInstallation,
    AfterInstallation,
    BeforeUpgrade,
    AfterUpgrade,
    BeforeRemoval,
    AfterRemoval,
}

impl Moment {
    fn script(self) -> Script {
        match self {
            Self::BeforeInstallation => Script::PreInstall,
            Self::AfterInstallation => Script::PostInstall,
            Self::BeforeUpgrade => Script::PreUpgrade,
            Self::AfterUpgrade => Script::PostUpgrade,
            Self::BeforeRemoval => Script::PreDeinstall,
            Self::AfterRemoval => Script::PostDeinstall,
        }
    }
}

/// The scripts of one package and what they are told.
#[derive(Debug, Clone, Default)]
pub(super) struct PackageScripts {
    package: String,
    name: String,
    arguments: Vec<String>,
    scripts: BTreeMap<Script, Vec<u8>>,
}

impl PackageScripts {
    /// After an upgrade they are told the version before, too.
    pub(super) fn with_versions(mut self, old: Option<&str>) -> Self {
        self.arguments.extend(old.map(str::to_owned));
        self
    }
}

/// Runs scripts, and remembers which folders have changed.
#[derive(Debug)]
pub(super) struct Hooks {
    runs: bool,
    changed: BTreeSet<String>,
    new: BTreeSet<Checksum>,
}

impl Hooks {
    pub(super) fn new(session: &Session) -> Self {
        let runs = session.settings.scripts == Scripts::Run;
        Self { runs, changed: BTreeSet::new(), new: BTreeSet::new() }
    }

    /// The package's folders are being changed.
    pub(super) fn note_folders(&mut self, state: &State, identity: Checksum) {
        let package = state.packages.iter().find(|package| package.record.identity == Some(identity));
        let folders = package.into_iter().flat_map(|package| &package.directories);
        self.changed.extend(folders.map(|directory| directory.path.clone()));
    }

    /// The package has come in: its trigger sees every folder it waits for.
    pub(super) fn note_new(&mut self, identity: Checksum) {
        self.new.insert(identity);
    }

    /// The scripts of a package that is not installed yet.
    pub(super) fn scripts_in(&self, record: &Record, reader: &Reader<'_>) -> PackageScripts {
        PackageScripts {
            package: record.display_name(),
            name: record.name.to_string(),
            arguments: vec![record.version.to_string()],
            scripts: reader.control().scripts.clone(),
        }
    }

    /// The scripts of an installed package.
    pub(super) fn scripts_of(&self, state: &State, identity: Checksum) -> PackageScripts {
        let mut found = PackageScripts::default();
        let package = state.packages.iter().find(|package| package.record.identity == Some(identity));
        if let Some(package) = package {
            found.package = package.record.display_name();
            found.name = package.record.name.to_string();
            found.arguments = vec![package.record.version.to_string()];
        }
        let own = state.scripts.iter().filter(|script| script.identity == identity);
        found.scripts =
            own.map(|InstalledScript { script, content, .. }| (*script, content.clone())).collect();
        found
    }

    pub(super) fn run(
        &self,
        session: &Session,
        state: &State,
        identity: Checksum,
        moment: Moment,
    ) -> Result<(), Failure> {
        self.run_kept(session, &self.scripts_of(state, identity), moment)
    }

    pub(super) fn run_kept(
        &self,
        session: &Session,
        scripts: &PackageScripts,
        moment: Moment,
    ) -> Result<(), Failure> {
        let Some(content) = scripts.scripts.get(&moment.script()) else { return Ok(()) };
        self.execute(session, scripts, moment.script(), content, &scripts.arguments)
    }

    fn execute(
        &self,
        session: &Session,
        scripts: &PackageScripts,
        script: Script,
        content: &[u8],
        arguments: &[String],
    ) -> Result<(), Failure> {
        let shown = format!("{}.{script}", scripts.package);
        if !self.runs {
            if session.settings.scripts == Scripts::Refused {
                session.settings.output.warning(&format!("{shown} does not run, hint: --scripts runs it"));
            }
            return Ok(());
        }
        let failed = |reason: &str| Failure::from(StopError::new(format!("{shown}: {reason}")));
        if super::install::privileges(session)? == Privileges::User && session.settings.is_root_named {
            return Err(failed("cannot run in a root that is a user's, hint: --no-scripts installs without"));
        }
        session.settings.output.message(&format!("  Executing {shown}"));
        session.root.make_folders(FOLDER)?;
        let path = format!("{FOLDER}/{shown}");
        session.root.write(&path, content, 0o755)?;
        let program = std::env::current_exe().map_err(|error| failed(&error.to_string()))?;
        let mut command = Command::new(program);
        command.arg(INTERNAL_COMMAND).arg(&session.settings.root).arg(format!("/{path}")).args(arguments);
        command
            .env_clear()
            .env("PATH", PATH)
            .env("APK_PACKAGE", &scripts.name)
            .env("APK_SCRIPT", script.as_str());
        let status = command.status();
        remove(&session.root, &path)?;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(&format!("script exited with {status}"))),
            Err(error) => Err(failed(&error.to_string())),
        }
    }

    /// Runs the triggers of packages that wait for a folder that has changed; how many
    /// failed.
    pub(super) fn run_triggers(&self, session: &Session, state: &State) -> usize {
        if !self.runs {
            return 0;
        }
        let all: BTreeSet<&str> = state
            .packages
            .iter()
            .flat_map(|package| &package.directories)
            .map(|directory| directory.path.as_str())
            .collect();
        let mut errors = 0;
        for triggers in &state.triggers {
            let is_new = self.new.contains(&triggers.identity);
            let is_hit = |folder: &&&str| {
                let has_changed = self.changed.contains(**folder);
                triggers.patterns.iter().any(|pattern| {
                    let (only_changed, pattern) = match pattern.strip_prefix('+') {
                        Some(pattern) => (true, pattern),
                        None => (false, pattern.as_str()),
                    };
                    fits(pattern, folder) && (has_changed || (is_new && !only_changed))
                })
            };
            let hit: Vec<String> = all.iter().filter(is_hit).map(|folder| format!("/{folder}")).collect();
            let scripts = self.scripts_of(state, triggers.identity);
            let Some(content) = scripts.scripts.get(&Script::Trigger).filter(|_| !hit.is_empty()) else {
                continue;
            };
            if let Err(failure) = self.execute(session, &scripts, Script::Trigger, content, &hit) {
                if let Failure::Stopped(error) = failure {
                    session.settings.output.error(&crate::error::chain(&error));
                }
                errors += 1;
            }
        }
        errors
    }
}

/// Whether a folder fits an absolute pattern step by step.
fn fits(pattern: &str, folder: &str) -> bool {
    let steps =
        |path: &str| path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (pattern, folder) = (steps(pattern), steps(folder));
    pattern.len() == folder.len() && pattern.iter().zip(&folder).all(|(a, b)| crate::glob::matches(a, b))
}

fn remove(root: &Root, path: &str) -> Result<(), Failure> {
    let (folder, name) = root.parent(path)?;
    folder.remove(name)?;
    // Gone again if it was made for this.
    let (parent, name) = root.parent(FOLDER)?;
    parent.remove_folder(name)?;
    Ok(())
}

/// Changes the root of this process and becomes the script; comes back only with the
/// reason why not.
pub(crate) fn run_in_root(words: &[String]) -> String {
    let [root, script, arguments @ ..] = words else { return "no root or no script".to_owned() };
    if Path::new(root) != Path::new("/") {
        let changed = rustix::process::chroot(root.as_str()).and_then(|()| rustix::process::chdir("/"));
        if let Err(errno) = changed {
            return format!("cannot change into `{root}`: {errno}");
        }
    }
    Command::new(script).args(arguments).exec().to_string()
}
