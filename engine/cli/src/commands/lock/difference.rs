//! How two states of a lock file differ, package by package, for people. Unaware of which
//! of the two is right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::file::{Pin, PinnedList};

/// One line for each package that differs; says so if only the writing does.
pub(super) fn between(before: &[PinnedList], after: &[PinnedList]) -> String {
    let (before, after) = (by_name(before), by_name(after));
    let mut text = String::new();
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (list, name) = key;
        let _ = match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) if old.version != new.version => {
                writeln!(text, "  {list}: {name} {} -> {}", old.version, new.version)
            }
            (Some(old), Some(new)) if old != new => {
                writeln!(text, "  {list}: {name} {}: {}", new.version, changed(old, new))
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
            (Some(old), None) => writeln!(text, "  {list}: - {name} {}", old.version),
            (None, Some(new)) => writeln!(text, "  {list}: + {name} {}", new.version),
        };
    }
    if text.is_empty() { "  the same packages, written otherwise\n".to_owned() } else { text }
}

type Key<'a> = (&'a str, &'a str);

fn by_name(lists: &[PinnedList]) -> BTreeMap<Key<'_>, &Pin> {
    lists
        .iter()
        .flat_map(|list| list.packages.iter().map(|pin| ((list.name.as_str(), pin.name.as_str()), pin)))
        .collect()
}

/// The same version, and not the same file.
fn changed(old: &Pin, new: &Pin) -> String {
    let mut fields = Vec::new();
    if old.size != new.size {
        fields.push(format!("size {} -> {}", old.size, new.size));
    }
    if old.path != new.path {
        fields.push(format!("path {} -> {}", old.path, new.path));
    }
    if old.sha256 != new.sha256 {
        fields.push(format!("SHA-256 {} -> {}", old.sha256, new.sha256));
    }
    fields.join(", ")
}
