//! Rust files: how they open and how long they and their functions are.

use std::fs;

use super::{assert_none, files, shown};

/// Lines of a file, tests included.
const FILE_LIMIT: usize = 800;
/// Lines of a function.
const FUNCTION_LIMIT: usize = 80;

#[test]
fn every_file_says_what_it_is() {
    let mut findings = Vec::new();
    for path in files(&[".rs"]) {
        if !fs::read_to_string(&path).unwrap().starts_with("//! ") {
            findings.push(shown(&path));
        }
    }
    assert_none("files that do not open with `//!`", &findings);
}

#[test]
fn files_and_functions_are_short() {
    let mut findings = Vec::new();
    for path in files(&[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LIMIT {
            findings.push(format!("{}: {} lines", shown(&path), lines.len()));
        }
        for (line, length) in function_lengths(&lines) {
            if length > FUNCTION_LIMIT {
                findings.push(format!("{}:{line}: a function of {length} lines", shown(&path)));
            }
        }
    }
    assert_none("files over 800 lines, functions over 80", &findings);
}

/// First line and length of each function of a formatted file: from `fn` to the closing brace in the
/// same column.
fn function_lengths(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut lengths = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let named = code.starts_with("fn ") || (code.contains(" fn ") && !code.starts_with("//"));
        if !named || code.ends_with(';') || code.ends_with('}') {
            continue;
        }
        let opens = lines[start..].iter().find(|line| line.ends_with(';') || line.ends_with('{'));
        if opens.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|line| *line == closing) {
            lengths.push((start + 1, length + 1));
        }
    }
    lengths
}

#[test]
fn modules_are_named_after_their_file() {
    let findings: Vec<_> = files(&["/mod.rs", "utils.rs", "common.rs", "helpers.rs", "manager.rs"])
        .iter()
        .map(|path| shown(path))
        .collect();
    assert_none("files without a noun of their own", &findings);
}

#[test]
fn only_functions_with_a_body_are_measured() {
    let text = "trait T {\n    fn a(\n        x: u8,\n    ) -> u8;\n\n    fn b() {\n        c()\n    }\n}";
    assert_eq!(function_lengths(&text.lines().collect::<Vec<_>>()), [(6, 3)]);
}
