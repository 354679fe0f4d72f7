//! What has to happen when a package's files are all there, or when it goes.

use std::collections::BTreeSet;

use wiz_apk::Checksum;
use wiz_apk::database::installed::InstalledPackage;

use super::contents::{is_changed, join};
use super::staging::Staged;
use super::{BESIDE, InstallError, Installer, Notice, OnChanged, OnRemoval, is};
use crate::journal::Step;
use crate::protected::Protection;
use crate::root::RootError;

/// A file by the folder it is in and its name there: equal for two paths to one file.
type Place = ((u64, u64), String);

impl Installer<'_> {
    /// The steps that give staged files their names and remove what the old package had
    /// beyond them.
    pub(super) fn plan(
        &self,
        new: &InstalledPackage,
        old: Option<Checksum>,
        staged: &[Staged],
    ) -> Result<(Vec<Step>, Vec<Notice>), InstallError> {
        let (mut steps, mut notices) = (Vec::new(), Vec::new());
        for file in staged.iter().filter(|file| !file.is_left_to_other) {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let rename =
                |to: String| Step::Rename { folder: folder.to_owned(), from: file.temporary.clone(), to };
            match self.fate(file)? {
                Fate::InPlace => steps.push(rename(name.to_owned())),
                Fate::LeftOut => steps.push(Step::Remove(join(folder, &file.temporary))),
                Fate::Beside => {
                    steps.push(rename(format!("{name}{BESIDE}")));
                    notices.push(Notice::Beside(format!("{}{BESIDE}", file.path)));
                }
            }
        }
        if let Some(old) = old.and_then(|old| self.state.packages.iter().find(|package| is(package, old))) {
            steps.extend(self.leftovers(old, Some(new))?);
        }
        Ok((steps, notices))
    }

    /// The steps that remove an installed package.
    pub(super) fn removal(&self, identity: Checksum) -> Result<Vec<Step>, InstallError> {
        match self.state.packages.iter().find(|package| is(package, identity)) {
            Some(package) => self.leftovers(package, None),
            None => Ok(Vec::new()),
        }
    }

    /// Where a package's file goes: a protected one that a user changed, or made before
    /// the package came, stays.
    fn fate(&self, file: &Staged) -> Result<Fate, InstallError> {
        if !self.is_protected(&file.path) {
            return Ok(Fate::InPlace);
        }
        let (folder, name) = self.root.parent(&file.path)?;
        if folder.metadata(name)?.is_none() {
            return Ok(Fate::InPlace);
        }
        let known = self.contents.file(&file.path).and_then(|owned| owned.file.checksum);
        if !is_changed(&folder, name, known.as_ref())? {
            return Ok(Fate::InPlace);
        }
        let is_other = is_changed(&folder, name, file.checksum.as_ref())?;
        let is_beside = is_other && self.options.on_changed == OnChanged::Beside;
        Ok(if is_beside { Fate::Beside } else { Fate::LeftOut })
    }

    fn is_protected(&self, path: &str) -> bool {
        self.options.protected.protection(path) != Protection::None
    }

    /// The steps that remove what `old` has and `new` has not.
    fn leftovers(
        &self,
        old: &InstalledPackage,
        new: Option<&InstalledPackage>,
    ) -> Result<Vec<Step>, InstallError> {
        let kept = match new {
            Some(new) => self.places(new)?,
            None => BTreeSet::new(),
        };
        let mut steps = Vec::new();
        for directory in &old.directories {
            let folder = match self.root.folder(&directory.path) {
                Ok(folder) => folder,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error.into()),
            };
            let identity = folder.identity()?;
            for file in &directory.files {
                let path = join(&directory.path, &file.name);
                if kept.contains(&(identity, file.name.clone())) {
                    continue;
                }
                if self.is_protected(&path) && self.options.on_removal == OnRemoval::Keep {
                    if folder.metadata(&format!("{}{BESIDE}", file.name))?.is_some() {
                        steps.push(Step::Remove(format!("{path}{BESIDE}")));
                    }
                    if is_changed(&folder, &file.name, file.checksum.as_ref())? {
                        continue;
                    }
                }
                steps.push(Step::Remove(path));
            }
        }
        let own: Vec<Checksum> =
            old.record.identity.into_iter().chain(new.and_then(|new| new.record.identity)).collect();
        let is_in_new = |path: &str| {
            new.is_some_and(|new| new.directories.iter().any(|directory| directory.path == path))
        };
        // The deepest first.
        let folders = old.directories.iter().map(|directory| &directory.path).collect::<BTreeSet<_>>();
        for path in folders.into_iter().rev() {
            if !path.is_empty() && !is_in_new(path) && !self.contents.is_folder_of_another(path, &own) {
                steps.push(Step::RemoveFolder(path.clone()));
            }
        }
        Ok(steps)
    }

    /// Where a package's files are, whatever links lead there.
    fn places(&self, package: &InstalledPackage) -> Result<BTreeSet<Place>, RootError> {
        let mut places = BTreeSet::new();
        for directory in &package.directories {
            let folder = match self.root.folder(&directory.path) {
                Ok(folder) => folder,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(error),
            };
            let identity = folder.identity()?;
            places.extend(directory.files.iter().map(|file| (identity, file.name.clone())));
        }
        Ok(places)
    }
}

/// Where a package's file goes.
enum Fate {
    InPlace,
    Beside,
    LeftOut,
}
