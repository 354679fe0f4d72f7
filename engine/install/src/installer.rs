//! Puts packages into a root and takes them out, one at a time, so that a process that
//! is killed leaves a root which the next one sets right.
//!
//! A package's files are written beside their places under names of their own; once
//! all of them are there and are what the package vouches for, the journal says so and
//! they are renamed. What the journal does not say is undone, what it says is done
//! again. Unaware of repositories, of signatures, and of who is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use wiz_apk::database::installed::InstalledPackage;
use wiz_apk::database::scripts::InstalledScript;
use wiz_apk::database::triggers::Triggers;
use wiz_apk::database::world::WorldDependency;
use wiz_apk::package::PackageError;
use wiz_apk::{Checksum, PackageReader, Record};

use crate::journal::{Commit, Journal, JournalError};
use crate::package::Package;
use crate::protected::ProtectedPaths;
use crate::root::{Root, RootError};
use crate::state::{State, StateError};

mod contents;
mod plan;
mod recovery;
mod staging;

pub use contents::is_changed;
pub use recovery::{Recovery, recover};

use contents::Contents;
use staging::Staging;

/// How packages are put in.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether owners and privileged attributes are set.
    pub privileges: Privileges,
    /// Files that users change.
    pub protected: ProtectedPaths,
    /// What becomes of a package's version of a protected file that a user changed.
    pub on_changed: OnChanged,
    /// Whether protected files that a user changed are removed with their package.
    pub on_removal: OnRemoval,
    /// Whether a file of another package may be overwritten.
    pub on_conflict: OnConflict,
}

/// Whether owners and privileged attributes are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// They are: the process is root's.
    Root,
    /// They are not: everything belongs to the user.
    User,
}

/// What becomes of a package's version of a protected file that a user changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChanged {
    /// It is put beside, with `.apk-new` behind its name.
    Beside,
    /// It is left out.
    LeftOut,
}

/// Whether protected files that a user changed are removed with their package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRemoval {
    /// They stay.
    Keep,
    /// They go.
    Purge,
}

/// Whether a file of another package may be overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Only if one of them says that it replaces the other.
    Refuse,
    /// It may.
    Overwrite,
}

/// What is behind the name of a package's version of a file that a user changed.
pub const BESIDE: &str = ".apk-new";

/// A package on its way in.
#[derive(Debug)]
pub struct Incoming<R> {
    /// Its record, as its repository lists it.
    pub record: Record,
    /// The tag of the repository it is pinned to.
    pub tag: Option<String>,
    /// The package; `None` for one that is made up and has no files.
    pub reader: Option<PackageReader<R>>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A user's file stayed; the package's is beside it, at this path.
    Beside(String),
}

/// Packages being put in and taken out.
#[derive(Debug)]
pub struct Installer<'r> {
    root: &'r Root,
    state: State,
    contents: Contents,
    journal: Journal,
    options: Options,
    /// Packages that will be gone when all is done, by identity.
    leaving: BTreeSet<Checksum>,
}

impl<'r> Installer<'r> {
    /// Begins. `world` is what shall be asked for when all is done; `leaving` are the
    /// packages that will be gone then, whose files may be taken over.
    ///
    /// # Errors
    /// [`InstallError`] if the journal cannot be written.
    pub fn begin(
        root: &'r Root,
        state: State,
        world: &[WorldDependency],
        leaving: BTreeSet<Checksum>,
        options: Options,
    ) -> Result<Self, InstallError> {
        let journal = Journal::begin(root, world)?;
        Ok(Self { root, contents: Contents::of(&state), state, journal, options, leaving })
    }

    /// What is installed as of now.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Puts a package in, in the place of `old` if there is one; the same package may be
    /// put in again.
    ///
    /// # Errors
    /// [`InstallError`] if it cannot be put in. The root is as before then.
    pub fn install<R: BufRead>(
        &mut self,
        incoming: Incoming<R>,
        old: Option<Checksum>,
    ) -> Result<Vec<Notice>, InstallError> {
        let identity = incoming
            .record
            .identity
            .ok_or_else(|| InstallError::NoIdentity { package: incoming.record.display_name() })?;
        let mut package = Package {
            record: Record { unknown: Vec::new(), ..incoming.record },
            replaces: Vec::new(),
            replaces_priority: None,
            triggers: Vec::new(),
            entries: Vec::new(),
        };
        let mut scripts = Vec::new();
        let staged = match incoming.reader {
            None => Vec::new(),
            Some(reader) => {
                let control = reader.control();
                package.replaces = control.info.replaces.clone();
                package.replaces_priority = control.info.replaces_priority;
                package.triggers = control.info.triggers.clone();
                let script = |(script, content): (&wiz_apk::package::Script, &Vec<u8>)| InstalledScript {
                    package: package.record.display_name(),
                    identity,
                    script: *script,
                    content: content.clone(),
                };
                scripts = control.scripts.iter().map(script).collect();
                let staging = Staging::new(self, &package, old);
                match staging.take(reader) {
                    Ok((entries, staged)) => {
                        package.entries = entries;
                        staged
                    }
                    Err(error) => {
                        self.journal.roll_back(self.root)?;
                        return Err(error);
                    }
                }
            }
        };
        package.entries.sort_by(|a, b| a.path.cmp(&b.path));
        let dropped: BTreeSet<&str> =
            staged.iter().filter(|file| file.is_left_to_other).map(|file| file.path.as_str()).collect();
        let mut installed = package.installed(&|path| dropped.contains(path));
        installed.repository_tag = incoming.tag;
        let (steps, notices) = self.plan(&installed, old, &staged)?;
        if !scripts.is_empty() {
            self.state.scripts.retain(|script| script.identity != identity);
            self.state.scripts.extend(scripts.iter().cloned());
            self.state.write_scripts(self.root)?;
        }
        let commit = Commit {
            installed: Some(installed.to_string()),
            removed: old.filter(|old| *old != identity),
            triggers: package.triggers.clone(),
            steps,
        };
        self.carry_out(&commit)?;
        Ok(notices)
    }

