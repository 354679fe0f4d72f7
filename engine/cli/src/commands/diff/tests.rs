//! Differences between contents that are made up.

use std::collections::BTreeMap;

use expect_test::expect;
use wiz_oci::Sha256Digest;
use wiz_oci::unpacked::{Found, FoundKind};

use super::*;
use crate::commands::contents::{Installed, LayerSize};

fn file(content: &str, mode: u32) -> Found {
    let kind = FoundKind::File { size: content.len() as u64, digest: Sha256Digest::of(content.as_bytes()) };
    Found { kind, mode, uid: 0, gid: 0, xattrs: BTreeMap::new(), layer: 0 }
}

fn image(files: &[(&str, Found)], packages: &[(&str, &str, u64)], layers: &[(&str, u64)]) -> Contents {
    let installed = |version: &str, size| Installed { version: version.to_owned(), size, path: Vec::new() };
    Contents {
        files: files.iter().map(|(path, found)| ((*path).to_owned(), found.clone())).collect(),
        packages: packages
            .iter()
            .map(|(name, version, size)| ((*name).to_owned(), installed(version, *size)))
            .collect(),
        layers: layers
            .iter()
            .map(|(text, size)| LayerSize { digest: Sha256Digest::of(text.as_bytes()), size: *size })
            .collect(),
        config: BTreeMap::from([("user".to_owned(), format!("{}", files.len()))]),
        ..Contents::default()
    }
}

#[test]
fn what_people_ask_about_is_said() {
    let link = Found { kind: FoundKind::Symlink { target: "b".to_owned() }, ..file("", 0o777) };
    let before = image(
        &[
            ("a", file("one", 0o644)),
            ("b", file("two", 0o755)),
            ("c", link.clone()),
            ("same", file("x", 0o644)),
        ],
        &[("lib", "1-r0", 100), ("old", "1-r0", 7)],
        &[("1", 1000), ("2", 200)],
    );
    let moved = Found { kind: FoundKind::Symlink { target: "a".to_owned() }, ..link };
    let owned = Found { uid: 7, ..file("three", 0o644) };
    let after = image(
        &[
            ("a", owned),
            ("b", file("owt", 0o4755)),
            ("c", moved),
            ("d", file("", 0o644)),
            ("same", Found { layer: 3, ..file("x", 0o644) }),
        ],
        &[("lib", "2-r0", 3100), ("new", "1-r0", 5)],
        &[("1", 1000), ("3", 300)],
    );
    expect![[r"
        packages
          ~ lib  1-r0 -> 2-r0  +3.0 kB
          + new  1-r0  +5 B
          - old  1-r0  -7 B
        configuration
          ~ user: 4 -> 5
        files with more rights than their user
          ~ /b  other bytes, mode 0755 -> 4755
        files
          ~ /a  +2 B, owner 0:0 -> 7:0
          ~ /b  other bytes, mode 0755 -> 4755
          ~ /c  leads to a instead of b
          + /d  0644 0 B
        size
          unpacked    7 B -> 9 B  +2 B
          compressed  1.2 kB -> 1.3 kB  +100 B
          pulled anew  300 B of 1.3 kB in 1 of 2 layers
    "]]
    .assert_eq(&report::text(&before, &after, &between(&before, &after), false));
}

#[test]
fn the_same_does_not_differ() {
    let image = || image(&[("a", file("one", 0o644))], &[("lib", "1-r0", 100)], &[("1", 1000)]);
    let difference = between(&image(), &image());
    assert!(difference.is_empty(), "{difference:?}");
    assert_eq!(report::text(&image(), &image(), &difference, false), "");
}
