//! Finding packages: by name, by what they provide, by file.

use std::collections::BTreeSet;

use wiz_apk::Dependency;
use wiz_apk::database::installed::InstalledPackage;
use wiz_install::installer::is_changed;
use wiz_install::protected::Protection;
use wiz_solve::{NameId, PackageId};

use crate::error::Failure;
use crate::glob;
use crate::session::Session;

/// What is compared with the words of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Provides,
    Depends,
    Origin,
    Description,
}

/// How a word is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// As a whole; with `*` or `?` as a pattern; with an operator as a dependency.
    Whole,
    /// As a part.
    Part,
}

/// Which of the packages that fit a word are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    /// For each name the installed one, or else the newest.
    Best,
}

/// A search.
#[derive(Clone, Copy)]
pub(crate) struct Query<'q> {
    pub(crate) fields: &'q [Field],
    pub(crate) comparison: Comparison,
    pub(crate) extent: Extent,
    /// Nothing but the packages that this is true of.
    pub(crate) filter: &'q dyn Fn(PackageId) -> bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Packages and the names they were found by, sorted by those and by version.
    pub(crate) packages: Vec<(NameId, PackageId)>,
    /// Words that nothing fits and that are no patterns.
    pub(crate) unmatched: Vec<String>,
}

/// Searches; without words everything is found.
pub(crate) fn search(session: &Session, query: &Query<'_>, words: &[String]) -> Found {
    let pool = &session.pool;
    let candidates: Vec<PackageId> = pool.ids().filter(|id| (query.filter)(*id)).collect();
    let mut found = Found::default();
    let mut packages = BTreeSet::new();
    if words.is_empty() {
        packages.extend(candidates.iter().map(|id| (pool.package(*id).name, *id)));
    }
    for word in words {
        let matcher = Matcher::new(word, query.comparison);
        let mut hits: Vec<(NameId, PackageId)> = Vec::new();
        for id in &candidates {
            hits.extend(query.fields.iter().flat_map(|field| matcher.hits(session, *field, *id)));
        }
        if hits.is_empty() && !glob::is_pattern(word) {
            found.unmatched.push(word.clone());
        }
        match query.extent {
            Extent::All => packages.extend(hits),
            Extent::Best => packages.extend(best(session, &hits)),
        }
    }
    found.packages = packages.into_iter().collect();
    found.packages.sort_by(|(a, left), (b, right)| {
        let (one, other) = (pool.package(*left), pool.package(*right));
        pool.display_key(*a)
            .cmp(&pool.display_key(*b))
            .then_with(|| pool.display_key(one.name).cmp(&pool.display_key(other.name)))
            .then_with(|| one.record.version.compare(&other.record.version))
    });
    found
}

fn best(session: &Session, hits: &[(NameId, PackageId)]) -> Vec<(NameId, PackageId)> {
    let pool = &session.pool;
    let mut best: std::collections::BTreeMap<NameId, PackageId> = Default::default();
    for (_, id) in hits {
        let package = pool.package(*id);
        let known = best.entry(package.name).or_insert(*id);
        let known_package = pool.package(*known);
        let is_newer = package.record.version.compare(&known_package.record.version).is_gt();
        if known_package.installed.is_none() && (package.installed.is_some() || is_newer) {
            *known = *id;
        }
    }
    best.into_iter().collect()
}

/// A word to compare with.
struct Matcher {
    text: String,
    comparison: Comparison,
    /// What the word asks of a package beyond its name.
    dependency: Option<Dependency>,
}

impl Matcher {
    fn new(word: &str, comparison: Comparison) -> Self {
        let dependency: Option<Dependency> = match comparison {
            Comparison::Whole => word.parse().ok().filter(|found: &Dependency| found.constraint.is_some()),
            Comparison::Part => None,
        };
        let text = dependency.as_ref().map_or_else(|| word.to_owned(), |found| found.name.to_string());
        Self { text, comparison, dependency }
    }

    fn fits(&self, text: &str) -> bool {
        match self.comparison {
            Comparison::Part => glob::matches(&format!("*{}*", self.text), text),
            Comparison::Whole if glob::is_pattern(&self.text) => glob::matches(&self.text, text),
            Comparison::Whole => self.text == text,
        }
    }

    /// The names by which the package is found.
    fn hits(&self, session: &Session, field: Field, id: PackageId) -> Vec<(NameId, PackageId)> {
        let pool = &session.pool;
        let package = pool.package(id);
        let record = &package.record;
        let own = |fits: bool| if fits { vec![(package.name, id)] } else { Vec::new() };
        let satisfies = || self.dependency.as_ref().is_none_or(|wanted| pool.is_fulfilled_by(wanted, id));
        let text = |text: &Option<String>| text.as_deref().is_some_and(|text| self.fits(text));
        match field {
            Field::Name => own(self.fits(record.name.as_str()) && satisfies()),
            Field::Origin => own(text(&record.origin)),
            Field::Description => own(text(&record.summary)),
            Field::Provides => {
                let names = record.provides.iter().map(|provide| &provide.name);
                let fitting = names.filter(|name| self.fits(name.as_str()) && satisfies());
                fitting.filter_map(|name| Some((pool.find(name)?, id))).collect()
            }
            Field::Depends => {
                let names = record.depends.iter().map(|dependency| &dependency.name);
                let fitting = names.filter(|name| self.fits(name.as_str()));
                fitting.filter_map(|name| Some((pool.find(name)?, id))).collect()
            }
        }
    }
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) package: PackageId,
    /// It is the file that a link leads to.
    pub(crate) is_by_link: bool,
}

/// Whose the file or folder at an absolute path is.
pub(crate) fn owner(session: &Session, path: &str) -> Option<Owner> {
    let find = |path: &str| {
        let path = path.trim_matches('/');
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        session.pool.installed().find(|id| {
            session.installed(*id).is_some_and(|package| {
                package.directories.iter().any(|directory| {
                    directory.path == path
                        || (directory.path == folder && directory.files.iter().any(|file| file.name == name))
                })
            })
        })
    };
    if let Some(package) = find(path) {
        return Some(Owner { package, is_by_link: false });
    }
    let (folder, name) = session.root.parent(path.trim_matches('/')).ok()?;
    let target = folder.link_target(name).ok().filter(|target| target.starts_with('/'))?;
    find(&target).map(|package| Owner { package, is_by_link: true })
}

/// Whether a file of the package is missing or another than it should be, those left out
/// that users are expected to change.
pub(crate) fn is_broken(session: &Session, package: &InstalledPackage) -> Result<bool, Failure> {
    let protected = session.protected_paths()?;
    for directory in &package.directories {
        let Some(folder) = session.root.find_folder(&directory.path)? else { return Ok(true) };
        for file in &directory.files {
            let path = format!("{}/{}", directory.path, file.name);
            let is_there = folder.metadata(&file.name)?.is_some();
            let is_users = protected.protection(path.trim_start_matches('/')) != Protection::None;
            let is_other =
                file.checksum.is_some() && is_changed(&folder, &file.name, file.checksum.as_ref())?;
            if !is_there || (is_other && !is_users) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
