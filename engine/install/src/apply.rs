//! The declared effects of a root's packages, brought about in the root.
//!
//! What an image build renders into its last layer is done here to a root that is
//! there, and may be done again at any time: what is so already stays.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{FileType, XattrFlags, fsetxattr};
use wiz_apk::Name;

use crate::accounts::{AccountError, Accounts, Group, Ids, User};
use crate::capabilities;
use crate::effects::{Alternative, Effects, EffectsError};
use crate::installer::Privileges;
use crate::loader_cache::{self, Architecture, Library, LoaderCacheError};
use crate::root::{Root, RootError};
use crate::state::State;

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";
const LOADER_CACHE: &str = "etc/ld.so.cache";
/// The certificates that programs trust. Made from what packages have, so it is not for
/// users to change.
pub const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// Folders of libraries, the one to be searched first in front.
const LIBRARY_FOLDERS: [&str; 2] = ["usr/lib", "usr/lib64"];

/// The effects of a root's packages, in the order of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootEffects {
    effects: Vec<(Name, Effects)>,
}

impl RootEffects {
    /// Reads the effects that installed packages carry.
    ///
    /// # Errors
    /// [`ApplyError`] if a file cannot be read or is malformed.
    pub fn read(root: &Root, state: &State) -> Result<Self, ApplyError> {
        let mut effects = Vec::new();
        for package in &state.packages {
            let name = &package.record.name;
            let path = Effects::path(name);
            let (folder, file) = path.rsplit_once('/').expect("effects lie in a folder");
            let mut directories = package.directories.iter().filter(|directory| directory.path == folder);
            let has_file =
                directories.any(|directory| directory.files.iter().any(|known| known.name == file));
            if !has_file {
                continue;
            }
            let malformed = |source| ApplyError::Effects { package: name.to_string(), source };
            if let Some(bytes) = root.read(&path)? {
                effects.push((
                    name.clone(),
                    Effects::from_json(&String::from_utf8_lossy(&bytes)).map_err(malformed)?,
                ));
            }
        }
        Ok(Self { effects })
    }

    fn each(&self) -> impl Iterator<Item = &Effects> {
        self.effects.iter().map(|(_, effects)| effects)
    }

    /// For each link the candidate with the highest priority; the package installed first
    /// wins among equals.
    fn alternatives(&self) -> BTreeMap<&str, &Alternative> {
        let mut winners: BTreeMap<&str, &Alternative> = BTreeMap::new();
        for candidate in self.each().flat_map(|effects| &effects.alternatives) {
            let known = winners.entry(&candidate.link).or_insert(candidate);
            if candidate.priority > known.priority {
                *known = candidate;
            }
        }
        winners
    }
}

/// Brings about the effects of the packages in `state`. `before` are those of the
/// packages that were installed before, whose links go if nobody has them any more.
///
/// # Errors
/// [`ApplyError`] if effects contradict each other or the root cannot be changed.
pub fn apply(
    root: &Root,
    state: &State,
    before: &RootEffects,
    arch: &str,
    privileges: Privileges,
) -> Result<(), ApplyError> {
    let effects = RootEffects::read(root, state)?;
    accounts(root, &effects)?;
    alternatives(root, &effects, before)?;
    certificates(root, &effects)?;
    let is_wanted = effects.each().any(|effects| effects.loader_cache);
    if let Some(architecture) = Architecture::from_apk(arch).filter(|_| is_wanted) {
        let cache = loader_cache::render(&libraries(state, architecture))?;
        write_if_new(root, LOADER_CACHE, &cache)?;
    }
    if privileges == Privileges::Root {
        attributes(root, &effects)?;
    }
    Ok(())
}

fn write_if_new(root: &Root, path: &str, bytes: &[u8]) -> Result<(), RootError> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if root.read(path)?.as_deref() == Some(bytes) {
        return Ok(());
    }
    root.make_folders(folder)?;
    let mode = root.metadata(path)?.map_or(0o644, |metadata| metadata.mode);
    root.write(path, bytes, mode)
}

