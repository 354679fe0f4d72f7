//! Whether a repository is whole: everything its index lists is there and is what the
//! index and its signatures say, nothing contradicts itself, everything can be installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use wiz_apk::key::PublicKeys;
use wiz_apk::signature::{SignatureError, verify_any};
use wiz_apk::{Checksum, Constraint, Dependency, Operator, Record};
use wiz_solve::{Conflict, Request, solve};

use crate::error::{RepositoryError, reading};
use crate::publish::JOURNAL;
use crate::{INDEX, package, read};

mod claims;

use claims::Claims;

/// Something that is wrong with a repository.
#[derive(Debug)]
pub enum Fault {
    /// The index cannot be read or trusted: nothing else can be said of its packages.
    Index(RepositoryError),
    /// A package that is listed is not there, or is none.
    Package(RepositoryError),
    /// The file is longer or shorter than the index says.
    Size {
        /// Its name.
        file: String,
        /// In bytes.
        found: u64,
        /// In bytes, from the index.
        expected: u64,
    },
    /// It is another package than the one the index means.
    Identity {
        /// Its name.
        file: String,
        /// Of the file.
        found: Checksum,
        /// From the index.
        expected: Option<Checksum>,
    },
    /// Nobody who is trusted signed the package.
    Signature {
        /// Its name.
        file: String,
        /// Why not.
        source: SignatureError,
    },
    /// The index says of the package what the package does not say of itself.
    Field {
        /// Its name.
        file: String,
        /// Letter of the field in the index.
        field: char,
    },
    /// A name and version that is listed more than once.
    Twice {
        /// Name and version.
        package: String,
    },
    /// A package lies there that the index does not list.
    Unlisted {
        /// Its name.
        file: String,
    },
    /// Something that an earlier index listed is not listed any more.
    Withdrawn {
        /// Name and version.
        package: String,
    },
    /// Two packages that can be installed together have the same file.
    Claimed {
        /// The file.
        path: String,
        /// The packages.
        packages: [String; 2],
    },
    /// A package that cannot be installed from this repository.
    Unsolvable {
        /// Name and version.
        package: String,
        /// Why not.
        conflict: Conflict,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(error) | Self::Package(error) => error.fmt(f),
            Self::Size { file, found, expected } => {
                write!(f, "`{file}` has {found} bytes, the index says {expected}")
            }
            Self::Identity { file, found, expected } => {
                let expected = expected.map_or_else(|| "nothing".to_owned(), |expected| expected.to_string());
                write!(f, "`{file}` is `{found}`, the index says `{expected}`")
            }
            Self::Signature { file, source } => write!(f, "`{file}`: {source}"),
            Self::Field { file, field } => {
                write!(f, "`{file}` says something else of itself than the index does in `{field}:`")
            }
            Self::Twice { package } => write!(f, "`{package}` is listed more than once"),
            Self::Unlisted { file } => write!(
                f,
                "`{file}` is there and the index does not list it: the index is older than its packages\nhint: publish again, or remove the file if it was never published"
            ),
            Self::Withdrawn { package } => write!(
                f,
                "`{package}` was listed and is not any more: this index is older than the one it is held against"
            ),
            Self::Claimed { path, packages: [first, second] } => write!(
                f,
                "`{path}` is in both `{first}` and `{second}`\nhint: let one declare `replaces`, or let them conflict"
            ),
            Self::Unsolvable { package, conflict } => {
                write!(f, "`{package}` cannot be installed: {conflict}")
            }
        }
    }
}

/// Checks a repository with these keys, and returns how many packages it has and what is
/// wrong with it. `earlier` is an index that was seen before, or a repository: what it
/// lists must be listed still.
///
/// # Errors
/// [`RepositoryError`] if the folder or `earlier` cannot be read.
pub fn check(
    repository: &Path,
    keys: &PublicKeys,
    earlier: Option<&Path>,
) -> Result<(usize, Vec<Fault>), RepositoryError> {
    let (mut packages, mut faults) = (0, Vec::new());
    for arch in read::architectures(repository)? {
        let folder = repository.join(&arch);
        let index = match read::index(&folder.join(INDEX), keys) {
            Ok(index) => index.map(|index| index.records).unwrap_or_default(),
            Err(error) => {
                faults.push(Fault::Index(error));
                continue;
            }
        };
        packages += index.len();
        if let Some(earlier) = earlier {
            withdrawn(&index, earlier, &arch, keys, &mut faults)?;
        }
        check_packages(&folder, &index, keys, &mut faults);
        unlisted(&folder, &index, &mut faults)?;
        faults.extend(unsolvable(&index, &arch));
    }
    Ok((packages, faults))
}

