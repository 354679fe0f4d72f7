//! Everything that is known about packages: those installed, those in repositories,
//! and who provides which name.
//!
//! Names, packages and tags are numbers here. A package that several sources list is
//! kept once, by its identity. Unaware of where sources are and of what is wanted.

use std::collections::BTreeMap;

use wiz_apk::{Checksum, Constraint, Dependency, Name, Record, Version};

/// Repositories a pool can tell apart.
pub const MAX_REPOSITORIES: u32 = 64;

/// A package of a [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(u32);

/// A name of a [`Pool`]: of a package, provided, or only asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

/// A tag of a [`Pool`], to which repositories are assigned and wishes pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(u32);

impl PackageId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl NameId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl TagId {
    /// Repositories without a tag, and wishes that are not pinned.
    pub const DEFAULT: Self = Self(0);

    pub(crate) fn bit(self) -> TagSet {
        1 << self.0
    }
}

/// A set of tags, a bit each.
pub(crate) type TagSet = u64;
/// A set of repositories, a bit each.
pub(crate) type RepositorySet = u64;

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The installed database; pinned to the tag.
    Installed(TagId),
    /// The index of the repository with this number, below [`MAX_REPOSITORIES`].
    Repository(u32),
    /// A package file named by the user.
    File,
    /// The list of what was installed when the cache was written.
    CacheList,
    /// Made up on the spot, without files.
    Virtual,
}

/// What a pool knows about a package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its record, as its first source has it.
    pub record: Record,
    /// Its name.
    pub name: NameId,
    /// The tag it is pinned to, if it is installed.
    pub installed: Option<TagId>,
    /// Its bytes are in the local cache.
    pub is_cached: bool,
    /// It is a file named by the user.
    pub is_file: bool,
    pub(crate) is_listed_in_cache: bool,
    pub(crate) is_uninstallable: bool,
    pub(crate) is_foreign: bool,
    pub(crate) repositories: RepositorySet,
    pub(crate) depends: Vec<NameId>,
    pub(crate) provides: Vec<NameId>,
    pub(crate) install_if: Vec<NameId>,
}

impl Package {
    /// The numbers of the repositories that list it, ascending.
    pub fn repositories(&self) -> impl Iterator<Item = u32> + use<> {
        let set = self.repositories;
        (0..MAX_REPOSITORIES).filter(move |number| set >> number & 1 == 1)
    }
}

/// A package's claim on a name: its own, or one that it declares to provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) package: PackageId,
    /// Which of the declared provides; `None` for the package's own name.
    declared: Option<u32>,
}

#[derive(Debug, Clone)]
struct NameEntry {
    text: Name,
    claims: Vec<Claim>,
    /// Some package of a repository has or provides it.
    is_in_repository: bool,
}

#[derive(Debug, Clone)]
struct Tag {
    name: String,
    repositories: RepositorySet,
}

/// The packages to choose from, in the order in which sources were added.
#[derive(Debug, Clone)]
pub struct Pool {
    packages: Vec<Package>,
    names: Vec<NameEntry>,
    /// Names by a hash of their text: comparing numbers is what makes an index quick to add.
    by_hash: BTreeMap<u64, Vec<NameId>>,
    by_identity: BTreeMap<Checksum, PackageId>,
    tags: Vec<Tag>,
    reachable: RepositorySet,
    arches: Vec<String>,
}

impl Pool {
    /// An empty pool. Packages of other architectures than `arches` and `noarch` are
    /// known but cannot be installed.
    #[must_use]
    pub fn new(arches: Vec<String>) -> Self {
        Self {
            packages: Vec::new(),
            names: Vec::new(),
            by_hash: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            tags: vec![Tag { name: String::new(), repositories: 0 }],
            reachable: 0,
            arches,
        }
    }

    /// Adds a record. `None` without an identity: nothing could refer to it.
    pub fn add(&mut self, record: Record, source: Source) -> Option<PackageId> {
        let identity = record.identity?;
        let id = match self.by_identity.get(&identity) {
            Some(id) => *id,
            None => self.insert(record, identity),
        };
        let package = &mut self.packages[id.index()];
        match source {
            Source::Installed(tag) => package.installed = Some(tag),
            Source::File => package.is_file = true,
            Source::CacheList => package.is_listed_in_cache = true,
            Source::Virtual => package.is_cached = true,
            Source::Repository(number) => {
                package.repositories |= 1 << number;
                let names: Vec<NameId> = self.names_of(id).collect();
                names.iter().for_each(|name| self.names[name.index()].is_in_repository = true);
            }
        }
        Some(id)
    }