    /// Takes a package out.
    ///
    /// # Errors
    /// [`InstallError`] if a file cannot be removed.
    pub fn remove(&mut self, identity: Checksum) -> Result<(), InstallError> {
        let steps = self.removal(identity)?;
        let commit = Commit { installed: None, removed: Some(identity), triggers: Vec::new(), steps };
        self.carry_out(&commit)
    }

    /// Pins an installed package to another tag.
    pub fn pin(&mut self, identity: Checksum, tag: Option<String>) {
        if let Some(package) = self.state.packages.iter_mut().find(|package| is(package, identity)) {
            package.repository_tag = tag;
        }
    }

    /// Ends: the database is written, and the journal is gone.
    ///
    /// # Errors
    /// [`InstallError`] if the database cannot be written.
    pub fn finish(mut self, world: Vec<WorldDependency>) -> Result<State, InstallError> {
        self.state.world = world;
        let packages = &self.state.packages;
        self.state.scripts.retain(|script| packages.iter().any(|package| is(package, script.identity)));
        self.state.write(self.root)?;
        self.journal.end(self.root)?;
        Ok(self.state)
    }

    fn carry_out(&mut self, commit: &Commit) -> Result<(), InstallError> {
        self.journal.commit(commit)?;
        commit.steps.iter().try_for_each(|step| step.carry_out(self.root))?;
        let installed = apply(&mut self.state, commit, &mut |package| self.contents.remove(package))?;
        installed.iter().for_each(|package| self.contents.add(package));
        self.journal.done()?;
        Ok(())
    }
}

/// Whether this is the package with the identity.
fn is(package: &InstalledPackage, identity: Checksum) -> bool {
    package.record.identity == Some(identity)
}

/// Enters into the database what a commit has done, and returns the package that came in.
/// `gone` is called with those that went.
fn apply(
    state: &mut State,
    commit: &Commit,
    gone: &mut dyn FnMut(&InstalledPackage),
) -> Result<Option<InstalledPackage>, InstallError> {
    let installed = commit.installed.as_deref().map(InstalledPackage::parse).transpose();
    let installed = installed.map_err(|source| JournalError::Package { source })?;
    let replaced = |package: &InstalledPackage| {
        let identity = package.record.identity;
        identity.is_some()
            && (identity == commit.removed
                || installed.as_ref().is_some_and(|new| new.record.identity == identity))
    };
    let place = state.packages.iter().position(replaced);
    state.packages.iter().filter(|package| replaced(package)).for_each(gone);
    state.triggers.retain(|triggers| Some(triggers.identity) != commit.removed);
    let Some(new) = &installed else {
        state.packages.retain(|package| !replaced(package));
        return Ok(None);
    };
    disown(&mut state.packages, new);
    if let Some(identity) = new.record.identity {
        state.triggers.retain(|triggers| triggers.identity != identity);
        if !commit.triggers.is_empty() {
            state.triggers.push(Triggers { identity, patterns: commit.triggers.clone() });
        }
    }
    state.packages.retain(|package| !replaced(package));
    let place = place.unwrap_or(state.packages.len()).min(state.packages.len());
    state.packages.insert(place, new.clone());
    Ok(installed)
}

/// A file belongs to the package that came last.
fn disown(packages: &mut [InstalledPackage], new: &InstalledPackage) {
    let taken: BTreeMap<&str, BTreeSet<&str>> = new
        .directories
        .iter()
        .map(|directory| {
            (directory.path.as_str(), directory.files.iter().map(|file| file.name.as_str()).collect())
        })
        .collect();
    for directory in packages.iter_mut().flat_map(|package| &mut package.directories) {
        if let Some(names) = taken.get(directory.path.as_str()) {
            directory.files.retain(|file| !names.contains(file.name.as_str()));
        }
    }
}

/// A package that cannot be put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file of the root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The package itself.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A record that nothing could refer to.
    #[error("`{package}` has no identity")]
    NoIdentity {
        /// `name-version`.
        package: String,
    },
    /// Another package has the file.
    #[error("`/{path}` belongs to `{owner}`, hint: --force-overwrite takes it over")]
    Taken {
        /// The path below the root.
        path: String,
        /// `name-version` of the other package.
        owner: String,
    },
    /// A folder where the package has a file, or the other way round.
    #[error("`/{path}` is {found}, and the package has {expected} there")]
    Kind {
        /// The path below the root.
        path: String,
        /// What is there.
        found: &'static str,
        /// What the package has.
        expected: &'static str,
    },
    /// A hard link to something that is not an earlier file of the package.
    #[error("`/{path}` is a link to `{target}`, which the package does not have")]
    HardLink {
        /// The link.
        path: String,
        /// What it names.
        target: String,
    },
    /// A file that is in the package twice.
    #[error("the package has `/{path}` twice")]
    Twice {
        /// The path below the root.
        path: String,
    },
    /// Bytes that cannot be written.
    #[error("cannot write `/{path}`")]
    Write {
        /// The path below the root.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests;
