//! What a root has beside its packages' files: apk's database, the loader's cache,
//! and what the effects of packages ask for. The top layer of an image.
//!
//! Unaware of layers; bytes of packages' files come from whoever has them.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use wiz_apk::Checksum;
use wiz_apk::database::world::WorldDependency;
use wiz_base::RelPath;
use wiz_install::Effects;
use wiz_install::accounts::{Accounts, Group, User};
use wiz_install::effects::Alternative;
use wiz_install::loader_cache::{self, Architecture, Library};

use super::NativeError;
use super::installation::Installation;
use super::pack_error::PackError;
use super::record::{FileKind, FileRecord, PackageRecord, parse};

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
const LOADER_CACHE: &str = "etc/ld.so.cache";
/// The certificates that programs trust.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// Folders of libraries, the one to be searched first in front.
const LIBRARY_FOLDERS: [&str; 2] = ["usr/lib", "usr/lib64"];

/// Reads the file at a path of the package with this index.
pub(super) type ReadFile<'a> = dyn FnMut(usize, &RelPath) -> Result<Vec<u8>, NativeError> + 'a;

/// A file or link that no package has.
#[derive(Debug)]
pub(super) struct RootFile {
    pub(super) record: FileRecord,
    /// Nothing for a link.
    pub(super) bytes: Vec<u8>,
}

impl RootFile {
    /// A file of root's with mode 0644.
    pub(super) fn file(path: &str, bytes: Vec<u8>) -> Result<Self, PackError> {
        let record = FileRecord {
            size: bytes.len() as u64,
            sha1: Some(hex::encode(Checksum::sha1(&bytes).bytes())),
            sha256: Some(hex::encode(Sha256::digest(&bytes))),
            ..FileRecord::new(&parse("path", path)?, FileKind::File, 0o644)
        };
        Ok(Self { record, bytes })
    }
}

/// Renders the files, sorted by path. `own` are the accounts of the image itself.
pub(super) fn render(
    installation: &Installation,
    own: &Effects,
    arch: &str,
    read: &mut ReadFile<'_>,
) -> Result<Vec<RootFile>, NativeError> {
    let mut files = database(installation, arch)?;
    if let Some(architecture) = Architecture::from_apk(arch) {
        let libraries = libraries(&installation.records, architecture);
        if !libraries.is_empty() {
            let cache = loader_cache::render(&libraries).map_err(PackError::from)?;
            files.push(RootFile::file(LOADER_CACHE, cache)?);
        }
    }
    files.extend(accounts(installation, own, read)?);
    files.extend(alternatives(installation)?);
    files.extend(certificates(installation, read)?);
    files.sort_by(|a, b| a.record.path.cmp(&b.record.path));
    Ok(files)
}

fn database(installation: &Installation, arch: &str) -> Result<Vec<RootFile>, PackError> {
    let wishes: Vec<WorldDependency> =
        installation.world.iter().map(|text| parse("world", text)).collect::<Result<_, _>>()?;
    let rendered =
        wiz_install::database::render(&installation.packages, &wishes, arch, installation.newest())?;
    rendered.into_iter().map(|(path, bytes)| RootFile::file(&path, bytes)).collect()
}

/// Every library that a package provides, at the path that has its name.
fn libraries(records: &[PackageRecord], architecture: Architecture) -> Vec<Library> {
    let mut libraries = Vec::new();
    for record in records {
        for provide in &record.facts.provides {
            let Some(soname) = provide.strip_prefix("so:") else { continue };
            let soname = soname.split_once('=').map_or(soname, |(soname, _)| soname);
            let candidates = record
                .files
                .iter()
                .filter(|file| file.kind != FileKind::Directory && file.path.file_name() == soname);
            if let Some(file) = candidates.min_by_key(|file| (folder_rank(&file.path), &file.path)) {
                let path = format!("/{}", file.path);
                libraries.push(Library { soname: soname.to_owned(), path, architecture });
            }
        }
    }
    libraries
}

fn folder_rank(path: &RelPath) -> usize {
    let folder = path.parent().unwrap_or_else(RelPath::root);
    let rank = LIBRARY_FOLDERS.iter().position(|known| *known == folder.as_str());
    rank.unwrap_or(LIBRARY_FOLDERS.len())
}

