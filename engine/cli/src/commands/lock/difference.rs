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
        let (old, new) = (before.get(key), after.get(key));
        match (old.map_or(&[][..], |pins| pins), new.map_or(&[][..], |pins| pins)) {
            ([old], [new]) if old.version != new.version => {
                let _ = writeln!(text, "  {list}: {name} {} -> {}", old.version, new.version);
            }
            ([old], [new]) if old != new => {
                let _ = writeln!(text, "  {list}: {name} {}: {}", new.version, changed(old, new));
            }
            (old, new) => {
                for pin in old.iter().filter(|pin| !new.contains(pin)) {
                    let _ = writeln!(text, "  {list}: - {name} {}", pin.version);
                }
                for pin in new.iter().filter(|pin| !old.contains(pin)) {
                    let _ = writeln!(text, "  {list}: + {name} {}", pin.version);
                }
            }
        }
    }
    if text.is_empty() { "  the same packages, written otherwise\n".to_owned() } else { text }
}

type Key<'a> = (&'a str, &'a str);

/// The packages of all lists; of crates there may be several versions.
fn by_name(lists: &[PinnedList]) -> BTreeMap<Key<'_>, Vec<&Pin>> {
    let mut named: BTreeMap<Key<'_>, Vec<&Pin>> = BTreeMap::new();
    for list in lists {
        for pin in &list.packages {
            named.entry((list.name.as_str(), pin.name.as_str())).or_default().push(pin);
        }
    }
    named
}

/// The same version, and not the same file.
fn changed(old: &Pin, new: &Pin) -> String {
    let mut fields = Vec::new();
    if old.size != new.size {
        let size = |pin: &Pin| pin.size.map_or("unknown".to_owned(), |size| size.to_string());
        fields.push(format!("size {} -> {}", size(old), size(new)));
    }
    if old.path != new.path {
        let path = |pin: &Pin| pin.path.clone().unwrap_or_else(|| "unknown".to_owned());
        fields.push(format!("path {} -> {}", path(old), path(new)));
    }
    if old.sha256 != new.sha256 {
        fields.push(format!("SHA-256 {} -> {}", old.sha256, new.sha256));
    }
    fields.join(", ")
}
