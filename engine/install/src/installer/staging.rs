//! Writing a package's files beside their places.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, BufRead, Read};
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, XattrFlags, fsetxattr};
use sha2::{Digest as _, Sha256};
use wiz_apk::{Checksum, Dependency, Entry, Kind, PackageReader};

use super::contents::Contents;
use super::{InstallError, Installer, OnConflict, Options, Privileges, is};
use crate::accounts::Ids;
use crate::journal::Journal;
use crate::package::Package;
use crate::root::{Folder, Root};
use crate::state::State;

/// Bytes of the hash in the name a file is written under.
const NAME_BYTES: usize = 24;

/// A file that is there under a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    /// Path below the root.
    pub(super) path: String,
    /// The name it has in its folder so far; empty if it was not written.
    pub(super) temporary: String,
    pub(super) checksum: Option<Checksum>,
    /// Another package keeps its own file of this path.
    pub(super) is_left_to_other: bool,
}

/// A package whose files are being written.
pub(super) struct Staging<'i> {
    root: &'i Root,
    state: &'i State,
    contents: &'i Contents,
    journal: &'i mut Journal,
    options: &'i Options,
    leaving: &'i std::collections::BTreeSet<Checksum>,
    package: &'i Package,
    old: Option<Checksum>,
    ids: Ids,
    folders: BTreeMap<String, Folder>,
    /// Checksums of the files written, by path: what a hard link shows.
    written: BTreeMap<String, Option<Checksum>>,
    entries: Vec<Entry>,
    staged: Vec<Staged>,
}

impl<'i> Staging<'i> {
    pub(super) fn new(installer: &'i mut Installer<'_>, package: &'i Package, old: Option<Checksum>) -> Self {
        Self {
            root: installer.root,
            state: &installer.state,
            contents: &installer.contents,
            journal: &mut installer.journal,
            options: &installer.options,
            leaving: &installer.leaving,
            package,
            old,
            ids: Ids::default(),
            folders: BTreeMap::new(),
            written: BTreeMap::new(),
            entries: Vec::new(),
            staged: Vec::new(),
        }
    }

    /// Writes everything, and checks that it is what the package vouches for. The entries
    /// come back with the owners they were given.
    pub(super) fn take<R: BufRead>(
        mut self,
        reader: PackageReader<R>,
    ) -> Result<(Vec<Entry>, Vec<Staged>), InstallError> {
        self.ids = Ids::read(self.root)?;
        reader.read_data::<InstallError>(&mut |entry, content| self.entry(entry, content))?;
        Ok((self.entries, self.staged))
    }

    fn entry(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), InstallError> {
        let mut entry = entry.clone();
        (entry.owner.uid, entry.owner.gid) = self.ids.of(&entry.owner);
        match entry.kind {
            Kind::Directory => self.directory(&entry)?,
            _ => self.file(&entry, content)?,
        }
        self.entries.push(entry);
        Ok(())
    }

    fn directory(&mut self, entry: &Entry) -> Result<(), InstallError> {
        let (parent, name) = split(&entry.path);
        self.need_folder(parent)?;
        let folder = &self.folders[parent];
        let is_new = match folder.metadata(name)?.map(|metadata| metadata.kind) {
            None => {
                self.journal.folder(&entry.path)?;
                folder.make_folder(name, entry.mode & 0o777)?;
                true
            }
            Some(FileType::Directory) => false,
            // A link to a folder stands for it, as after a merge of `/usr`.
            Some(FileType::Symlink) if self.root.find_folder(&entry.path)?.is_some() => return Ok(()),
            Some(_) => {
                let (found, expected) = ("a file", "a folder");
                return Err(InstallError::Kind { path: entry.path.clone(), found, expected });
            }
        };
        // The first package that has a folder says whose it is.
        let own: Vec<Checksum> = self.old.into_iter().chain(self.package.record.identity).collect();
        if is_new || !self.contents.is_folder_of_another(&entry.path, &own) {
            if self.options.privileges == Privileges::Root {
                folder.set_owner(name, entry.owner.uid, entry.owner.gid)?;
            }
            folder.set_mode(name, entry.mode)?;
        }
        Ok(())
    }

    /// Opens the folder at `path`, made if it is missing.
    fn need_folder(&mut self, path: &str) -> Result<(), InstallError> {
        if self.folders.contains_key(path) {
            return Ok(());
        }
        let folder = match self.root.find_folder(path)? {
            Some(folder) => folder,
            None => {
                let (parent, name) = split(path);
                self.need_folder(parent)?;
                self.journal.folder(path)?;
                self.folders[parent].make_folder(name, 0o755)?;
                self.root.folder(path)?
            }
        };
        self.folders.insert(path.to_owned(), folder);
        Ok(())
    }

