//! Adds a signed repository to one that only grows.
//!
//! Everything that can be refused is refused before anything is written. Then keys,
//! packages and at last the index are put in place, each at once, so that whatever
//! index a reader finds, everything it lists is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wiz_apk::key::PrivateKey;
use wiz_apk::signature::verify_any;
use wiz_apk::{Checksum, Record};

use crate::error::{RepositoryError, reading, writing};
use crate::key_folder::{self, NamedPublicKeys};
use crate::lock::Lock;
use crate::{INDEX, KEYS, check, package, place, read, signed};

/// Names the packages that a publication is about to add; gone when it is done.
pub(crate) const JOURNAL: &str = ".publishing";

/// What is published, where, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// A signed repository.
    pub from: &'a Path,
    /// The architecture of it that is published.
    pub arch: &'a str,
    /// The repository that grows; made where it is missing.
    pub to: &'a Path,
    /// Signs the index.
    pub key: &'a PrivateKey,
    /// Keys that the published repository is verified with, and that go along with it.
    pub trusted: &'a NamedPublicKeys,
    /// File names of public keys that must go from it.
    pub revoked: &'a BTreeSet<String>,
    /// Whether versions may be added that are older than published ones.
    pub allow_older: bool,
}

/// A change that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// The journal is written.
    Journal,
    /// Public keys are written.
    Keys,
    /// A package is copied to where it is put in place from.
    Copy(&'a Path),
    /// A package is put in its place.
    Package(&'a Path),
    /// The index is put in its place.
    Index(&'a Path),
    /// What is over is removed: keys that are revoked, the journal.
    Remove,
}

/// What a publication did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Packages added, by name and version.
    pub added: Vec<String>,
    /// Packages that were signed with a revoked key and are signed anew.
    pub resigned: Vec<String>,
    /// How many packages the index lists now.
    pub total: usize,
}

/// Publishes. `told` hears of each change right before it is made.
///
/// # Errors
/// [`RepositoryError::Replaced`], [`RepositoryError::Older`] and
/// [`RepositoryError::Broken`] for what must not be published,
/// [`RepositoryError::Untrusted`] if the published index is not by a trusted key, and
/// others if a file fails.
pub fn publish(
    publication: &Publication<'_>,
    told: &mut dyn FnMut(Change<'_>),
) -> Result<Published, RepositoryError> {
    let place = publication.to.join(publication.arch);
    if same_folder(publication.from, publication.to) {
        return Err(RepositoryError::IntoItself { path: publication.to.to_owned() });
    }
    // A build must not write what is being published meanwhile.
    let _source = Lock::take(publication.from)?;
    let _lock = Lock::take(publication.to)?;
    fs::create_dir_all(&place).map_err(writing(&place))?;
    for folder in [publication.to, &place, &publication.to.join(KEYS)] {
        match place::sweep(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(writing(folder)(error)),
            _ => {}
        }
    }
    let plan = Plan::new(publication, &place)?;
    plan.carry_out(publication, &place, told)
}

/// What is to be done, once nothing speaks against it.
struct Plan {
    description: String,
    /// Of the new index, sorted by name and version.
    records: Vec<Record>,
    added: Vec<Task>,
    resigned: Vec<Task>,
    /// Whether the index is by the key that signs now and has the sizes of all files.
    is_current: bool,
}

/// A package to be written: from where, and its record.
struct Task {
    from: PathBuf,
    record: usize,
}

impl Plan {
    fn new(publication: &Publication<'_>, place: &Path) -> Result<Self, RepositoryError> {
        let keys = key_folder::to_verify(publication.trusted);
        let from = publication.from.join(publication.arch);
        let path = from.join(INDEX);
        let missing = || RepositoryError::NoRepository { path: publication.from.to_owned() };
        let offered = read::index(&path, &keys)?.ok_or_else(missing)?;
        let published = read::index(&place.join(INDEX), &keys)?;
        let mut is_current =
            published.as_ref().is_some_and(|index| index.signed_by == publication.key.public_file_name());
        let mut records = published.map(|index| index.records).unwrap_or_default();
        if !publication.allow_older {
            refuse_older(&offered.records, &records)?;
        }
        let count = records.len();
        let additions = additions(&offered.records, &records, place)?;
        records.extend(additions);
        let mut order: Vec<usize> = (0..records.len()).collect();
        order.sort_by(|a, b| compare(&records[*a], &records[*b]));
        let (mut added, mut resigned) = (Vec::new(), Vec::new());
        for (position, &index) in order.iter().enumerate() {
            if index >= count {
                let from = read::package_path(&from, &records[index]);
                let (head, _) = package::head_and_entries(&from)?;
                expect_identity(&from, &records[index], head.identity)?;
                verify_any(&head.signatures, &head.control, &keys)
                    .map_err(|source| RepositoryError::Untrusted { path: from.clone(), source })?;
                added.push(Task { from, record: position });
            } else {
                let path = read::package_path(place, &records[index]);
                let head = package::head(&path)?;
                expect_identity(&path, &records[index], head.identity)?;
                let is_revoked = |key: &String| publication.revoked.contains(key);
                if head.signatures.iter().any(|signature| is_revoked(&signature.key)) {
                    resigned.push(Task { from: path, record: position });
                }
                // A publication that was cut off has signed it anew and not said so.
                is_current &= records[index].size == head.size;
                records[index].size = head.size;
            }
        }
        let records: Vec<Record> = order.into_iter().map(|index| records[index].clone()).collect();
        let faults = check::unsolvable(&records, publication.arch);
        if !faults.is_empty() {
            let faults = faults.iter().map(ToString::to_string).collect();
            return Err(RepositoryError::Broken { faults });
        }
        Ok(Self { description: offered.description, records, added, resigned, is_current })
    }

    fn carry_out(
        mut self,
        publication: &Publication<'_>,
        place: &Path,
        told: &mut dyn FnMut(Change<'_>),
    ) -> Result<Published, RepositoryError> {
        let names = |plan: &Self, tasks: &[Task]| -> Vec<String> {
            tasks.iter().map(|task| plan.records[task.record].display_name()).collect()
        };
        let published = Published {
            added: names(&self, &self.added),
            resigned: names(&self, &self.resigned),
            total: self.records.len(),
        };
        let journal = place.join(JOURNAL);
        told(Change::Journal);
        let text: String = published.added.iter().map(|name| format!("{name}.apk\n")).collect();
        place::write(&journal, text.as_bytes(), 0o644).map_err(writing(&journal))?;
        told(Change::Keys);
        signed::write_keys(publication.to, publication.trusted)?;
        for task in &self.added {
            let record = &mut self.records[task.record];
            let path = read::package_path(place, record);
            record.size = add(&task.from, &path, told)?;
        }
        for task in &self.resigned {
            let record = &mut self.records[task.record];
            record.size = sign_anew(&task.from, record, publication.key, told)?;
        }
        if !(self.added.is_empty() && self.resigned.is_empty() && self.is_current) {
            place::sync_folder(place).map_err(writing(place))?;
            let path = place.join(INDEX);
            let bytes = read::signed_index(&path, &self.records, &self.description, publication.key)?;
            told(Change::Index(&path));
            place::write(&path, &bytes, 0o644).map_err(writing(&path))?;
            place::sync_folder(place).map_err(writing(place))?;
        }
        told(Change::Remove);
        signed::remove_keys(publication.to, |name| publication.revoked.contains(name))?;
        place::remove(&journal).map_err(writing(&journal))?;
        Ok(published)
    }
}

fn same_folder(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The newest of each name that is offered must not be older than what is published.
fn refuse_older(offered: &[Record], published: &[Record]) -> Result<(), RepositoryError> {
    let highest: BTreeMap<_, _> =
        read::newest(published).into_iter().map(|record| (&record.name, record)).collect();
    let mut packages = Vec::new();
    for record in read::newest(offered) {
        if let Some(other) = highest.get(&record.name)
            && record.version.compare(&other.version).is_lt()
        {
            packages.push((record.display_name(), other.display_name()));
        }
    }
    if packages.is_empty() { Ok(()) } else { Err(RepositoryError::Older { packages }) }
}

/// What is offered and not yet published. What has a published name and version must be
/// the same package, and so must a file that is there without being listed.
fn additions(offered: &[Record], published: &[Record], place: &Path) -> Result<Vec<Record>, RepositoryError> {
    let known: BTreeMap<String, &Record> =
        published.iter().map(|record| (record.display_name(), record)).collect();
    let mut additions = Vec::new();
    for record in offered {
        let name = record.display_name();
        let Some(known) = known.get(&name) else {
            let path = read::package_path(place, record);
            if path.exists() {
                refuse_other(&name, Some(package::head(&path)?.identity), record.identity)?;
            }
            additions.push(record.clone());
            continue;
        };
        refuse_other(&name, known.identity, record.identity)?;
    }
    Ok(additions)
}

fn refuse_other(
    package: &str,
    published: Option<Checksum>,
    offered: Option<Checksum>,
) -> Result<(), RepositoryError> {
    if published == offered && published.is_some() {
        return Ok(());
    }
    let text = |identity: Option<Checksum>| identity.map_or_else(String::new, |found| found.to_string());
    Err(RepositoryError::Replaced {
        package: package.to_owned(),
        published: text(published),
        offered: text(offered),
    })
}

/// Puts a copy of the signed package at `from` to `path`; its size.
fn add(from: &Path, path: &Path, told: &mut dyn FnMut(Change<'_>)) -> Result<u64, RepositoryError> {
    let (mut output, new) = place::create(path).map_err(writing(path))?;
    told(Change::Copy(path));
    let mut input = fs::File::open(from).map_err(reading(from))?;
    let size = io::copy(&mut input, &mut output).map_err(writing(&new))?;
    output.sync_all().map_err(writing(&new))?;
    told(Change::Package(path));
    fs::rename(&new, path).map_err(writing(path))?;
    Ok(size)
}

/// Replaces the signatures of a published package; its size.
fn sign_anew(
    path: &Path,
    record: &Record,
    key: &PrivateKey,
    told: &mut dyn FnMut(Change<'_>),
) -> Result<u64, RepositoryError> {
    let (mut output, new) = place::create(path).map_err(writing(path))?;
    told(Change::Copy(path));
    let size = package::sign(path, record, key, &mut output)?;
    output.sync_all().map_err(writing(&new))?;
    told(Change::Package(path));
    fs::rename(&new, path).map_err(writing(path))?;
    Ok(size)
}

fn expect_identity(path: &Path, record: &Record, found: Checksum) -> Result<(), RepositoryError> {
    if record.identity == Some(found) {
        return Ok(());
    }
    Err(RepositoryError::OtherPackage {
        path: path.to_owned(),
        found: found.to_string(),
        expected: record.identity.map_or_else(String::new, |identity| identity.to_string()),
    })
}

fn compare(a: &Record, b: &Record) -> std::cmp::Ordering {
    a.name
        .cmp(&b.name)
        .then_with(|| a.version.compare(&b.version))
        .then_with(|| a.version.as_str().cmp(b.version.as_str()))
}
