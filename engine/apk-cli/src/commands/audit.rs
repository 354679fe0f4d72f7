//! `apk audit`: what in the root is another than packages have it.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::FileType;
use wiz_apk::database::installed::{Attributes, InstalledFile};
use wiz_install::installer::{BESIDE, is_changed};
use wiz_install::protected::{ProtectedPaths, Protection};
use wiz_install::root::Folder;

use super::Command;
use crate::arguments::{Arguments, OptionSpec, argument, plain};
use crate::error::{Failure, StopError};
use crate::session::{Needs, Session};
use crate::settings::Settings;

const OPTIONS: &[OptionSpec] = &[
    plain("backup", ""),
    plain("check-permissions", ""),
    plain("full", ""),
    plain("packages", ""),
    argument("protected-paths", ""),
    plain("recursive", "r"),
    plain("system", ""),
];

pub(super) const COMMAND: Command = Command {
    name: "audit",
    summary: "Lists files that are other than packages have them",
    usage: "audit [<OPTIONS>...] [FOLDERS...]",
    options: OPTIONS,
    is_commit: false,
    run,
};

/// What `--full` leaves out.
const FULL: &str = "+etc\n@etc/init.d\n-dev\n-home\n-lib/apk\n-usr/lib/apk\n-lib/rc/cache\n\
                    -proc\n-root\n-run\n-sys\n-tmp\n-var\n";

/// Which files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// What users are expected to change.
    Backup,
    /// What packages have and users are not expected to change.
    System,
    /// Everything.
    Full,
}

fn run(settings: Settings, arguments: &Arguments) -> Result<(), Failure> {
    let session = Session::open(settings, Needs { repositories: false, ..Needs::READ })?;
    let mode = match (arguments.has("full"), arguments.has("system")) {
        (true, _) => Mode::Full,
        (false, true) => Mode::System,
        (false, false) => Mode::Backup,
    };
    let mut audit = Audit::new(&session, mode, protected_paths(&session, mode, arguments)?, arguments);
    if arguments.operands.is_empty() {
        audit.tree("")?;
    }
    for path in &arguments.operands {
        match path.strip_prefix('/') {
            Some(path) => audit.tree(path.trim_end_matches('/'))?,
            None => session.settings.output.warning(&format!("{path}: relative path skipped.")),
        }
    }
    if mode != Mode::Backup {
        audit.missing();
    }
    Ok(())
}

fn protected_paths(session: &Session, mode: Mode, arguments: &Arguments) -> Result<ProtectedPaths, Failure> {
    if let Some(path) = arguments.text("protected-paths") {
        let text = std::fs::read_to_string(path);
        let failed = |error| StopError::new(format!("unable to read protected path file: {path}: {error}"));
        return Ok(ProtectedPaths::only(&text.map_err(failed)?));
    }
    if mode == Mode::Full {
        return Ok(ProtectedPaths::only(FULL));
    }
    session.protected_paths()
}

/// A file of the database.
struct Known<'s> {
    package: &'s str,
    shown: String,
    file: &'s InstalledFile,
}

struct Audit<'s> {
    session: &'s Session,
    mode: Mode,
    protected: ProtectedPaths,
    is_recursive: bool,
    checks_permissions: bool,
    only_packages: bool,
    files: BTreeMap<String, Known<'s>>,
    folders: BTreeMap<&'s str, Attributes>,
    audited: BTreeSet<String>,
    visited: BTreeSet<String>,
    reported: BTreeSet<&'s str>,
}

impl<'s> Audit<'s> {
    fn new(session: &'s Session, mode: Mode, protected: ProtectedPaths, arguments: &Arguments) -> Self {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
        for package in &session.state.packages {
            for directory in &package.directories {
                folders.entry(directory.path.as_str()).or_insert(directory.attributes);
                for file in &directory.files {
                    let (package, shown) = (package.record.name.as_str(), package.record.display_name());
                    files.insert(join(&directory.path, &file.name), Known { package, shown, file });
                }
            }
        }
        Self {
            session,
            mode,
            protected,
            is_recursive: arguments.has("recursive"),
            checks_permissions: arguments.has("check-permissions"),
            only_packages: arguments.has("packages"),
            files,
            folders,
            audited: BTreeSet::new(),
            visited: BTreeSet::new(),
            reported: BTreeSet::new(),
        }
    }

