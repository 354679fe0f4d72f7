//! The files of tests/chunks: faulty workspaces with what must be said of them on the
//! line it must be said of.
//!
//! What comes before the first `--- NAME` line is part of every case. A case is files,
//! each after a line `# file: PATH`. `#! CODE MESSAGE` above a line expects that
//! diagnostic on the line, `#+ HINT` below it the diagnostic's hint. Before the first
//! file they expect a diagnostic without a place. A line `# targets: PATTERN` names what
//! is analysed, instead of `//...`.

use std::collections::BTreeMap;

use wiz_base::Diagnostic;
use wiz_star::load_workspace;

use crate::written::{Written, host};

/// Diagnostics by place.
type Findings = BTreeMap<(String, u32), Vec<String>>;

struct Case {
    name: String,
    files: Written,
    targets: String,
    expected: Findings,
}

impl Case {
    fn parse(text: &str, common: &Written) -> Self {
        let (name, text) = text.split_once('\n').expect("a case has a line after its name");
        let mut files = common.clone();
        let mut expected = Findings::new();
        let mut targets = "//...".to_owned();
        let mut file = String::new();
        let mut pending: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("# file: ") {
                expect_at(&mut expected, (file, 0), &mut pending);
                file = path.to_owned();
                files.0.insert(file.clone(), String::new());
            } else if let Some(pattern) = line.strip_prefix("# targets: ") {
                targets = pattern.to_owned();
            } else if let Some(message) = line.trim_start().strip_prefix("#! ") {
                pending.push(message.to_owned());
            } else if let Some(hint) = line.trim_start().strip_prefix("#+ ") {
                pending
                    .last_mut()
                    .expect("a hint follows a diagnostic")
                    .push_str(&format!("\n  hint: {hint}"));
            } else if !file.is_empty() {
                let content = files.0.get_mut(&file).expect("the file is begun");
                content.push_str(line);
                content.push('\n');
                let number = u32::try_from(content.lines().count()).unwrap();
                expect_at(&mut expected, (file.clone(), number), &mut pending);
            }
        }
        expect_at(&mut expected, (String::new(), 0), &mut pending);
        Self { name: name.trim().to_owned(), files, targets, expected }
    }

    fn findings(&self) -> Vec<Diagnostic> {
        match load_workspace(&self.files, &host()) {
            Ok(_) => self.files.analyze(&[&self.targets], 2).diagnostics,
            Err(diagnostics) => diagnostics,
        }
    }
}

fn expect_at(expected: &mut Findings, place: (String, u32), pending: &mut Vec<String>) {
    if !pending.is_empty() {
        expected.entry(place).or_default().append(pending);
    }
}

fn found(diagnostics: &[Diagnostic]) -> Findings {
    let mut found = Findings::new();
    for diagnostic in diagnostics {
        let place = match &diagnostic.span {
            Some(span) => (span.file.to_string(), span.line),
            None => (String::new(), 0),
        };
        let hint = diagnostic.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        found.entry(place).or_default().push(format!("{} {}{hint}", diagnostic.code, diagnostic.message));
    }
    found
}

fn check(chunks: &str) {
    let mut parts = chunks.split("\n--- ");
    let common = Written::new(parts.next().unwrap_or_default());
    let mut failures = Vec::new();
    for part in parts {
        let case = Case::parse(part, &common);
        let (diagnostics, expected) = (case.findings(), &case.expected);
        if found(&diagnostics) != *expected {
            let shown: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            failures.push(format!("{}: expected {expected:#?}, found\n{}", case.name, shown.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn attributes() {
    check(include_str!("../chunks/attributes.chunks"));
}

#[test]
fn targets() {
    check(include_str!("../chunks/targets.chunks"));
}

#[test]
fn files() {
    check(include_str!("../chunks/files.chunks"));
}

#[test]
fn rules() {
    check(include_str!("../chunks/rules.chunks"));
}

#[test]
fn actions() {
    check(include_str!("../chunks/actions.chunks"));
}

#[test]
fn limits() {
    check(include_str!("../chunks/limits.chunks"));
}

#[test]
fn workspaces() {
    check(include_str!("../chunks/workspaces.chunks"));
}
