//! A package as a root sees it: its record and the list of its files.
//!
//! The files' bytes are elsewhere; the list says what they are.

use wiz_apk::database::installed::{Attributes, InstalledDirectory, InstalledFile, InstalledPackage};
use wiz_apk::{Checksum, Dependency, Entry, Kind, PkgInfo, Record};

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its record, as in an index.
    pub record: Record,
    /// Packages whose files it may overwrite.
    pub replaces: Vec<Dependency>,
    /// Whose file stays if two packages replace each other's: the higher one's.
    pub replaces_priority: Option<u64>,
    /// Folders (patterns) whose change its trigger script waits for.
    pub triggers: Vec<String>,
    /// Its folders, files and links, sorted by path.
    pub entries: Vec<Entry>,
}

impl Package {
    /// The package with this `.PKGINFO` and these entries. `size` is the length of the
    /// package file in bytes.
    #[must_use]
    pub fn new(info: &PkgInfo, identity: Checksum, size: u64, mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            record: Record::from_info(info, identity, size),
            replaces: info.replaces.clone(),
            replaces_priority: info.replaces_priority,
            triggers: info.triggers.clone(),
            entries,
        }
    }

    /// The package's part of the installed database, without the files that
    /// `is_dropped` names by path.
    #[must_use]
    pub fn installed(&self, is_dropped: &dyn Fn(&str) -> bool) -> InstalledPackage {
        InstalledPackage {
            replaces: self.replaces.clone(),
            replaces_priority: self.replaces_priority,
            directories: self.directories(is_dropped),
            ..InstalledPackage::new(self.record.clone())
        }
    }

    /// The folders in order, each with the files directly in it. A file whose folder
    /// the package does not list brings that folder with it.
    fn directories(&self, is_dropped: &dyn Fn(&str) -> bool) -> Vec<InstalledDirectory> {
        let mut directories: std::collections::BTreeMap<&str, InstalledDirectory> = Default::default();
        for entry in self.entries.iter().filter(|entry| !is_dropped(&entry.path)) {
            if entry.kind == Kind::Directory {
                directory(&mut directories, &entry.path).attributes = attributes(entry);
                continue;
            }
            let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            directory(&mut directories, parent).files.push(InstalledFile {
                name: name.to_owned(),
                attributes: attributes(entry),
                checksum: self.checksum(entry),
            });
        }
        directories.into_values().collect()
    }

    /// A hard link has the checksum of the file it names.
    fn checksum(&self, entry: &Entry) -> Option<Checksum> {
        let Kind::HardLink { target } = &entry.kind else { return entry.checksum };
        let index = self.entries.binary_search_by(|other| other.path.cmp(target)).ok()?;
        self.entries[index].checksum
    }
}

fn directory<'d, 'p>(
    directories: &'d mut std::collections::BTreeMap<&'p str, InstalledDirectory>,
    path: &'p str,
) -> &'d mut InstalledDirectory {
    directories.entry(path).or_insert_with(|| InstalledDirectory {
        path: path.to_owned(),
        attributes: Attributes::DIRECTORY,
        files: Vec::new(),
    })
}

fn attributes(entry: &Entry) -> Attributes {
    Attributes { uid: entry.owner.uid, gid: entry.owner.gid, mode: entry.mode }
}