    fn insert(&mut self, record: Record, identity: Checksum) -> PackageId {
        let id = PackageId(u32::try_from(self.packages.len()).expect("packages fit into memory"));
        let name = self.intern(&record.name);
        let depends = self.intern_all(&record.depends);
        let install_if = self.intern_all(&record.install_if);
        let provides: Vec<NameId> =
            record.provides.iter().map(|provide| self.intern(&provide.name)).collect();
        self.names[name.index()].claims.push(Claim { package: id, declared: None });
        for (declared, provided) in (0..).zip(&provides) {
            self.names[provided.index()].claims.push(Claim { package: id, declared: Some(declared) });
        }
        let is_foreign =
            record.arch.as_ref().is_some_and(|arch| arch != "noarch" && !self.arches.contains(arch));
        self.packages.push(Package {
            is_uninstallable: is_foreign || !record.uninstallable.is_empty(),
            is_foreign,
            record,
            name,
            installed: None,
            is_cached: false,
            is_file: false,
            is_listed_in_cache: false,
            repositories: 0,
            depends,
            provides,
            install_if,
        });
        self.by_identity.insert(identity, id);
        id
    }

    fn intern_all(&mut self, dependencies: &[Dependency]) -> Vec<NameId> {
        dependencies.iter().map(|dependency| self.intern(&dependency.name)).collect()
    }

