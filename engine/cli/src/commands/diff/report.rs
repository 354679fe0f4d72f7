//! A difference as lines for people, and as a document.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wiz_oci::unpacked::{Found, FoundKind};

use super::{Change, Contents, Difference};
use crate::config::Size;

/// How many files are shown of a difference unless all are asked for.
const SHOWN_FILES: usize = 40;

/// Lines with `-` for what only the first has, `+` for the second, `~` for what both have.
pub(super) fn text(before: &Contents, after: &Contents, difference: &Difference, all: bool) -> String {
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "{title}");
            lines.iter().for_each(|line| {
                let _ = writeln!(text, "  {}", line.trim_end());
            });
        }
    };
    section("packages", packages(difference));
    section(
        "configuration",
        difference.config.iter().map(|change| shown(change, |value| value.clone())).collect(),
    );
    let privileged = difference.files.iter().filter(|change| is_privileged(change));
    section("files with more rights than their user", privileged.map(file).collect());
    let mut files: Vec<String> = difference.files.iter().map(file).collect();
    if !all && files.len() > SHOWN_FILES {
        let hidden = files.len() - SHOWN_FILES;
        files.truncate(SHOWN_FILES);
        files.push(format!("and {hidden} more: --all shows them"));
    }
    section("files", files);
    section("size", sizes(before, after, difference));
    text
}

fn packages(difference: &Difference) -> Vec<String> {
    let width = difference.packages.iter().map(|change| change.name.len()).max().unwrap_or(0);
    let line = |change: &Change<super::PackageSide>| {
        let (name, size) =
            (&change.name, |side: &Option<super::PackageSide>| side.as_ref().map_or(0, |side| side.size));
        let grown = growth(size(&change.before), size(&change.after));
        match (&change.before, &change.after) {
            (Some(old), Some(new)) if old.version == new.version => {
                format!("~ {name:<width$}  {}  {grown}", new.version)
            }
            (Some(old), Some(new)) => {
                format!("~ {name:<width$}  {} -> {}  {grown}", old.version, new.version)
            }
            (Some(old), None) => format!("- {name:<width$}  {}  {grown}", old.version),
            (_, new) => {
                let version = new.as_ref().map_or("", |new| new.version.as_str());
                format!("+ {name:<width$}  {version}  {grown}")
            }
        }
    };
    difference.packages.iter().map(line).collect()
}

fn shown<T>(change: &Change<T>, value: impl Fn(&T) -> String) -> String {
    let name = &change.name;
    match (&change.before, &change.after) {
        (Some(old), Some(new)) => format!("~ {name}: {} -> {}", value(old), value(new)),
        (Some(old), None) => format!("- {name}: {}", value(old)),
        (None, Some(new)) => format!("+ {name}: {}", value(new)),
        (None, None) => String::new(),
    }
}

/// Says of a file that both have only what differs.
fn file(change: &Change<Found>) -> String {
    let path = format!("/{}", change.name);
    match (&change.before, &change.after) {
        (Some(old), Some(new)) => format!("~ {path}  {}", file_changes(old, new).join(", ")),
        (Some(old), None) => format!("- {path}  {}", described(old)),
        (_, new) => format!("+ {path}  {}", new.as_ref().map(described).unwrap_or_default()),
    }
}

fn described(found: &Found) -> String {
    let owner = if (found.uid, found.gid) == (0, 0) {
        String::new()
    } else {
        format!(" {}:{}", found.uid, found.gid)
    };
    match &found.kind {
        FoundKind::File { size, .. } => format!("{:04o}{owner} {}", found.mode, Size(*size)),
        FoundKind::Directory => format!("folder {:04o}{owner}", found.mode),
        FoundKind::Symlink { target } => format!("-> {target}"),
        FoundKind::Special => "device".to_owned(),
    }
}

