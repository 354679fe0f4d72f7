//! `wiz update`: newer versions of packages' sources, by the index of the archive that `debian:`
//! stands for. Rewrites version, digest and size in the definitions, and nothing else.

use std::collections::BTreeMap;
use std::fs;

use wiz_apk::Version;
use wiz_base::{Diagnostic, RelPath, TargetPattern};
use wiz_debian::Sources;
use wiz_graph::{AnalyzedTarget, Value};

use super::lock::archive::Archive;
use super::lock::pattern;
use crate::arguments::{BuildOptions, Update};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::interrupt::cancelled_by_signal;
use crate::output;
use crate::session::Session;

mod rewrite;
mod upstream;

use upstream::{Newer, Source};

/// Finds and writes what is newer.
///
/// # Errors
/// If definitions are wrong, the index cannot be had, or a definition cannot be rewritten.
pub(crate) fn run(config: &Config, update: &Update) -> Result<(), CliError> {
    let session = Session::open(config, &BuildOptions::default())?;
    let packages = packages(config, &session, &update.packages)?;
    let fetcher = session.fetcher()?;
    let cancel = cancelled_by_signal()?;
    let archive = Archive { fetcher: &fetcher, cancel: &cancel, root: session.root() };
    let sources = archive.sources(&update.suite)?;
    let mut untold: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
    let (mut current, mut failed) = (0, Vec::new());
    for package in &packages {
        match newer(package, &sources) {
            Err(reason) => untold.entry(reason).or_default().push(&package.name),
            Ok(None) => current += 1,
            // What cannot be had is not written down: a mirror may know of it and lack it.
            Ok(Some(newer)) if !update.dry_run && !archive.has(&newer.url, &newer.sha256, newer.size)? => {
                output::note(&format!(
                    "{} {} is in the index and cannot be had",
                    package.name, newer.version
                ));
            }
            Ok(Some(newer)) => match write(&session, package, &newer, update.dry_run) {
                Ok(file) => {
                    output::result(&format!(
                        "{}\t{}\t{}\t{file}",
                        package.name, package.version, newer.version
                    ));
                }
                Err(diagnostic) => failed.push(*diagnostic),
            },
        }
    }
    output::note(&format!("{current} of {} packages are as new as `{}`", packages.len(), update.suite));
    for (reason, names) in untold {
        output::note(&format!("not told, for {reason}: {}", names.join(" ")));
    }
    if failed.is_empty() { Ok(()) } else { Err(CliError::several(Kind::User, failed)) }
}

/// A package that may have a newer version.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    name: String,
    /// Upstream's version.
    version: String,
    /// The definition.
    file: RelPath,
    sources: Vec<Source>,
}

/// The packages that others are split from, among those that are named.
fn packages(config: &Config, session: &Session<'_>, named: &[String]) -> Result<Vec<Package>, CliError> {
    let mut patterns = named
        .iter()
        .map(|text| pattern(&config.directory, session.root(), text))
        .collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() {
        patterns.push(TargetPattern::Recursive(RelPath::root()));
    }
    let built = session.analyse(&patterns)?;
    let packages: Vec<Package> = built.requested().filter_map(package).collect();
    if packages.is_empty() {
        return Err(CliError::new(Kind::User, "WIZ2210", "none of these targets is a package")
            .hint("name packages, patterns of them such as `//pkgs/...`, or their folders"));
    }
    Ok(packages)
}

fn package(target: &AnalyzedTarget) -> Option<Package> {
    let packed = target.provider("PackageInfo")?.fields.get("packed")?;
    let (name, version) = (text(packed, "name")?, text(packed, "version")?);
    if text(packed, "origin").is_some_and(|origin| !origin.is_empty() && origin != name) {
        return None;
    }
    let version = version.rsplit_once("-r").map_or(version, |(version, _)| version);
    let source = |archive: &Value| {
        let urls = list(archive, "urls")?.iter().filter_map(|url| match url {
            Value::String(url) => Some(url.clone()),
            _ => None,
        });
        Some(Source { urls: urls.collect(), sha256: text(archive, "sha256")?.to_owned() })
    };
    let sources = list(member(packed, "source")?, "archives")?.iter().filter_map(source).collect();
    let file = target.id.label.package().join(&RelPath::new("BUILD.star").ok()?);
    Some(Package { name: name.to_owned(), version: version.to_owned(), file, sources })
}

/// A field of something that has fields.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Dict(fields) | Value::Struct(fields) => {
            fields.iter().find_map(|(known, value)| (known == name).then_some(value))
        }
        Value::Provider(provider) => provider.fields.get(name),
        _ => None,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    match member(value, name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn list<'v>(value: &'v Value, name: &str) -> Option<&'v [Value]> {
    match member(value, name)? {
        Value::List(items) => Some(items),
        _ => None,
    }
}

/// The newest version that is newer; why that cannot be told, otherwise.
fn newer(package: &Package, sources: &Sources) -> Result<Option<Newer>, &'static str> {
    let Some((first, _)) = package.sources.split_first() else { return Err("they have no source") };
    let newest = upstream::newest(first, &package.version, sources)?;
    let current: Version = package.version.parse().map_err(|_| "their versions cannot be compared")?;
    Ok(newest.filter(|newest| newest.parsed.compare(&current).is_gt()))
}

/// Writes a newer version into the definition, unless it is only to be said; returns the file.
fn write(
    session: &Session<'_>,
    package: &Package,
    newer: &Newer,
    dry_run: bool,
) -> Result<String, Box<Diagnostic>> {
    let file = package.file.to_string();
    let place = session.root().join(&file);
    let failed = |message: String, hint: &str| Box::new(Diagnostic::error("WIZ2211", message).hint(hint));
    let text = fs::read_to_string(&place)
        .map_err(|error| failed(format!("`{file}` cannot be read: {error}"), "is it a file?"))?;
    let source = &package.sources[0];
    let rewritten = rewrite::rewritten(&text, &package.version, source, newer).map_err(|what| {
        let message = format!("`{file}` has no {what}, so {} cannot be written into it", newer.version);
        failed(
            message,
            "versions and digests are rewritten where they stand as they are, in the package's own file",
        )
    })?;
    if !dry_run {
        let temporary = place.with_extension("star.new");
        fs::write(&temporary, rewritten).and_then(|()| fs::rename(&temporary, &place)).map_err(|error| {
            failed(format!("`{file}` cannot be written: {error}"), "is the folder writable?")
        })?;
    }
    Ok(file)
}
