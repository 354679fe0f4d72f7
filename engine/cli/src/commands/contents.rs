//! What is in an image or a package, wherever it lies: a target of this workspace or of an
//! earlier revision of it, a folder, a file, or a registry. Images of others are read too.

use std::collections::{BTreeMap, BTreeSet};

use wiz_apk::Record;
use wiz_apk::database::installed::InstalledPackage;
use wiz_apk::database::{installed, world};
use wiz_oci::Sha256Digest;
use wiz_oci::unpacked::{Found, Unpacked};

mod revision;
mod subject;

pub(crate) use subject::open;

/// Where apk keeps what is installed, and where it kept it before.
const INSTALLED: [&str; 2] = ["usr/lib/apk/db/installed", "lib/apk/db/installed"];
/// What was asked for.
const WORLD: &str = "etc/apk/world";

/// Everything about an image or a package that people compare.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// What it was called on the command line.
    pub(crate) name: String,
    /// Its layers, lowest first; a package has none.
    pub(crate) layers: Vec<LayerSize>,
    /// How it is run, a line for each fact.
    pub(crate) config: BTreeMap<String, String>,
    /// By path.
    pub(crate) files: BTreeMap<String, Found>,
    /// By name; empty if it has no database of apk's.
    pub(crate) packages: BTreeMap<String, Installed>,
    /// Which package a path is from.
    pub(crate) owners: BTreeMap<String, String>,
    /// apk's installed database, as it is.
    pub(crate) database: Option<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerSize {
    /// Its digest.
    pub(crate) digest: Sha256Digest,
    /// Compressed, in bytes.
    pub(crate) size: u64,
}

/// A package in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Version with release.
    pub(crate) version: String,
    /// Bytes of its files.
    pub(crate) size: u64,
    /// How it got in: what was asked for, what that needs, and so on to the package itself.
    pub(crate) path: Vec<String>,
}

impl Contents {
    /// Compressed size in bytes.
    pub(crate) fn compressed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }

    /// Bytes of all files.
    pub(crate) fn unpacked(&self) -> u64 {
        self.files.values().map(Found::size).sum()
    }

    /// Takes over what layers unpack to, and what the database among it says.
    fn take(&mut self, unpacked: Unpacked) -> Result<(), String> {
        self.files = unpacked.files;
        let text =
            |path: &str| unpacked.kept.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let Some(database) = INSTALLED.iter().find_map(|path| text(path)) else { return Ok(()) };
        let packages =
            installed::parse(&database).map_err(|error| format!("the installed database: {error}"))?;
        let asked =
            world::parse(&text(WORLD).unwrap_or_default()).map_err(|error| format!("`{WORLD}`: {error}"))?;
        let asked: Vec<String> = asked.iter().map(|wish| wish.dependency.name.to_string()).collect();
        for package in &packages {
            self.add(package);
        }
        for (name, path) in paths(&packages, &asked) {
            if let Some(package) = self.packages.get_mut(&name) {
                package.path = path;
            }
        }
        self.database = Some(database);
        Ok(())
    }

    fn add(&mut self, package: &InstalledPackage) {
        let name = package.record.name.to_string();
        let mut size = 0;
        for folder in &package.directories {
            for file in &folder.files {
                let path = [folder.path.as_str(), &file.name].join("/").trim_start_matches('/').to_owned();
                size += self.files.get(&path).map_or(0, Found::size);
                self.owners.insert(path, name.clone());
            }
        }
        let version = package.record.version.to_string();
        self.packages.insert(name, Installed { version, size, path: Vec::new() });
    }
}

/// Whether the file at a path tells which packages there are.
fn is_telling(path: &str) -> bool {
    INSTALLED.contains(&path) || path == WORLD
}

/// The shortest way from what was asked for to each package that it leads to.
fn paths(packages: &[InstalledPackage], asked: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut providers: BTreeMap<String, &Record> = BTreeMap::new();
    for package in packages {
        for provide in &package.record.provides {
            providers.entry(provide.name.to_string()).or_insert(&package.record);
        }
    }
    // A package's own name counts more than what others provide.
    for package in packages {
        providers.insert(package.record.name.to_string(), &package.record);
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<(&Record, Vec<String>)> =
        asked.iter().filter_map(|name| Some((*providers.get(name)?, Vec::new()))).collect();
    while !open.is_empty() {
        let mut next = Vec::new();
        for (record, mut path) in open {
            if !seen.insert(record.name.as_str()) {
                continue;
            }
            path.push(record.name.to_string());
            for needed in &record.depends {
                if let Some(provider) = providers.get(needed.name.as_str()) {
                    next.push((*provider, path.clone()));
                }
            }
            found.insert(record.name.to_string(), path);
        }
        open = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_explains_a_package() {
        let database = "P:app\nV:1\nD:so:libz.so.1 tool\n\nP:tool\nV:1\nD:zlib\n\nP:zlib\nV:1\np:so:libz.so.1=1\n\nP:stray\nV:1\n\n";
        let packages = installed::parse(database).unwrap();
        let found = paths(&packages, &["app".to_owned(), "missing".to_owned()]);
        let shown: Vec<String> = found.values().map(|path| path.join(" -> ")).collect();
        assert_eq!(shown, ["app", "app -> tool", "app -> zlib"]);
    }
}
