//! What an image declares beside its packages: files, folders and accounts of its own.
//! They lie in the top layer, over what packages have at the same paths.

use std::collections::BTreeMap;

use serde::Deserialize;
use wiz_base::RelPath;
use wiz_install::Effects;
use wiz_install::accounts::{Group, User};

use super::attributes::Attributes;
use super::installation::Installation;
use super::pack_error::PackError;
use super::params::Input;
use super::record::{FileKind, FileRecord};
use super::root_files::RootFile;
use super::{NativeError, NativeJob};

/// The declaration, as the parameters of `image` and `rootfs` have it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Own {
    files: BTreeMap<RelPath, Input>,
    directories: BTreeMap<RelPath, Attributes>,
    /// Of the files.
    attributes: BTreeMap<RelPath, Attributes>,
    users: Vec<User>,
    groups: Vec<Group>,
}

impl Own {
    /// The accounts, in the form in which packages declare theirs.
    pub(super) fn accounts(&self) -> Effects {
        Effects { users: self.users.clone(), groups: self.groups.clone(), ..Effects::default() }
    }

    /// The folders, sorted by path.
    pub(super) fn directories(&self, installation: &Installation) -> Result<Vec<FileRecord>, PackError> {
        let (accounts, files) = (self.known(installation), installation.files());
        let record = |(path, attributes): (&RelPath, &Attributes)| {
            let mut record = FileRecord::new(path, FileKind::Directory, 0o755);
            attributes.apply(&mut record, &accounts)?;
            match files.get(path) {
                Some((owner, _)) => Err(taken(path, installation, *owner)),
                None => Ok(record),
            }
        };
        self.directories.iter().map(record).collect()
    }

    /// The files with their bytes, sorted by path.
    pub(super) fn files(
        &self,
        job: &NativeJob<'_>,
        installation: &Installation,
    ) -> Result<Vec<RootFile>, NativeError> {
        if let Some(path) = self.attributes.keys().find(|path| !self.files.contains_key(*path)) {
            return Err(PackError::OwnAttributes { path: path.clone() }.into());
        }
        let accounts = self.known(installation);
        let folders = installation.folders()?;
        let mut files = Vec::new();
        for (path, content) in &self.files {
            if let Some((owner, _)) = folders.get(path) {
                return Err(taken(path, installation, *owner).into());
            }
            let mut file = RootFile::file(path.as_str(), content.read(job)?)?;
            if let Some(attributes) = self.attributes.get(path) {
                attributes.apply(&mut file.record, &accounts)?;
            }
            files.push(file);
        }
        Ok(files)
    }

    /// Every account that an owner may be called by.
    fn known(&self, installation: &Installation) -> Effects {
        let mut known = self.accounts();
        for record in &installation.records {
            known.users.extend(record.effects.users.iter().cloned());
            known.groups.extend(record.effects.groups.iter().cloned());
        }
        known
    }
}

fn taken(path: &RelPath, installation: &Installation, owner: usize) -> PackError {
    PackError::OwnPlace { path: path.clone(), package: installation.records[owner].display_name() }
}

#[cfg(test)]
mod tests;
