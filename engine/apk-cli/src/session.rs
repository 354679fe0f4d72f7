//! A root, its database and its repositories, opened for one command.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use wiz_apk::database::installed::InstalledPackage;
use wiz_apk::database::world::WorldDependency;
use wiz_apk::index::archive::IndexArchive;
use wiz_apk::key::{PublicKey, PublicKeys};
use wiz_apk::{Record, index};
use wiz_install::installer;
use wiz_install::protected::ProtectedPaths;
use wiz_install::root::Root;
use wiz_install::state::{self, State};
use wiz_solve::pool::MAX_REPOSITORIES;
use wiz_solve::{PackageId, Pool, Source, TagId, Wish};

use crate::cache::Cache;
use crate::error::{Failure, StopError, chain};
use crate::lock::Lock;
use crate::repository::{Lines, Repository, RepositoryError};
use crate::settings::{Network, Settings, Trust};
use crate::transport::Transport;

/// `f_type` of a tmpfs, from statfs(2).
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The database is changed, or only read.
    pub(crate) access: Access,
    /// What is installed matters.
    pub(crate) state: bool,
    /// What repositories have matters.
    pub(crate) repositories: bool,
    /// Indexes are looked up anew where the cache is old.
    pub(crate) refresh: bool,
}

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// Written, and made if it is not there.
    Create,
}

impl Needs {
    /// The database and the repositories, to read.
    pub(crate) const READ: Self =
        Self { access: Access::Read, state: true, repositories: true, refresh: false };
    /// The database and the repositories, to change what is installed.
    pub(crate) const WRITE: Self = Self { access: Access::Write, refresh: true, ..Self::READ };
}

/// An opened root.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) root: Root,
    pub(crate) pool: Pool,
    pub(crate) state: State,
    /// Packages of the pool by their place in [`State::packages`].
    pub(crate) installed: BTreeMap<PackageId, usize>,
    pub(crate) world: Vec<Wish>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) transport: Transport,
    pub(crate) cache: Option<Cache>,
    pub(crate) keys: PublicKeys,
    /// Architectures whose packages are installed, the first one above all.
    pub(crate) arches: Vec<String>,
    /// Repositories whose index could not be read.
    pub(crate) unavailable: usize,
    /// Repositories whose index could not be made current.
    pub(crate) stale: usize,
    /// Users' packages, by the file they named.
    pub(crate) files: BTreeMap<PackageId, String>,
    pub(crate) is_on_tmpfs: bool,
    pub(crate) lock: Option<Lock>,
    /// What an earlier process that was killed was to lead to.
    pub(crate) interrupted: Option<Vec<WorldDependency>>,
}

impl Session {
    pub(crate) fn open(settings: Settings, needs: Needs) -> Result<Self, Failure> {
        let access = if settings.simulate { Access::Read } else { needs.access };
        if access == Access::Create && !settings.root.exists() {
            let _ = std::fs::create_dir(&settings.root);
        }
        let root = Root::open(&settings.root)?;
        let lock = match access {
            Access::Read => None,
            Access::Create => {
                State::create(&root)?;
                Some(Lock::take(&root, settings.lock_wait)?)
            }
            Access::Write => Some(Lock::take(&root, settings.lock_wait)?),
        };
        let interrupted = recover(&settings, &root, lock.is_some())?;
        let state = State::read(&root)?;
        if needs.state && state.is_none() && needs.access != Access::Create {
            let hint = "hint: --initdb makes one";
            return Err(StopError::new(format!("there is no apk database in the root, {hint}")).into());
        }
        let state = state.unwrap_or_default();
        let arches = arches(&settings, &state);
        let mut session = Self {
            transport: Transport::new(settings.network, settings.timeout),
            cache: None,
            keys: PublicKeys::new(),
            pool: Pool::new(arches.clone()),
            installed: BTreeMap::new(),
            world: Vec::new(),
            repositories: Vec::new(),
            unavailable: 0,
            stale: 0,
            files: BTreeMap::new(),
            is_on_tmpfs: settings.root_tmpfs.unwrap_or_else(|| is_on_tmpfs(&root)),
            lock,
            interrupted,
            settings,
            root,
            state,
            arches,
        };
        session.keys = session.read_keys()?;
        session.cache = Cache::open(&session.root, session.settings.cache.as_ref(), access)?;
        if needs.state {
            session.add_installed()?;
        }
        if needs.repositories {
            session.add_repositories(needs.refresh)?;
            session.mark_cached()?;
        }
        Ok(session)
    }

