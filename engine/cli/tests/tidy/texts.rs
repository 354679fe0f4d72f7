//! All text of the repository: no host of a package registry, nothing left over.

use std::fs;

use super::{assert_none, files, shown};

/// Hosts and their parts that stand for a package registry, split so that this file does not hold them.
const REGISTRIES: [(&str, &str); 9] = [
    ("deb.debian", ".org"),
    ("ftp.debian", ".org"),
    ("snapshot.debian", ".org"),
    ("security.debian", ".org"),
    ("static.crates", ".io"),
    ("index.crates", ".io"),
    ("files.pythonhosted", ".org"),
    ("registry.npmjs", ".org"),
    ("proxy.golang", ".org"),
];

#[test]
fn no_registry_is_named() {
    let mut findings = Vec::new();
    for path in files(&[]) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (start, end) in REGISTRIES {
            if text.contains(&format!("{start}{end}")) {
                findings.push(format!("{}: {start}{end}", shown(&path)));
            }
        }
    }
    assert_none("hosts of package registries", &findings);
}

#[test]
fn nothing_is_left_over() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("#[", "ignore")];
    let mut findings = Vec::new();
    for path in files(&[".rs", ".star", ".sh"]) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                findings.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    assert_none("work left over in the code", &findings);
}
