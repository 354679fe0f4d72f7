//! The packages of an image in the order of installation, and who owns which path.
//!
//! Unaware of bytes, and of what the image has beside its packages' files.

use std::collections::BTreeMap;

use wiz_base::RelPath;
use wiz_install::Package;
use wiz_install::ownership::Ownership;

use super::pack_error::PackError;
use super::record::{FileKind, FileRecord, PackageRecord};
use super::solve::Solution;

/// Chosen packages.
#[derive(Debug)]
pub(super) struct Installation {
    /// Their records, in the order of installation.
    pub(super) records: Vec<PackageRecord>,
    /// The same as a root sees them.
    pub(super) packages: Vec<Package>,
    /// What was asked for, in apk's notation.
    pub(super) world: Vec<String>,
    ownership: Ownership,
}

impl Installation {
    /// The packages that `solution` names, among `given`. Also returns the place of
    /// each among those given.
    pub(super) fn new(solution: &Solution, given: &[PackageRecord]) -> Result<(Self, Vec<usize>), PackError> {
        let mut places = Vec::new();
        for chosen in &solution.packages {
            let place = given.iter().position(|record| record.identity == chosen.identity);
            let package = || format!("{}-{}", chosen.name, chosen.version);
            places.push(place.ok_or_else(|| PackError::NotGiven { package: package() })?);
        }
        let records: Vec<PackageRecord> = places.iter().map(|place| given[*place].clone()).collect();
        let packages = records.iter().map(PackageRecord::package).collect::<Result<Vec<_>, _>>()?;
        let ownership = Ownership::settle(&packages)?;
        let installation = Self { records, packages, world: solution.world.clone(), ownership };
        installation.folders()?;
        Ok((installation, places))
    }

    /// When the newest package was built, in seconds since 1970.
    pub(super) fn newest(&self) -> u64 {
        self.records.iter().map(|record| record.build_time).max().unwrap_or(0)
    }

    /// Files and links by path, each with the index of the package that owns it.
    pub(super) fn files(&self) -> BTreeMap<&RelPath, (usize, &FileRecord)> {
        let mut files = BTreeMap::new();
        for (index, file) in self.entries() {
            if file.kind != FileKind::Directory && !self.ownership.is_dropped(index, file.path.as_str()) {
                files.insert(&file.path, (index, file));
            }
        }
        files
    }

    /// The files and links that more than one package has.
    pub(super) fn contested(&self) -> BTreeMap<&RelPath, (usize, &FileRecord)> {
        let is_contested =
            |path: &str| (0..self.records.len()).any(|index| self.ownership.is_dropped(index, path));
        self.files().into_iter().filter(|(path, _)| is_contested(path.as_str())).collect()
    }

    /// Folders by path, each with the index of the package that says what it is: the
    /// one whose folder is not simply root's with mode 0755, else the first.
    pub(super) fn folders(&self) -> Result<BTreeMap<&RelPath, (usize, &FileRecord)>, PackError> {
        let mut folders: BTreeMap<&RelPath, (usize, &FileRecord)> = BTreeMap::new();
        for (index, folder) in self.entries() {
            if folder.kind != FileKind::Directory {
                continue;
            }
            let (first, known) = *folders.entry(&folder.path).or_insert((index, folder));
            if is_plain(known) && !is_plain(folder) {
                folders.insert(&folder.path, (index, folder));
            } else if !is_plain(folder) && folder != known {
                return Err(PackError::Folder {
                    path: folder.path.as_str().to_owned(),
                    first: self.records[first].display_name(),
                    second: self.records[index].display_name(),
                });
            }
        }
        Ok(folders)
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &FileRecord)> {
        let files = |(index, record)| files_of(index, record);
        self.records.iter().enumerate().flat_map(files)
    }
}

fn files_of(index: usize, record: &PackageRecord) -> impl Iterator<Item = (usize, &FileRecord)> {
    record.files.iter().map(move |file| (index, file))
}

/// Whether a folder is what a folder is that nobody declares.
pub(super) fn is_plain(folder: &FileRecord) -> bool {
    (folder.mode, folder.uid, folder.gid) == (0o755, 0, 0)
}