    /// The number of a name, which is known from now on.
    pub fn intern(&mut self, name: &Name) -> NameId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = NameId(u32::try_from(self.names.len()).expect("names fit into memory"));
        self.names.push(NameEntry { text: name.clone(), claims: Vec::new(), is_in_repository: false });
        self.by_hash.entry(hash(name)).or_default().push(id);
        id
    }

    /// The number of a name, if anything has mentioned it.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<NameId> {
        let candidates = self.by_hash.get(&hash(name))?;
        candidates.iter().copied().find(|id| self.text(*id) == name)
    }

    /// The number of the tag, which is known from now on. `tag` is without its `@`.
    pub fn tag(&mut self, tag: &str) -> TagId {
        let index = self.tags.iter().position(|known| known.name == tag).unwrap_or_else(|| {
            self.tags.push(Tag { name: tag.to_owned(), repositories: 0 });
            self.tags.len() - 1
        });
        TagId(u32::try_from(index).expect("tags fit into memory"))
    }

    /// Packages of the repository may be chosen for wishes with this tag.
    pub fn assign(&mut self, repository: u32, tag: TagId) {
        self.tags[tag.0 as usize].repositories |= 1 << repository;
    }

    /// Packages of the repository can be had now.
    pub fn set_reachable(&mut self, repository: u32) {
        self.reachable |= 1 << repository;
    }

    /// The package's bytes are in the local cache.
    pub fn set_cached(&mut self, id: PackageId) {
        self.packages[id.index()].is_cached = true;
    }

    /// What is known about a package.
    #[must_use]
    pub fn package(&self, id: PackageId) -> &Package {
        &self.packages[id.index()]
    }

    /// All packages, in the order in which they became known.
    pub fn ids(&self) -> impl Iterator<Item = PackageId> + use<> {
        (0..self.packages.len() as u32).map(PackageId)
    }

    /// The installed packages, in the order of the database.
    pub fn installed(&self) -> impl Iterator<Item = PackageId> + '_ {
        self.ids().filter(|id| self.package(*id).installed.is_some())
    }

    /// The installed package with this very name.
    #[must_use]
    pub fn installed_with(&self, name: NameId) -> Option<PackageId> {
        self.bearers(name).find(|id| self.package(*id).installed.is_some())
    }

    /// The packages with this very name.
    pub fn bearers(&self, name: NameId) -> impl Iterator<Item = PackageId> + '_ {
        self.claims(name).iter().filter(|claim| claim.declared.is_none()).map(|claim| claim.package)
    }

    /// The packages with this name or providing it, each as often as it does so.
    pub fn providers(&self, name: NameId) -> impl Iterator<Item = PackageId> + '_ {
        self.claims(name).iter().map(|claim| claim.package)
    }

    /// The names a package has and provides.
    pub fn names_of(&self, id: PackageId) -> impl Iterator<Item = NameId> + '_ {
        let package = self.package(id);
        std::iter::once(package.name).chain(package.provides.iter().copied())
    }

    /// All known names in the order of their bytes.
    pub fn names(&self) -> impl Iterator<Item = (&Name, NameId)> {
        let mut names: Vec<(&Name, NameId)> =
            (0..).zip(&self.names).map(|(id, entry)| (&entry.text, NameId(id))).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The text of a name.
    #[must_use]
    pub fn text(&self, name: NameId) -> &Name {
        &self.names[name.index()].text
    }

    /// Sort key under which apk shows names: without regard to case first.
    #[must_use]
    pub fn display_key(&self, name: NameId) -> (String, &str) {
        let text = self.text(name).as_str();
        (text.to_ascii_lowercase(), text)
    }

    /// A tag as it is written behind a name: empty, or with its `@`.
    #[must_use]
    pub fn tag_suffix(&self, tag: TagId) -> String {
        match tag {
            TagId::DEFAULT => String::new(),
            _ => format!("@{}", self.tags[tag.0 as usize].name),
        }
    }

    /// The tag's name without its `@`; `None` for the default.
    #[must_use]
    pub fn tag_name(&self, tag: TagId) -> Option<&str> {
        (tag != TagId::DEFAULT).then(|| self.tags[tag.0 as usize].name.as_str())
    }

    /// Whether some repository has the tag.
    #[must_use]
    pub fn is_tag_used(&self, tag: TagId) -> bool {
        self.tags[tag.0 as usize].repositories != 0
    }

    /// Whether the package can be had now from a repository.
    #[must_use]
    pub fn is_reachable(&self, id: PackageId) -> bool {
        self.package(id).repositories & self.reachable != 0
    }

    /// Whether a package of some repository has or provides the name.
    #[must_use]
    pub fn is_in_repository(&self, name: NameId) -> bool {
        self.names[name.index()].is_in_repository
    }

    /// The names that a package waits for in its `install_if`.
    pub fn triggers_of(&self, id: PackageId) -> impl Iterator<Item = NameId> + '_ {
        self.package(id).install_if.iter().copied()
    }

    /// Whether the package fulfils the dependency, by its name or one that it provides.
    #[must_use]
    pub fn is_fulfilled_by(&self, dependency: &Dependency, id: PackageId) -> bool {
        let Some(name) = self.find(&dependency.name) else { return false };
        self.claims_of(id)
            .any(|(claimed, claim)| claimed == name && self.fulfils(None, dependency, Some(claim)))
    }

    /// Who depends on whom.
    #[must_use]
    pub fn dependants(&self) -> Dependants<'_> {
        Dependants { pool: self, reverse: Reverse::of(self) }
    }

    /// The installed package that this one is a newer version of, if the repositories the
    /// installed one is pinned to have this one.
    #[must_use]
    pub fn upgrades(&self, id: PackageId) -> Option<PackageId> {
        let package = self.package(id);
        let installed = self.installed_with(package.name)?;
        let tag = self.package(installed).installed?;
        let is_allowed = package.repositories & self.allowed(tag.bit()) != 0;
        let is_newer = self.package(installed).record.version.compare(&package.record.version).is_lt();
        (is_allowed && is_newer).then_some(installed)
    }

    pub(crate) fn package_count(&self) -> usize {
        self.packages.len()
    }

    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn tags(&self) -> impl Iterator<Item = TagId> + use<> {
        (0..self.tags.len() as u32).map(TagId)
    }

    pub(crate) fn claims(&self, name: NameId) -> &[Claim] {
        &self.names[name.index()].claims
    }

    /// Every claim of a package: on its own name, and on those it declares.
    pub(crate) fn claims_of(&self, id: PackageId) -> impl Iterator<Item = (NameId, Claim)> + '_ {
        let declared = (0..).zip(&self.package(id).provides);
        let declared =
            declared.map(move |(index, name)| (*name, Claim { package: id, declared: Some(index) }));
        std::iter::once((self.package(id).name, Claim { package: id, declared: None })).chain(declared)
    }

    /// What a claim's name is provided as; `None` if virtually.
    pub(crate) fn version(&self, claim: Claim) -> Option<&Version> {
        let record = &self.package(claim.package).record;
        match claim.declared {
            None => Some(&record.version),
            Some(index) => record.provides[index as usize].version.as_ref(),
        }
    }

    /// Repositories that any of the tags allows.
    pub(crate) fn allowed(&self, tags: TagSet) -> RepositorySet {
        let chosen = self.tags().filter(|tag| tag.bit() & tags != 0);
        chosen.map(|tag| self.tags[tag.0 as usize].repositories).fold(0, |all, some| all | some)
    }

    /// Repositories a package counts as being of: those that list it, and for an
    /// installed one those of the tag it is pinned to.
    pub(crate) fn repositories_of(&self, id: PackageId) -> RepositorySet {
        let package = self.package(id);
        package.repositories | package.installed.map_or(0, |tag| self.allowed(tag.bit()))
    }

    /// Whether what claims the name, or nothing, is what the dependency of `requirer`
    /// asks for. A name that is provided virtually fits every version; a package does
    /// not conflict with itself.
    pub(crate) fn fulfils(
        &self,
        requirer: Option<PackageId>,
        dependency: &Dependency,
        claim: Option<Claim>,
    ) -> bool {
        let Some(claim) = claim else { return dependency.conflict };
        if dependency.conflict && requirer == Some(claim.package) {
            return true;
        }
        let fits = match &dependency.constraint {
            None => true,
            Some(Constraint::Identity(identity)) => {
                self.package(claim.package).record.identity.as_ref() == Some(identity)
            }
            Some(Constraint::Version(operator, bound)) => {
                self.version(claim).is_none_or(|version| operator.accepts(version, bound))
            }
        };
        fits != dependency.conflict
    }

    /// What the package means to a dependency on `name`, `None` if nothing. Of several
    /// claims on one name the first counts.
    pub(crate) fn relation(
        &self,
        requirer: Option<PackageId>,
        (name, dependency): (NameId, &Dependency),
        id: PackageId,
    ) -> Option<bool> {
        let (_, claim) = self.claims_of(id).find(|(claimed, _)| *claimed == name)?;
        let requirer = if claim.declared.is_none() { None } else { requirer };
        Some(self.fulfils(requirer, dependency, Some(claim)))
    }
}