/// Every library that a package provides, at the path that has its name.
fn libraries(state: &State, architecture: Architecture) -> Vec<Library> {
    let mut libraries = Vec::new();
    for package in &state.packages {
        for provide in &package.record.provides {
            let Some(soname) = provide.name.as_str().strip_prefix("so:") else { continue };
            let has = |folder: &&str| {
                let mut directories =
                    package.directories.iter().filter(|directory| directory.path == **folder);
                directories.any(|directory| directory.files.iter().any(|file| file.name == soname))
            };
            let folders = package.directories.iter().map(|directory| directory.path.as_str()).filter(has);
            let rank = |folder: &&str| {
                let rank = LIBRARY_FOLDERS.iter().position(|known| known == folder);
                (rank.unwrap_or(LIBRARY_FOLDERS.len()), (*folder).to_owned())
            };
            if let Some(folder) = folders.min_by_key(rank) {
                let path = format!("/{folder}/{soname}");
                libraries.push(Library { soname: soname.to_owned(), path, architecture });
            }
        }
    }
    libraries
}

/// Adds the declared accounts that are missing. Files in which nothing is special are
/// written as an image has them; in others lines are added at the end.
fn accounts(root: &Root, effects: &RootEffects) -> Result<(), ApplyError> {
    let users: Vec<&User> = effects.each().flat_map(|effects| &effects.users).collect();
    let groups: Vec<&Group> = effects.each().flat_map(|effects| &effects.groups).collect();
    if users.is_empty() && groups.is_empty() {
        return Ok(());
    }
    let text = |path| -> Result<String, RootError> {
        Ok(String::from_utf8_lossy(&root.read(path)?.unwrap_or_default()).into_owned())
    };
    let (passwd, group) = (text(PASSWD)?, text(GROUP)?);
    if let Some(accounts) = Accounts::parse(&passwd, &group) {
        let known_users: Vec<User> = accounts.users().cloned().collect();
        let known_groups: Vec<Group> = accounts.groups().cloned().collect();
        let merged = Accounts::merge(
            known_users.iter().chain(users.iter().copied()),
            known_groups.iter().chain(groups.iter().copied()),
        )?;
        write_if_new(root, PASSWD, merged.passwd().as_bytes())?;
        write_if_new(root, GROUP, merged.group().as_bytes())?;
        return Ok(());
    }
    let declared = Accounts::merge(users.iter().copied(), groups.iter().copied())?;
    write_if_new(root, GROUP, with_missing(&group, &declared.group()).as_bytes())?;
    write_if_new(root, PASSWD, with_missing(&passwd, &declared.passwd()).as_bytes())?;
    Ok(())
}