fn file_changes(old: &Found, new: &Found) -> Vec<String> {
    let mut changes = Vec::new();
    match (&old.kind, &new.kind) {
        (before, after) if before == after => {}
        (FoundKind::File { size: before, .. }, FoundKind::File { size: after, .. }) => {
            changes.push(if before == after { "other bytes".to_owned() } else { growth(*before, *after) });
        }
        (FoundKind::Symlink { target: before }, FoundKind::Symlink { target: after }) => {
            changes.push(format!("leads to {after} instead of {before}"));
        }
        _ => changes.push(format!("{} instead of {}", described(new), described(old))),
    }
    if old.mode != new.mode {
        changes.push(format!("mode {:04o} -> {:04o}", old.mode, new.mode));
    }
    if (old.uid, old.gid) != (new.uid, new.gid) {
        changes.push(format!("owner {}:{} -> {}:{}", old.uid, old.gid, new.uid, new.gid));
    }
    if old.xattrs != new.xattrs {
        changes.push("other extended attributes".to_owned());
    }
    changes
}

fn is_privileged(change: &Change<Found>) -> bool {
    let rights = |side: &Option<Found>| {
        side.as_ref().filter(|found| found.is_privileged()).map(|found| (found.mode, found.xattrs.clone()))
    };
    rights(&change.before) != rights(&change.after)
}

fn sizes(before: &Contents, after: &Contents, difference: &Difference) -> Vec<String> {
    let change = |name: &str, old: u64, new: u64| {
        format!("{name}  {} -> {}  {}", Size(old), Size(new), growth(old, new))
    };
    let mut lines = Vec::new();
    if before.unpacked() != after.unpacked() {
        lines.push(change("unpacked  ", before.unpacked(), after.unpacked()));
    }
    if before.compressed() != after.compressed() {
        lines.push(change("compressed", before.compressed(), after.compressed()));
    }
    if difference.pulled.0 > 0 {
        let (layers, bytes) = difference.pulled;
        lines.push(format!(
            "pulled anew  {} of {} in {layers} of {} layers",
            Size(bytes),
            Size(after.compressed()),
            after.layers.len()
        ));
    }
    lines
}

fn growth(before: u64, after: u64) -> String {
    if after >= before { format!("+{}", Size(after - before)) } else { format!("-{}", Size(before - after)) }
}

/// The whole difference, for programs.
pub(super) fn document(before: &Contents, after: &Contents, difference: &Difference) -> Value {
    let side = |contents: &Contents| json!({"name": contents.name, "unpacked": contents.unpacked(), "compressed": contents.compressed()});
    let package = |side: &Option<super::PackageSide>| {
        side.as_ref().map(|side| json!({"version": side.version, "size": side.size}))
    };
    let packages = difference.packages.iter().map(|change| {
        json!({"name": change.name, "before": package(&change.before), "after": package(&change.after)})
    });
    let config = difference
        .config
        .iter()
        .map(|change| json!({"name": change.name, "before": change.before, "after": change.after}));
    let files = difference.files.iter().map(|change| {
        json!({
            "path": change.name,
            "before": change.before.as_ref().map(file_document),
            "after": change.after.as_ref().map(file_document),
        })
    });
    json!({
        "before": side(before),
        "after": side(after),
        "packages": packages.collect::<Vec<_>>(),
        "configuration": config.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "pulled": {"layers": difference.pulled.0, "bytes": difference.pulled.1},
    })
}

fn file_document(found: &Found) -> Value {
    let mut document = json!({
        "mode": format!("{:04o}", found.mode),
        "uid": found.uid,
        "gid": found.gid,
        "privileged": found.is_privileged(),
    });
    let kind = match &found.kind {
        FoundKind::File { size, digest } => {
            document["size"] = json!(size);
            document["digest"] = json!(digest.to_string());
            "file"
        }
        FoundKind::Directory => "directory",
        FoundKind::Symlink { target } => {
            document["target"] = json!(target);
            "symlink"
        }
        FoundKind::Special => "special",
    };
    document["kind"] = json!(kind);
    document
}
