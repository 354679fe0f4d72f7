//! The crates of a `Cargo.lock`: that of an archive, or the workspace's own. Only crates of
//! a registry can be pinned; those of the archive itself are left out. Unaware of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use wiz_exec::fetch::Request as Fetch;

use super::archive::{Archive, fetch_error};
use super::file::{Pin, PinnedList};
use super::request::{CargoRequest, Request};
use crate::error::{CliError, Kind};

/// Longest `Cargo.lock` that is read, in bytes.
const LONGEST: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
struct CargoLock {
    #[serde(default, rename = "package")]
    packages: Vec<Package>,
}

/// See "Cargo.lock" in the Cargo book; fields that are not needed are passed over.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The crates that a package's lock file lists, as `CRATES`.
///
/// # Errors
/// If there is no `Cargo.lock` to be had, or it names what no registry has.
pub(super) fn list(
    archive: &Archive<'_>,
    request: &Request,
    cargo: &CargoRequest,
) -> Result<PinnedList, CliError> {
    let wrong = |message: String| {
        let message = format!("`Cargo.lock` of `{}`: {message}", request.label);
        CliError::new(Kind::User, "WIZ2206", message)
    };
    let text = match &*cargo.urls {
        [] => {
            fs::read_to_string(archive.root.join("Cargo.lock")).map_err(|error| wrong(error.to_string()))?
        }
        urls => {
            let wanted = Fetch { urls, sha256: &cargo.sha256, size: None };
            let digest = archive.fetcher.fetch(&wanted, archive.cancel, &|_, _| {});
            let digest = digest.map_err(|error| fetch_error(&error))?;
            let bytes = archive.fetcher.read(&digest).map_err(|error| wrong(error.to_string()))?;
            packed(&bytes).map_err(|error| wrong(error.to_string()))?.ok_or_else(|| {
                wrong("the archive has none".to_owned())
                    .hint("crates with programs have one; libraries need not")
            })?
        }
    };
    let lock: CargoLock = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    let packages = pins(&lock, &cargo.roots, &cargo.without).map_err(wrong)?;
    let doc = "Crates by name and version, as its Cargo.lock has them.".to_owned();
    Ok(PinnedList { name: "CRATES".to_owned(), doc, packages })
}

/// The `Cargo.lock` in the first folder of a compressed archive.
fn packed(bytes: &[u8]) -> std::io::Result<Option<String>> {
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(bytes));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        if path.file_name().is_some_and(|name| name == "Cargo.lock") && depth(&path) == 2 {
            let mut text = String::new();
            entry.take(LONGEST).read_to_string(&mut text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn depth(path: &Path) -> usize {
    path.components().count()
}

/// What of the lock file comes from a registry, ordered by name and version.
fn pins(lock: &CargoLock, roots: &BTreeSet<String>, without: &BTreeSet<String>) -> Result<Vec<Pin>, String> {
    let wanted = closure(lock, roots, without)?;
    let mut pins = Vec::new();
    for package in &lock.packages {
        let Some(source) = &package.source else { continue };
        if !wanted.contains(&(&package.name, &package.version)) {
            continue;
        }
        let (name, version) = (package.name.clone(), package.version.clone());
        match &package.checksum {
            Some(sha256) if source.starts_with("registry+") || source.starts_with("sparse+") => {
                pins.push(Pin { name, version, size: None, path: None, sha256: sha256.clone() });
            }
            _ => return Err(format!("`{name}` {version} comes from `{source}`, which is no registry")),
        }
    }
    pins.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(pins)
}

/// The packages that `roots` need, with themselves, and not those in `without`; all if there are
/// no roots.
fn closure<'a>(
    lock: &'a CargoLock,
    roots: &BTreeSet<String>,
    without: &BTreeSet<String>,
) -> Result<BTreeSet<(&'a String, &'a String)>, String> {
    let identity = |package: &'a Package| (&package.name, &package.version);
    if roots.is_empty() {
        return Ok(lock.packages.iter().map(identity).collect());
    }
    let mut named: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lock.packages {
        named.entry(&package.name).or_default().push(package);
    }
    let mut open = Vec::new();
    for root in roots {
        open.extend(named.get(root.as_str()).ok_or_else(|| format!("there is no package `{root}`"))?);
    }
    let mut found = BTreeSet::new();
    while let Some(package) = open.pop() {
        if !found.insert(identity(package)) {
            continue;
        }
        for dependency in &package.dependencies {
            // `name`, or `name version` where there are several.
            let mut words = dependency.split(' ');
            let (name, version) = (words.next().unwrap_or_default(), words.next());
            let all = named.get(name).into_iter().flatten().filter(|_| !without.contains(name));
            open.extend(all.filter(|package| version.is_none_or(|version| package.version == version)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "own"
        version = "0.1.0"
        dependencies = ["a 2.0.0"]
        [[package]]
        name = "other"
        version = "0.1.0"
        dependencies = ["a 1.0.0"]
        [[package]]
        name = "a"
        version = "2.0.0"
        source = "registry+https://index.test"
        checksum = "aa"
        dependencies = ["b"]
        [[package]]
        name = "a"
        version = "1.0.0"
        source = "registry+https://index.test"
        checksum = "ab"
        [[package]]
        name = "b"
        version = "1.0.0"
        source = "sparse+https://index.test"
        checksum = "ba"
    "#;

    fn shown(lock: &str, roots: &[&str], without: &[&str]) -> String {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match pins(&toml::from_str(lock).unwrap(), &set(roots), &set(without)) {
            Ok(pins) => {
                pins.iter().map(|pin| format!("{} {} {}\n", pin.name, pin.version, pin.sha256)).collect()
            }
            Err(message) => format!("{message}\n"),
        }
    }

    #[test]
    fn crates_of_registries_are_pinned() {
        expect![[r#"
            a 1.0.0 ab
            a 2.0.0 aa
            b 1.0.0 ba
        "#]]
        .assert_eq(&shown(LOCK, &[], &[]));
    }

    #[test]
    fn roots_bring_what_they_need() {
        expect![[r#"
            a 2.0.0 aa
            b 1.0.0 ba
        "#]]
        .assert_eq(&shown(LOCK, &["own"], &[]));
        expect![[r#"
            a 2.0.0 aa
        "#]]
        .assert_eq(&shown(LOCK, &["own"], &["b"]));
        expect![[r#"
            there is no package `missing`
        "#]]
        .assert_eq(&shown(LOCK, &["missing"], &[]));
    }

    #[test]
    fn a_repository_is_no_registry() {
        let lock = LOCK.replace("sparse+https://index.test", "git+https://git.test/b#1234");
        expect![[r#"
            `b` 1.0.0 comes from `git+https://git.test/b#1234`, which is no registry
        "#]]
        .assert_eq(&shown(&lock, &[], &[]));
    }
}