    fn file(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), InstallError> {
        let (parent, name) = split(&entry.path);
        let target_checksum = match &entry.kind {
            Kind::HardLink { target } => Some(self.written.get(target).copied().ok_or_else(|| {
                InstallError::HardLink { path: entry.path.clone(), target: target.clone() }
            })?),
            _ => None,
        };
        let checksum = target_checksum.unwrap_or(entry.checksum);
        if self.written.contains_key(&entry.path) {
            return Err(InstallError::Twice { path: entry.path.clone() });
        }
        if self.is_left_to_other(&entry.path)? {
            self.staged.push(Staged {
                path: entry.path.clone(),
                temporary: String::new(),
                checksum,
                is_left_to_other: true,
            });
            return Ok(());
        }
        self.need_folder(parent)?;
        if self.folders[parent].metadata(name)?.is_some_and(|found| found.kind == FileType::Directory) {
            let (found, expected) = ("a folder", "a file");
            return Err(InstallError::Kind { path: entry.path.clone(), found, expected });
        }
        let temporary = self.temporary(&entry.path);
        self.journal.stage(&super::contents::join(parent, &temporary))?;
        self.folders[parent].remove(&temporary)?;
        match &entry.kind {
            Kind::HardLink { target } => {
                let (target_parent, _) = split(target);
                let target_name = self.temporary(target);
                self.folders[parent].make_hard_link(
                    &temporary,
                    &self.folders[target_parent],
                    &target_name,
                )?;
            }
            Kind::Symlink { target } => {
                self.folders[parent].make_link(&temporary, target)?;
                if self.options.privileges == Privileges::Root {
                    self.folders[parent].set_owner(&temporary, entry.owner.uid, entry.owner.gid)?;
                }
            }
            _ => {
                let mut file = self.folders[parent].create(&temporary, 0o600)?;
                let failed = |source| InstallError::Write { path: entry.path.clone(), source };
                io::copy(content, &mut file).map_err(failed)?;
                self.finish_file(&file, entry).map_err(failed)?;
            }
        }
        self.written.insert(entry.path.clone(), checksum);
        self.staged.push(Staged { path: entry.path.clone(), temporary, checksum, is_left_to_other: false });
        Ok(())
    }

    /// Owner before mode: changing the owner drops set-id bits and capabilities.
    fn finish_file(&self, file: &File, entry: &Entry) -> io::Result<()> {
        let is_root = self.options.privileges == Privileges::Root;
        if is_root {
            fchown(file, Some(entry.owner.uid), Some(entry.owner.gid))?;
        }
        file.set_permissions(Permissions::from_mode(entry.mode))?;
        for (name, value) in &entry.xattrs {
            if is_root || name.starts_with("user.") {
                fsetxattr(file, name.as_str(), value, XattrFlags::empty())?;
            }
        }
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(entry.mtime))
    }

    /// The name a file is written under: the same for the same package and path.
    fn temporary(&self, path: &str) -> String {
        let identity = self.package.record.identity;
        let mut hash = Sha256::new();
        hash.update(identity.as_ref().map_or(&[][..], Checksum::bytes));
        hash.update(path);
        format!(".apk.{}", hex::encode(&hash.finalize()[..NAME_BYTES]))
    }

    /// Whether another package has the file and keeps it.
    fn is_left_to_other(&self, path: &str) -> Result<bool, InstallError> {
        let Some(owned) = self.contents.file(path) else { return Ok(false) };
        let record = &self.package.record;
        let owner = self.state.packages.iter().find(|package| is(package, owned.owner));
        let Some(owner) = owner.filter(|owner| owner.record.name != record.name) else { return Ok(false) };
        if self.leaving.contains(&owned.owner) {
            return Ok(false);
        }
        let replaces = |replaces: &[Dependency], priority: Option<u64>, other: &wiz_apk::Record| {
            let fits = |dependency: &Dependency| {
                dependency.name == other.name
                    && dependency.matches(Some(&other.version), other.identity.as_ref())
            };
            replaces.iter().any(fits).then_some(priority.unwrap_or(0))
        };
        let theirs = replaces(&owner.replaces, owner.replaces_priority, record);
        let ours = replaces(&self.package.replaces, self.package.replaces_priority, &owner.record);
        if theirs > ours {
            return Ok(true);
        }
        let is_of_one_origin = owner.record.origin.is_some() && owner.record.origin == record.origin;
        if ours.is_some() || is_of_one_origin || self.options.on_conflict == OnConflict::Overwrite {
            return Ok(false);
        }
        Err(InstallError::Taken { path: path.to_owned(), owner: owner.record.display_name() })
    }
}

/// The folder of a path, empty for the root, and the name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
