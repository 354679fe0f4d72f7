//! Tidy: the rules of the code that no compiler checks. Crate levels, sizes of
//! files and functions, opening comments, formatting, documented rules, and no
//! host of a package registry anywhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod layers;
mod rust_sources;
mod starlark_sources;
mod texts;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's top folder.
fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("engine/cli lies two folders below the top").to_owned()
}

/// All files git knows or would add, with one of the endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output()
        .expect("git runs in a checkout");
    assert!(list.status.success(), "git ls-files: {}", String::from_utf8_lossy(&list.stderr));
    let text = String::from_utf8(list.stdout).expect("paths are UTF-8");
    let wanted = |path: &&str| endings.is_empty() || endings.iter().any(|ending| path.ends_with(ending));
    let mut files: Vec<_> = text.lines().filter(wanted).map(|path| repository().join(path)).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files.dedup();
    files
}

/// Fails with every finding, one a line.
#[track_caller]
fn assert_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}

/// A path as people write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

#[test]
fn rust_is_formatted() {
    let check = Command::new(env!("CARGO"))
        .args(["fmt", "--all", "--check"])
        .current_dir(repository())
        .output()
        .expect("cargo fmt runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