/// `text` with those of `lines` behind it whose names it does not have.
fn with_missing(text: &str, lines: &str) -> String {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let known: BTreeSet<String> = text.lines().map(name).collect();
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in lines.lines().filter(|line| !known.contains(&name(line))) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn alternatives(root: &Root, effects: &RootEffects, before: &RootEffects) -> Result<(), ApplyError> {
    let (now, before) = (effects.alternatives(), before.alternatives());
    for (link, former) in before.iter().filter(|(link, _)| !now.contains_key(*link)) {
        let Ok((folder, name)) = root.parent(link) else { continue };
        let is_link = folder.metadata(name)?.is_some_and(|metadata| metadata.kind == FileType::Symlink);
        if is_link && folder.link_target(name)? == relative_target(link, &former.target) {
            folder.remove(name)?;
        }
    }
    for (link, winner) in now {
        root.make_folders(link.rsplit_once('/').map_or("", |(folder, _)| folder))?;
        let (folder, name) = root.parent(link)?;
        let target = relative_target(link, &winner.target);
        match folder.metadata(name)?.map(|metadata| metadata.kind) {
            Some(FileType::Symlink) if folder.link_target(name)? == target => continue,
            Some(FileType::Symlink) | None => {}
            // A file of somebody's own counts above a declared link.
            Some(_) => continue,
        }
        let temporary = format!(".{name}.new");
        folder.remove(&temporary)?;
        folder.make_link(&temporary, &target)?;
        folder.rename(&temporary, name)?;
    }
    Ok(())
}

/// `target` as seen from the folder of `link`, both below one root.
#[must_use]
pub fn relative_target(link: &str, target: &str) -> String {
    let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    let to: Vec<&str> = target.split('/').collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count().min(to.len() - 1);
    let steps = std::iter::repeat_n("..", from.len() - shared).chain(to[shared..].iter().copied());
    steps.collect::<Vec<_>>().join("/")
}

/// Adds the declared certificates that the bundle has not.
fn certificates(root: &Root, effects: &RootEffects) -> Result<(), ApplyError> {
    let bytes = root.read(BUNDLE)?.unwrap_or_default();
    let mut bundle = String::from_utf8_lossy(&bytes).into_owned();
    let length = bundle.len();
    for path in effects.each().flat_map(|effects| &effects.certificates) {
        let bytes = root.read(path)?.ok_or_else(|| ApplyError::NoCertificate { path: path.clone() })?;
        let certificate = String::from_utf8_lossy(&bytes);
        if !bundle.contains(certificate.trim_end()) {
            bundle.push_str(&certificate);
            if !bundle.ends_with('\n') {
                bundle.push('\n');
            }
        }
    }
    if bundle.len() > length {
        write_if_new(root, BUNDLE, bundle.as_bytes())?;
    }
    Ok(())
}

/// Owners and modes of folders, and capabilities of files.
fn attributes(root: &Root, effects: &RootEffects) -> Result<(), ApplyError> {
    let ids = Ids::read(root)?;
    for directory in effects.each().flat_map(|effects| &effects.directories) {
        root.make_folders(&directory.path)?;
        let (folder, name) = root.parent(&directory.path)?;
        let uid = ids
            .user(&directory.owner)
            .ok_or_else(|| ApplyError::unknown(&directory.owner, &directory.path))?;
        let gid = ids
            .group(&directory.group)
            .ok_or_else(|| ApplyError::unknown(&directory.group, &directory.path))?;
        folder.set_owner(name, uid, gid)?;
        folder.set_mode(name, directory.mode)?;
    }
    for file in effects.each().flat_map(|effects| &effects.capabilities) {
        let Some(handle) = root.file(&file.path)? else { continue };
        let value = capabilities::attribute(&file.capabilities);
        fsetxattr(&handle, capabilities::ATTRIBUTE, &value, XattrFlags::empty())
            .map_err(|errno| ApplyError::Capabilities { path: file.path.clone(), source: errno.into() })?;
    }
    Ok(())
}

/// Effects that cannot be brought about.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A file of the root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Effects that are malformed.
    #[error("the effects of `{package}` cannot be read")]
    Effects {
        /// The package's name.
        package: String,
        /// What is wrong with them.
        source: EffectsError,
    },
    /// Accounts that contradict each other.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// Libraries that cannot be listed.
    #[error(transparent)]
    LoaderCache(#[from] LoaderCacheError),
    /// A certificate that is not there.
    #[error("`/{path}` is declared as a certificate and is not there")]
    NoCertificate {
        /// Its path below the root.
        path: String,
    },
    /// A user or group that is not there.
    #[error("`/{path}` is declared to belong to `{name}`, which the root does not know")]
    Unknown {
        /// The user or group.
        name: String,
        /// The folder.
        path: String,
    },
    /// Capabilities that cannot be set.
    #[error("cannot set the capabilities of `/{path}`")]
    Capabilities {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl ApplyError {
    fn unknown(name: &str, path: &str) -> Self {
        Self::Unknown { name: name.to_owned(), path: path.to_owned() }
    }
}