/// FNV-1a, 64 bits.
fn hash(name: &Name) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Who depends on whom among the packages of a pool.
#[derive(Debug)]
pub struct Dependants<'p> {
    pool: &'p Pool,
    reverse: Reverse,
}

impl Dependants<'_> {
    /// The packages with a dependency that the package fulfils, conflicts left out, each
    /// once.
    #[must_use]
    pub fn of(&self, id: PackageId) -> Vec<PackageId> {
        let mut found = Vec::new();
        for name in self.pool.names_of(id) {
            for other in self.reverse.depends[name.index()].iter().flat_map(|name| self.pool.providers(*name))
            {
                let package = self.pool.package(other);
                let mut dependencies = package.depends.iter().copied().zip(&package.record.depends);
                let depends = dependencies.any(|(name, dependency)| {
                    !dependency.conflict
                        && self.pool.relation(Some(other), (name, dependency), id) == Some(true)
                });
                if depends && !found.contains(&other) {
                    found.push(other);
                }
            }
        }
        found
    }

    /// The names whose packages wait for the package's own name in their `install_if`.
    #[must_use]
    pub fn waiting_for(&self, id: PackageId) -> &[NameId] {
        &self.reverse.install_if[self.pool.package(id).name.index()]
    }
}

/// For each name, the names whose packages depend on it, and those whose packages
/// wait for it in their `install_if`.
#[derive(Debug)]
pub(crate) struct Reverse {
    pub(crate) depends: Vec<Vec<NameId>>,
    pub(crate) install_if: Vec<Vec<NameId>>,
}

impl Reverse {
    pub(crate) fn of(pool: &Pool) -> Self {
        let mut reverse = Self {
            depends: vec![Vec::new(); pool.name_count()],
            install_if: vec![Vec::new(); pool.name_count()],
        };
        for (_, name) in pool.names() {
            for claim in pool.claims(name) {
                let package = pool.package(claim.package);
                // A name is visited once, so a repetition is always the last element.
                for (list, targets) in
                    [(&mut reverse.depends, &package.depends), (&mut reverse.install_if, &package.install_if)]
                {
                    for target in targets {
                        let known = &mut list[target.index()];
                        if known.last() != Some(&name) {
                            known.push(name);
                        }
                    }
                }
            }
        }
        reverse
    }
}