    /// The keys of the root, or of the folder that was named instead.
    fn read_keys(&self) -> Result<PublicKeys, Failure> {
        let named = &self.settings.keys_folder;
        let below = named.trim_start_matches('/');
        let mut files = Vec::new();
        match self.root.find_folder(below)? {
            Some(folder) if !named.starts_with('/') => {
                for name in folder.names()? {
                    files.push((
                        name.clone(),
                        self.root.read(&format!("{below}/{name}"))?.unwrap_or_default(),
                    ));
                }
            }
            _ => {
                for entry in std::fs::read_dir(Path::new(named)).into_iter().flatten().flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    files.push((name, std::fs::read(entry.path()).unwrap_or_default()));
                }
            }
        }
        let key = |(name, bytes): (String, Vec<u8>)| {
            let key = PublicKey::from_pem(std::str::from_utf8(&bytes).ok()?).ok()?;
            Some((name, key))
        };
        Ok(files.into_iter().filter_map(key).collect())
    }

    fn add_installed(&mut self) -> Result<(), Failure> {
        for (index, package) in self.state.packages.iter().enumerate() {
            let tag = package.repository_tag.as_deref();
            let tag = tag.map_or(TagId::DEFAULT, |tag| self.pool.tag(tag));
            let id = self.pool.add(package.record.clone(), Source::Installed(tag));
            let id = id.ok_or_else(|| {
                StopError::new(format!(
                    "the database has no identity for `{}`",
                    package.record.display_name()
                ))
            })?;
            self.installed.insert(id, index);
        }
        self.world = self.state.world.clone().iter().map(|wish| self.wish(wish)).collect();
        if let Some(cache) = self.cache.as_ref().filter(|cache| cache.keeps_packages && self.is_on_tmpfs) {
            for record in cache.installed()? {
                self.pool.add(record, Source::CacheList);
            }
        }
        Ok(())
    }

    /// The wish in the pool's numbers.
    pub(crate) fn wish(&mut self, wish: &WorldDependency) -> Wish {
        let tag = wish.tag.as_deref().map_or(TagId::DEFAULT, |tag| self.pool.tag(tag));
        Wish { name: self.pool.intern(&wish.dependency.name), dependency: wish.dependency.clone(), tag }
    }

    /// The wish as the database writes it.
    pub(crate) fn written(&self, wish: &Wish) -> WorldDependency {
        let tag = self.pool.tag_name(wish.tag).map(str::to_owned);
        WorldDependency { dependency: wish.dependency.clone(), tag }
    }

    /// The installed package in the database.
    pub(crate) fn installed(&self, id: PackageId) -> Option<&InstalledPackage> {
        self.installed.get(&id).map(|index| &self.state.packages[*index])
    }

    fn add_repositories(&mut self, refresh: bool) -> Result<(), Failure> {
        for repository in self.configured()? {
            match self.repositories.iter_mut().find(|known| known.is_same(&repository)) {
                Some(known) => known.tags.extend(repository.tags),
                None => self.repositories.push(repository),
            }
        }
        let count = u32::try_from(self.repositories.len()).unwrap_or(u32::MAX);
        if count > MAX_REPOSITORIES {
            return Err(RepositoryError::TooMany { max: MAX_REPOSITORIES }.into());
        }
        let mut has_broken_lists = false;
        let mut has_unknown_fields = false;
        for number in 0..count {
            for record in self.open_repository(number, refresh) {
                has_broken_lists |= record.uninstallable.iter().any(|reason| !reason.starts_with("unknown"));
                has_unknown_fields |= record.uninstallable.iter().any(|reason| reason.starts_with("unknown"));
                self.pool.add(record, Source::Repository(number));
            }
        }
        if has_unknown_fields {
            self.settings.output.warning("This apk is OLD! Some packages are not installable.");
        }
        if has_broken_lists {
            let output = &self.settings.output;
            output.warning("The indexes contain broken packages which are not installable.");
        }
        Ok(())
    }

    /// The repositories of the command line and the root's configuration, in order.
    fn configured(&self) -> Result<Vec<Repository>, Failure> {
        let mut lines = Lines::new(&self.arches[0]);
        let mut repositories = Vec::new();
        for address in &self.settings.repositories {
            repositories.extend(lines.read(address)?);
        }
        if let Some(path) = &self.settings.repositories_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| StopError::new(format!("cannot read `{}`: {error}", path.display())))?;
            for line in text.lines() {
                repositories.extend(lines.read(line)?);
            }
            return Ok(repositories);
        }
        let mut files = vec!["etc/apk/repositories".to_owned()];
        if let Some(folder) = self.root.find_folder("etc/apk/repositories.d")? {
            let names = folder.names()?.into_iter().filter(|name| name.ends_with(".list"));
            files.extend(names.map(|name| format!("etc/apk/repositories.d/{name}")));
        }
        for file in files {
            let bytes = self.root.read(&file)?.unwrap_or_default();
            for line in String::from_utf8_lossy(&bytes).lines() {
                // What one line says must not keep others from being used.
                match lines.read(line) {
                    Ok(found) => repositories.extend(found),
                    Err(error) => self.settings.output.warning(&format!("/{file}: {error}")),
                }
            }
        }
        Ok(repositories)
    }

    /// The records of a repository; none, after saying why, if its index cannot be used.
    fn open_repository(&mut self, number: u32, refresh: bool) -> Vec<Record> {
        let repository = &self.repositories[number as usize];
        let mut action = "opening";
        let mut stale = None;
        let read = if repository.is_of_another_format() {
            Err(StopError::new("indexes of apk 3's format cannot be read"))
        } else {
            match self.cache.as_ref().filter(|_| repository.is_remote) {
                Some(cache) => {
                    action = "opening from cache";
                    let max_age = self.settings.cache.as_ref().map(|cache| cache.max_age).unwrap_or_default();
                    let refresh = refresh && self.settings.network == Network::Allowed;
                    cache.index(repository, &self.transport, refresh.then_some(max_age), now()).map(
                        |(bytes, error)| {
                            stale = error;
                            bytes
                        },
                    )
                }
                None => self.transport.read(&repository.index()).map_err(StopError::from),
            }
        };
        let shown = repository.shown_index.clone();
        let is_remote = repository.is_remote;
        let records = read.and_then(|bytes| self.parse_index(number, &bytes));
        if let Some(error) = &stale {
            self.stale += 1;
            self.settings.output.warning(&format!("updating {shown}: {}", chain(error)));
        }
        match records {
            Ok(records) => {
                self.admit(number, is_remote);
                records
            }
            Err(error) => {
                self.unavailable += usize::from(is_remote);
                self.settings.output.warning(&format!("{action} {shown}: {}", chain(&error)));
                Vec::new()
            }
        }
    }

    /// The repository's packages may be chosen.
    fn admit(&mut self, number: u32, is_remote: bool) {
        let repository = &mut self.repositories[number as usize];
        repository.is_available = true;
        for tag in repository.tags.clone() {
            let tag = tag.map_or(TagId::DEFAULT, |tag| self.pool.tag(&tag));
            self.pool.assign(number, tag);
        }
        if !is_remote || self.settings.network == Network::Allowed {
            self.pool.set_reachable(number);
        }
    }

    /// Reads an index, packed and signed or, where signatures are waived, plain text.
    fn parse_index(&mut self, number: u32, bytes: &[u8]) -> Result<Vec<Record>, StopError> {
        let is_plain = !bytes.starts_with(&[0x1f, 0x8b]);
        if is_plain {
            if self.settings.trust == Trust::Required {
                let hint = "hint: --allow-untrusted takes it nevertheless";
                return Err(StopError::new(format!("there is no signature, {hint}")));
            }
            let text = std::str::from_utf8(bytes).map_err(|_| StopError::new("the index is not UTF-8"))?;
            return index::parse(text).map_err(|error| StopError::new(chain(&error)));
        }
        let archive = IndexArchive::read(bytes).map_err(|error| StopError::new(chain(&error)))?;
        if self.settings.trust == Trust::Required {
            archive.verify(&self.keys).map_err(|error| {
                let hint =
                    "hint: put its key into /etc/apk/keys, or take it nevertheless with --allow-untrusted";
                StopError::new(format!("UNTRUSTED signature: {}, {hint}", chain(&error)))
            })?;
        }
        self.repositories[number as usize].description = archive.description.trim().to_owned();
        archive.records().map_err(|error| StopError::new(chain(&error)))
    }

    fn mark_cached(&mut self) -> Result<(), Failure> {
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.keeps_packages) else { return Ok(()) };
        let files = cache.files()?;
        if files.is_empty() {
            return Ok(());
        }
        for id in self.pool.ids() {
            let record = &self.pool.package(id).record;
            if files.get(&Cache::package_name(record)) == Some(&record.size) {
                self.pool.set_cached(id);
            }
        }
        Ok(())
    }

    /// Complains if some repository could not be used.
    pub(crate) fn check_repositories(&self) -> Result<(), Failure> {
        if self.settings.force.missing_repositories || self.unavailable + self.stale == 0 {
            return Ok(());
        }
        let text = "Not continuing due to stale/unavailable repositories. \
                    Use --force-missing-repositories to continue.";
        Err(StopError::new(text).into())
    }

    /// The first repository by which a package can be had, local ones first.
    pub(crate) fn repository_of(&self, id: PackageId) -> Option<&Repository> {
        let candidates: Vec<&Repository> = self
            .pool
            .package(id)
            .repositories()
            .map(|number| &self.repositories[number as usize])
            .filter(|repository| !repository.is_remote || self.settings.network == Network::Allowed)
            .collect();
        candidates.iter().find(|repository| !repository.is_remote).or(candidates.first()).copied()
    }

    /// Whether the package's bytes are on a server.
    pub(crate) fn is_remote(&self, id: PackageId) -> bool {
        self.repository_of(id).is_some_and(|repository| repository.is_remote)
    }

    /// Files that users are expected to change, as the root has it.
    pub(crate) fn protected_paths(&self) -> Result<ProtectedPaths, Failure> {
        let mut protected = ProtectedPaths::default();
        if let Some(folder) = self.root.find_folder("etc/apk/protected_paths.d")? {
            for name in folder.names()?.iter().filter(|name| name.ends_with(".list")) {
                let bytes = self.root.read(&format!("etc/apk/protected_paths.d/{name}"))?.unwrap_or_default();
                protected.add(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(protected)
    }

    /// Path of the database folder below the root.
    pub(crate) fn database_folder(&self) -> Result<&'static str, Failure> {
        Ok(state::folder(&self.root)?)
    }
}

/// Sets right what a process that was killed has left in a root that may be changed.
fn recover(
    settings: &Settings,
    root: &Root,
    is_locked: bool,
) -> Result<Option<Vec<WorldDependency>>, Failure> {
    if !is_locked {
        return Ok(None);
    }
    let recovery = installer::recover(root).map_err(|error| StopError::new(chain(&error)))?;
    Ok(recovery.map(|recovery| {
        let text = "an earlier apk was interrupted: what it had begun has been finished or undone, \
                    hint: apk fix goes on with the rest";
        settings.output.warning(text);
        recovery.world
    }))
}

/// The architectures to install for: those named, those of the root, or this machine's.
fn arches(settings: &Settings, state: &State) -> Vec<String> {
    if !settings.arches.is_empty() {
        return settings.arches.clone();
    }
    if !state.arches.is_empty() {
        return state.arches.clone();
    }
    vec![default_arch().to_owned()]
}

/// The architecture this program was built for, as apk calls it.
pub(crate) fn default_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "x86",
        "arm" => "armv7",
        "powerpc64" => "ppc64le",
        arch => arch,
    }
}

fn is_on_tmpfs(root: &Root) -> bool {
    rustix::fs::fstatfs(root.fd()).is_ok_and(|stat| stat.f_type as u64 == TMPFS_MAGIC)
}

#[expect(clippy::disallowed_methods, reason = "this crate is where the clock enters")]
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