/// Checks every package that is listed, and who has which file.
fn check_packages(folder: &Path, index: &[Record], keys: &PublicKeys, faults: &mut Vec<Fault>) {
    let newest: BTreeSet<String> = read::newest(index).iter().map(|record| record.file_name()).collect();
    let mut seen = BTreeSet::new();
    let mut claims = Claims::default();
    for record in index {
        let file = record.file_name();
        if !seen.insert(file.clone()) {
            faults.push(Fault::Twice { package: record.display_name() });
            continue;
        }
        let (head, entries) = match package::head_and_entries(&folder.join(&file)) {
            Ok(read) => read,
            Err(error) => {
                faults.push(Fault::Package(error));
                continue;
            }
        };
        if head.size != record.size {
            faults.push(Fault::Size { file: file.clone(), found: head.size, expected: record.size });
        }
        if record.identity != Some(head.identity) {
            let (found, expected) = (head.identity, record.identity);
            faults.push(Fault::Identity { file: file.clone(), found, expected });
        } else if let Some(field) = differing_field(record, &head.record()) {
            faults.push(Fault::Field { file: file.clone(), field });
        }
        if let Err(source) = verify_any(&head.signatures, &head.control, keys) {
            faults.push(Fault::Signature { file: file.clone(), source });
        }
        if newest.contains(&file) {
            claims.add(record, &head.info.replaces, &entries);
        }
    }
    faults.extend(claims.faults());
}

/// The first field that decides what is installed in which the two differ.
fn differing_field(listed: &Record, own: &Record) -> Option<char> {
    let fields = [
        ('P', listed.name == own.name),
        ('V', listed.version.as_str() == own.version.as_str()),
        ('A', listed.arch == own.arch),
        ('I', listed.installed_size == own.installed_size),
        ('o', listed.origin == own.origin),
        ('k', listed.provider_priority == own.provider_priority),
        ('D', listed.depends == own.depends),
        ('p', listed.provides == own.provides),
        ('i', listed.install_if == own.install_if),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// Packages that lie there without being listed, those aside that a publication which
/// was cut off is about to add.
fn unlisted(folder: &Path, index: &[Record], faults: &mut Vec<Fault>) -> Result<(), RepositoryError> {
    let mut known: BTreeSet<String> = index.iter().map(Record::file_name).collect();
    let journal = fs::read_to_string(folder.join(JOURNAL)).unwrap_or_default();
    known.extend(journal.lines().map(str::to_owned));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(reading(folder))? {
        let name = entry.map_err(reading(folder))?.file_name().to_string_lossy().into_owned();
        let is_package = name.ends_with(".apk") && !name.starts_with('.');
        if is_package && !known.contains(&name) {
            names.push(name);
        }
    }
    names.sort();
    faults.extend(names.into_iter().map(|file| Fault::Unlisted { file }));
    Ok(())
}

/// What the index at `earlier`, or in the repository there, lists and `index` does not.
fn withdrawn(
    index: &[Record],
    earlier: &Path,
    arch: &str,
    keys: &PublicKeys,
    faults: &mut Vec<Fault>,
) -> Result<(), RepositoryError> {
    let path = if earlier.is_dir() { earlier.join(arch).join(INDEX) } else { earlier.to_owned() };
    let Some(before) = read::index(&path, keys)? else {
        return Err(RepositoryError::NoRepository { path: earlier.to_owned() });
    };
    let listed: BTreeMap<String, Option<Checksum>> =
        index.iter().map(|record| (record.display_name(), record.identity)).collect();
    for record in &before.records {
        let package = record.display_name();
        if listed.get(&package) != Some(&record.identity) {
            faults.push(Fault::Withdrawn { package });
        }
    }
    Ok(())
}

/// The newest packages of each name that cannot be installed from these alone.
pub(crate) fn unsolvable(index: &[Record], arch: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for record in read::newest(index) {
        let package = record.display_name();
        let version = Constraint::Version(Operator::Equal, record.version.clone());
        let world = [Dependency { constraint: Some(version), ..Dependency::on(record.name.clone()) }];
        let request = Request { world: &world, candidates: index, arch: Some(arch) };
        if let Err(conflict) = solve(&request) {
            faults.push(Fault::Unsolvable { package, conflict });
        }
    }
    faults
}
