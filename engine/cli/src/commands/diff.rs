//! `wiz diff`: how two images or packages differ, in what people ask about: packages, how it is
//! run, files, who runs them with more rights, and what has to be pulled again.

use std::collections::BTreeSet;

use wiz_oci::unpacked::{Found, FoundKind};

use super::contents::{self, Contents};
use crate::arguments::Diff;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;

mod report;

/// Everything that differs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Difference {
    packages: Vec<Change<PackageSide>>,
    config: Vec<Change<String>>,
    files: Vec<Change<Found>>,
    /// Layers of the second that the first lacks: their number, and their bytes.
    pulled: (usize, u64),
}

/// Something that one of the two has, or both have in another form.
#[derive(Debug, PartialEq, Eq)]
struct Change<T> {
    name: String,
    before: Option<T>,
    after: Option<T>,
}

/// What of a package is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PackageSide {
    version: String,
    size: u64,
}

/// Prints how the second differs from the first.
///
/// # Errors
/// If one of them cannot be read; with `--exit-code`, if they differ.
pub(crate) fn run(config: &Config, diff: &Diff) -> Result<(), CliError> {
    let before = contents::open(config, &diff.options, &diff.before)?;
    let after = contents::open(config, &diff.options, &diff.after)?;
    let difference = between(&before, &after);
    if diff.json {
        output::result(&report::document(&before, &after, &difference).to_string());
    } else {
        output::results(&report::text(&before, &after, &difference, diff.all));
    }
    if diff.exit_code && !difference.is_empty() {
        return Err(CliError::shown(Kind::Failed));
    }
    Ok(())
}

impl Difference {
    /// Whether nothing that is compared differs.
    fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.config.is_empty() && self.files.is_empty() && self.pulled.0 == 0
    }
}

fn between(before: &Contents, after: &Contents) -> Difference {
    let side = |contents: &Contents, name: &String| {
        let package = contents.packages.get(name)?;
        Some(PackageSide { version: package.version.clone(), size: package.size })
    };
    let known: BTreeSet<_> = before.layers.iter().map(|layer| layer.digest).collect();
    let fresh: Vec<u64> =
        after.layers.iter().filter(|layer| !known.contains(&layer.digest)).map(|layer| layer.size).collect();
    Difference {
        packages: changes(before.packages.keys().chain(after.packages.keys()), |name| {
            (side(before, name), side(after, name))
        }),
        config: changes(before.config.keys().chain(after.config.keys()), |name| {
            (before.config.get(name).cloned(), after.config.get(name).cloned())
        }),
        files: changes(before.files.keys().chain(after.files.keys()), |path| {
            (before.files.get(path).map(compared), after.files.get(path).map(compared))
        }),
        pulled: (fresh.len(), fresh.iter().sum()),
    }
}

/// A file without what says nothing of the file itself.
fn compared(found: &Found) -> Found {
    let mode = if matches!(found.kind, FoundKind::Symlink { .. }) { 0o777 } else { found.mode };
    Found { layer: 0, mode, ..found.clone() }
}

/// The names whose two sides differ, sorted.
fn changes<'a, T: PartialEq>(
    names: impl Iterator<Item = &'a String>,
    sides: impl Fn(&String) -> (Option<T>, Option<T>),
) -> Vec<Change<T>> {
    let names: BTreeSet<&String> = names.collect();
    let change = |name: &String| {
        let (before, after) = sides(name);
        (before != after).then(|| Change { name: name.clone(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests;
