//! The canonical form of a root: everything of the system under `/usr`, link
//! targets relative. Works on names alone. Unaware of files on disk.

use std::collections::BTreeMap;

use wiz_base::RelPath;

use super::CaptureError;
use super::oddity::{Oddity, OddityKind};
use super::scan::Entry;

/// Folders that are links into `/usr` in every root.
const ALIASES: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

type Entries = BTreeMap<String, Entry>;

/// Moves and rewrites, and returns the targets of links as they were.
pub(super) fn canonicalise(
    mut root: Entries,
    keep_aliases: bool,
) -> Result<(Entries, BTreeMap<RelPath, String>), CaptureError> {
    let mut originals = BTreeMap::new();
    relativise(&mut root, &[], &mut originals);
    for alias in ALIASES {
        let Some(entry) = root.remove(alias) else { continue };
        match entry {
            Entry::Symlink(target) if target == format!("usr/{alias}") => {
                if keep_aliases {
                    root.insert(alias.to_owned(), Entry::Symlink(target));
                } else {
                    originals.remove(alias);
                }
            }
            Entry::Directory(children) => {
                let usr = root.entry("usr".to_owned()).or_insert_with(|| Entry::Directory(Entries::new()));
                let Entry::Directory(usr) = usr else {
                    return Err(CaptureError::Alias { path: rel_path(&["usr"]) });
                };
                let moved = Entries::from([(alias.to_owned(), Entry::Directory(children))]);
                unite(usr, moved, &mut Vec::new(), alias)?;
            }
            _ => return Err(CaptureError::Alias { path: rel_path(&[alias]) }),
        }
    }
    Ok((root, originals))
}

/// Gives an oddity the paths that the canonical tree has.
pub(super) fn canonicalise_oddity(oddity: &mut Oddity) {
    oddity.path = canonical_path(&oddity.path);
    if let OddityKind::HardLink { to } = &mut oddity.kind {
        *to = canonical_path(to);
    }
}

fn canonical_path(path: &RelPath) -> RelPath {
    let segments: Vec<&str> = path.segments().collect();
    rel_path(&canonical(&segments))
}

/// Moves a path under `/usr` if it lies in one of the aliases.
fn canonical<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    let mut canonical = segments.to_vec();
    if segments.first().is_some_and(|first| ALIASES.contains(first)) {
        canonical.insert(0, "usr");
    }
    canonical
}

/// Rewrites the links below `folder`, which is a path before anything is moved.
fn relativise(entries: &mut Entries, folder: &[&str], originals: &mut BTreeMap<RelPath, String>) {
    for (name, entry) in entries {
        match entry {
            Entry::File { .. } => {}
            Entry::Directory(children) => {
                let path: Vec<&str> = folder.iter().copied().chain([name.as_str()]).collect();
                relativise(children, &path, originals);
            }
            Entry::Symlink(target) => {
                if let Some(relative) = relative_target(folder, target)
                    && relative != *target
                {
                    let mut path = canonical(folder);
                    path.push(name);
                    originals.insert(rel_path(&path), std::mem::replace(target, relative));
                }
            }
        }
    }
}

/// The target seen from the link's canonical folder; `None` if neither the link nor
/// the target moves and the target is relative already.
fn relative_target(folder: &[&str], target: &str) -> Option<String> {
    let absolute = target.starts_with('/');
    let mut resolved: Vec<&str> = if absolute { Vec::new() } else { folder.to_vec() };
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                resolved.pop();
            }
            name => resolved.push(name),
        }
    }
    let moves = |path: &[&str]| path.first().is_some_and(|first| ALIASES.contains(first));
    if !absolute && !moves(folder) && !moves(&resolved) {
        return None;
    }
    let (from, to) = (canonical(folder), canonical(&resolved));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut steps = vec![".."; from.len() - shared];
    steps.extend(&to[shared..]);
    Some(if steps.is_empty() { ".".to_owned() } else { steps.join("/") })
}

/// Adds what was in an alias folder to the folder below `/usr`.
fn unite(
    into: &mut Entries,
    from: Entries,
    at: &mut Vec<String>,
    alias: &'static str,
) -> Result<(), CaptureError> {
    for (name, entry) in from {
        at.push(name.clone());
        match (into.get_mut(&name), entry) {
            (None, entry) => {
                into.insert(name, entry);
            }
            (Some(Entry::Directory(into)), Entry::Directory(from)) => unite(into, from, at, alias)?,
            (Some(_), _) => {
                let moved: Vec<&str> = at.iter().map(String::as_str).collect();
                let first = rel_path(&[&["usr"], &moved[..]].concat());
                return Err(CaptureError::Collision { first, second: rel_path(&moved), alias });
            }
        }
        at.pop();
    }
    Ok(())
}

/// A path of segments that were read from directories or validated before.
fn rel_path(segments: &[&str]) -> RelPath {
    RelPath::new(&segments.join("/")).expect("segments come from a scan, which validates them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn targets_become_relative_to_where_the_link_ends_up() {
        let cases = [
            ("", "/usr/bin"),
            ("", "/"),
            ("", "usr/x"),
            ("usr/lib", "/lib/libz.so.1"),
            ("usr/lib", "libz.so.1"),
            ("usr/lib", "../../lib/libz.so.1"),
            ("lib", "libz.so.1"),
            ("bin", "../usr/bin/env"),
            ("bin", "../../../../etc/alternatives/awk"),
            ("lib64", "/lib64"),
            ("etc", "/dev/null"),
            ("etc", "../run/x"),
            ("usr/share/a", "/usr/share/b/../c//d/"),
        ];
        let text: String = cases
            .iter()
            .map(|(folder, target)| {
                let segments: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
                let relative = relative_target(&segments, target);
                format!("/{folder}: {target} => {}\n", relative.as_deref().unwrap_or("as it is"))
            })
            .collect();
        expect![[r#"
            /: /usr/bin => usr/bin
            /: / => .
            /: usr/x => as it is
            /usr/lib: /lib/libz.so.1 => libz.so.1
            /usr/lib: libz.so.1 => as it is
            /usr/lib: ../../lib/libz.so.1 => libz.so.1
            /lib: libz.so.1 => libz.so.1
            /bin: ../usr/bin/env => env
            /bin: ../../../../etc/alternatives/awk => ../../etc/alternatives/awk
            /lib64: /lib64 => .
            /etc: /dev/null => ../dev/null
            /etc: ../run/x => as it is
            /usr/share/a: /usr/share/b/../c//d/ => ../c/d
        "#]]
        .assert_eq(&text);
    }
}