/// The accounts that packages have as files and those that effects declare; nothing
/// if no effects declare any.
fn accounts(
    installation: &Installation,
    own: &Effects,
    read: &mut ReadFile<'_>,
) -> Result<Vec<RootFile>, NativeError> {
    let effects = || installation.records.iter().map(|record| &record.effects).chain([own]);
    if effects().all(|effects| effects.users.is_empty() && effects.groups.is_empty()) {
        return Ok(Vec::new());
    }
    let groups = group_file(&existing(installation, GROUP, read)?)?;
    let users = user_file(&existing(installation, PASSWD, read)?, &groups)?;
    let accounts = Accounts::merge(
        users.iter().chain(effects().flat_map(|effects| &effects.users)),
        groups.iter().chain(effects().flat_map(|effects| &effects.groups)),
    )
    .map_err(PackError::from)?;
    let files = [(PASSWD, accounts.passwd()), (GROUP, accounts.group())];
    let files = files.into_iter().map(|(path, text)| RootFile::file(path, text.into_bytes()));
    Ok(files.collect::<Result<_, _>>()?)
}

/// The text of a package's file; empty if no package has it.
fn existing(installation: &Installation, path: &str, read: &mut ReadFile<'_>) -> Result<String, NativeError> {
    let path: RelPath = parse("path", path)?;
    match installation.files().get(&path) {
        Some((package, _)) => Ok(String::from_utf8_lossy(&read(*package, &path)?).into_owned()),
        None => Ok(String::new()),
    }
}

fn group_file(text: &str) -> Result<Vec<Group>, PackError> {
    let group = |line: &str| {
        let [name, _, gid, members] = fields(line)?;
        let members: BTreeSet<String> =
            members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        Some(Group { members, ..Group::new(name, gid.parse().ok()?) })
    };
    lines(text).map(|line| group(line).ok_or_else(|| malformed(GROUP, line))).collect()
}

fn user_file(text: &str, groups: &[Group]) -> Result<Vec<User>, PackError> {
    let user = |line: &str| {
        let [name, _, uid, gid, description, home, shell] = fields(line)?;
        let gid: u32 = gid.parse().ok()?;
        let group = groups.iter().find(|group| group.gid == gid)?;
        let (description, shell) = (description.to_owned(), shell.to_owned());
        Some(User { description, shell, ..User::new(name, uid.parse().ok()?, &group.name, home) })
    };
    lines(text).map(|line| user(line).ok_or_else(|| malformed(PASSWD, line))).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

fn fields<const COUNT: usize>(line: &str) -> Option<[&str; COUNT]> {
    line.split(':').collect::<Vec<_>>().try_into().ok()
}

fn malformed(path: &'static str, line: &str) -> PackError {
    PackError::AccountLine { path, line: line.to_owned() }
}

/// One link for each alternative, to the candidate with the highest priority; the
/// package installed first wins among equals.
fn alternatives(installation: &Installation) -> Result<Vec<RootFile>, PackError> {
    let mut winners: BTreeMap<&str, &Alternative> = BTreeMap::new();
    for candidate in installation.records.iter().flat_map(|record| &record.effects.alternatives) {
        let known = winners.entry(&candidate.link).or_insert(candidate);
        if candidate.priority > known.priority {
            *known = candidate;
        }
    }
    let files = installation.files();
    let mut links = Vec::new();
    for (link, winner) in winners {
        let path: RelPath = parse("path", link)?;
        if files.contains_key(&path) {
            return Err(PackError::Taken { path: link.to_owned() });
        }
        let record = FileRecord::symlink(&path, &relative_target(&path, &winner.target));
        links.push(RootFile { record, bytes: Vec::new() });
    }
    Ok(links)
}

/// `target` as seen from the folder of `link`.
fn relative_target(link: &RelPath, target: &str) -> String {
    let folder = link.parent().unwrap_or_else(RelPath::root);
    let (from, to): (Vec<&str>, Vec<&str>) = (folder.segments().collect(), target.split('/').collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count().min(to.len() - 1);
    let steps = std::iter::repeat_n("..", from.len() - shared).chain(to[shared..].iter().copied());
    steps.collect::<Vec<_>>().join("/")
}

/// The bundle of a package with the certificates that others add; nothing if none do.
fn certificates(
    installation: &Installation,
    read: &mut ReadFile<'_>,
) -> Result<Option<RootFile>, NativeError> {
    let files = installation.files();
    let mut bundle = String::new();
    for record in &installation.records {
        for certificate in &record.effects.certificates {
            let path: RelPath = parse("path", certificate)?;
            let missing =
                || PackError::NoSuchFile { path: certificate.clone(), package: record.display_name() };
            let (package, _) = files.get(&path).ok_or_else(missing)?;
            bundle.push_str(&String::from_utf8_lossy(&read(*package, &path)?));
            if !bundle.ends_with('\n') {
                bundle.push('\n');
            }
        }
    }
    if bundle.is_empty() {
        return Ok(None);
    }
    let text = existing(installation, BUNDLE, read)? + &bundle;
    Ok(Some(RootFile::file(BUNDLE, text.into_bytes())?))
}

#[cfg(test)]
mod tests;