    fn tree(&mut self, path: &str) -> Result<(), Failure> {
        let folder = self.session.root.folder(path)?;
        self.visited.insert(path.to_owned());
        for name in folder.names()? {
            let path = join(path, &name);
            match folder.metadata(&name)?.map(|metadata| metadata.kind) {
                Some(FileType::Directory) => self.folder(&folder, &name, &path)?,
                Some(kind) => self.file(&folder, &name, &path, kind)?,
                None => {}
            }
        }
        Ok(())
    }

    fn folder(&mut self, parent: &Folder, name: &str, path: &str) -> Result<(), Failure> {
        let protection = self.protected.protection(path);
        let (is_audited, goes_down) = match self.mode {
            Mode::Backup => (protection != Protection::None, self.protected.reaches_below(path)),
            Mode::System if !self.folders.contains_key(path) => return Ok(()),
            Mode::System => (true, true),
            Mode::Full => (protection == Protection::None, true),
        };
        let reason = if is_audited { self.folder_reason(parent, name, path)? } else { None };
        if let Some(reason) = reason {
            self.report(reason, &format!("{path}/"), None);
        }
        if reason != Some('D') && goes_down { self.tree(path) } else { Ok(()) }
    }

    fn folder_reason(&self, parent: &Folder, name: &str, path: &str) -> Result<Option<char>, Failure> {
        let Some(expected) = self.folders.get(path) else {
            return Ok(Some(if self.is_recursive { 'd' } else { 'D' }));
        };
        let is_other = self.checks_permissions && !has_attributes(parent, name, *expected)?;
        Ok(is_other.then_some('m'))
    }

    fn file(&mut self, folder: &Folder, name: &str, path: &str, kind: FileType) -> Result<(), Failure> {
        self.audited.insert(path.to_owned());
        let known = self.files.get(path);
        let protection = self.protected.protection(path);
        let is_link = kind == FileType::Symlink;
        let mut reason = None;
        let is_skipped = match (self.mode, protection) {
            (Mode::Full, Protection::None) => false,
            (Mode::Full, Protection::Links) => is_link,
            (Mode::Full, _) => true,
            (Mode::Backup, Protection::None | Protection::Ignored) => true,
            (Mode::Backup, Protection::Changed) => false,
            (Mode::Backup, Protection::Links) => !is_link,
            (Mode::Backup, Protection::All) => {
                reason = Some('A');
                false
            }
            (Mode::System, Protection::None) => known.is_none(),
            (Mode::System, _) => true,
        };
        let is_beside =
            self.mode == Mode::Backup && (known.is_none() || reason.is_some()) && name.ends_with(BESIDE);
        if is_skipped || is_beside {
            return Ok(());
        }
        if reason.is_none() {
            reason = match known {
                None => Some('A'),
                Some(known) => self.file_reason(folder, name, known.file, is_link)?,
            };
        }
        if let Some(reason) = reason {
            self.report(reason, path, Some(path));
        }
        Ok(())
    }

    fn file_reason(
        &self,
        folder: &Folder,
        name: &str,
        expected: &InstalledFile,
        is_link: bool,
    ) -> Result<Option<char>, Failure> {
        let has_checksum = expected.checksum.is_some();
        if (has_checksum && is_changed(folder, name, expected.checksum.as_ref())?)
            || (is_link && !has_checksum)
        {
            return Ok(Some('U'));
        }
        let is_other = self.checks_permissions && !has_attributes(folder, name, expected.attributes)?;
        Ok(is_other.then_some('M'))
    }

    /// Files of the database that were not come by, in folders that were.
    fn missing(&mut self) {
        let is_missing = |path: &&String| {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            !self.audited.contains(*path)
                && self.visited.contains(folder)
                && self.protected.protection(path) != Protection::Ignored
        };
        let missing: Vec<String> = self.files.keys().filter(is_missing).cloned().collect();
        missing.iter().for_each(|path| self.report('X', path, Some(path)));
    }

    fn report(&mut self, reason: char, shown: &str, file: Option<&str>) {
        let output = self.session.settings.output;
        if self.only_packages {
            let Some(known) = file.and_then(|path| self.files.get(path)) else { return };
            if self.reported.insert(known.package) {
                output.line(if output.verbosity < 1 { known.package } else { &known.shown });
            }
        } else if output.verbosity < 1 {
            output.line(shown);
        } else {
            output.line(&format!("{reason} {shown}"));
        }
    }
}

fn has_attributes(folder: &Folder, name: &str, expected: Attributes) -> Result<bool, Failure> {
    let metadata = folder.metadata(name)?;
    Ok(metadata.is_none_or(|found| {
        found.kind == FileType::Symlink
            || (found.mode, found.uid, found.gid) == (expected.mode & 0o7777, expected.uid, expected.gid)
    }))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
