//! A damaged, emptied or read-only cache costs time, never correctness.

use std::fs;
use std::path::{Path, PathBuf};

use wiz_graph::Action;

use crate::workspace::{Workspace, run};

fn actions() -> Vec<Action> {
    vec![
        run("a", "cat <a.c> <a.c> >out"),
        run("b", "cat <:a> <:a> >out"),
        run("image", "cat <:b> <a.c> >out"),
    ]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Builds, has `damage` done to the files of a part of the cache one after the other, and
/// builds each time.
fn survive(part: &str, damage: fn(&Path)) {
    let workspace = Workspace::new();
    workspace.write("a.c", "abc");
    let expected = workspace.build(actions(), "image").text();
    let folder = workspace.cache().join("v1-blake3").join(part);
    for file in files(&folder) {
        if !file.exists() {
            continue;
        }
        damage(&file);
        let built = workspace.build(actions(), "image");
        assert!(built.outcome.succeeded(), "{}: {}", file.display(), built.failure());
        assert_eq!(built.text(), expected, "{}", file.display());
    }
}

fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

/// Writes over a file without changing its length.
fn scribble(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes.iter_mut().for_each(|byte| *byte = !*byte);
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
}

#[test]
fn blobs_may_vanish() {
    survive("blobs", remove);
}

#[test]
fn blobs_may_rot() {
    survive("blobs", scribble);
}

#[test]
fn results_may_vanish_or_rot() {
    survive("results", remove);
    survive("results", scribble);
}

#[test]
fn expanded_trees_may_be_tampered_with() {
    survive("trees", scribble);
}

#[test]
fn all_blobs_at_once_may_vanish() {
    let workspace = Workspace::new();
    workspace.write("a.c", "abc");
    let expected = workspace.build(actions(), "image").text();
    for part in ["blobs", "trees"] {
        let folder = workspace.cache().join("v1-blake3").join(part);
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
    }
    let built = workspace.build(actions(), "image");
    assert!(built.outcome.succeeded(), "{}", built.failure());
    assert_eq!(built.text(), expected);
}
