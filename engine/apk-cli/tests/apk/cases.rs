//! apk-tools' own solver cases: command lines with the exact output of apk.

use std::fs;
use std::path::Path;

use crate::reference_data;
use crate::scratch::Scratch;

/// Cases in the reference data.
const AT_LEAST: usize = 80;

#[test]
fn apks_own_cases_have_apks_output() {
    let Some(folder) = reference_data::find("apk/solver") else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "test") {
            count += 1;
            let (expected, found) = run(&folder, &fs::read_to_string(&path).unwrap());
            if expected != found {
                let name = path.file_stem().unwrap().to_string_lossy();
                failures.push(format!("== {name}\n-- expected\n{expected}-- found\n{found}"));
            }
        }
    }
    failures.sort();
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count >= AT_LEAST, "{count} cases");
}

/// Runs a case; what apk says and what is said here.
fn run(folder: &Path, text: &str) -> (String, String) {
    let (head, expected) = text.split_once("@EXPECT").unwrap();
    let scratch = Scratch::new();
    let mut arguments = vec!["--allow-untrusted", "--simulate", "--root-tmpfs=no"];
    let (mut repositories, mut world, mut has_cache) = (String::new(), String::new(), false);
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    scratch.write("lib/apk/db/installed", "");
    for line in head.lines() {
        match line.split_once(' ').unwrap() {
            ("@ARGS", words) => arguments.extend(words.split_whitespace()),
            ("@WORLD", words) => world = words.replace(' ', "\n"),
            ("@INSTALLED", file) => scratch.write("lib/apk/db/installed", &read(file)),
            ("@CACHE", file) => {
                scratch.write("etc/apk/cache/installed", &read(file));
                has_cache = true;
            }
            ("@REPO", words) => {
                let (tag, file) = words.split_once(' ').unwrap_or(("", words));
                repositories.push_str(&format!("{tag} test:{}\n", folder.join(file).display()));
            }
            (key, _) => panic!("unknown key `{key}`"),
        }
    }
    scratch.write("etc/apk/world", &world);
    scratch.write("etc/apk/repositories", &repositories);
    if !has_cache {
        arguments.insert(0, "--no-cache");
    }
    (expected.trim_start_matches('\n').to_owned(), scratch.apk(arguments).output)
}
