//! Starlark: rules are documented and short; definitions are facts.

use std::fs;

use super::{assert_none, files, repository, shown};

/// Lines of a rule file.
const FILE_LIMIT: usize = 200;
/// Lines of a function behind its documentation.
const FUNCTION_LIMIT: usize = 60;

fn rule_files() -> Vec<(String, String)> {
    let folder = repository().join("starlark-rules");
    let mut rules = Vec::new();
    for path in files(&[".star"]) {
        if path.starts_with(&folder) && !path.ends_with("BUILD.star") {
            rules.push((shown(&path), fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!rules.is_empty(), "there are rules");
    rules
}

#[test]
fn rule_files_are_documented_and_short() {
    let mut findings = Vec::new();
    for (path, text) in rule_files() {
        if !text.starts_with("\"\"\"") {
            findings.push(format!("{path}: no docstring"));
        }
        let lines: Vec<_> = text.lines().collect();
        if lines.len() > FILE_LIMIT {
            findings.push(format!("{path}: {} lines", lines.len()));
        }
        for (number, line) in lines.iter().enumerate() {
            let Some(name) = line.strip_prefix("def ").and_then(|rest| rest.split('(').next()) else {
                continue;
            };
            let body = lines[number + 1..]
                .iter()
                .position(|line| !line.is_empty() && !line.starts_with(' ') && !line.starts_with(')'));
            let length = body.unwrap_or(lines.len() - number - 1) + 1;
            let documented = lines[number..].iter().take(60).any(|line| line.starts_with("    \"\"\""));
            if !name.starts_with('_') && !documented {
                findings.push(format!("{path}:{}: `{name}` has no docstring", number + 1));
            }
            // Each parameter takes a line in the signature and one in the documentation.
            let text = lines[number..number + length].join("\n");
            let body = text.split("\"\"\"").nth(2).unwrap_or(&text).lines().count();
            if body > FUNCTION_LIMIT {
                findings.push(format!("{path}:{}: `{name}` has {body} lines", number + 1));
            }
        }
    }
    assert_none("undocumented or long rule files", &findings);
}

#[test]
fn attributes_and_fields_are_documented() {
    let mut findings = Vec::new();
    for (path, text) in rule_files() {
        for (number, line) in text.lines().enumerate() {
            let attribute = line.contains(": attrs.") && !line.trim_start().starts_with("\"_");
            let field = line.contains("provider_field(");
            let opens = line.trim_end().ends_with('{');
            if (attribute || field) && !opens && !line.contains("doc = ") {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("attributes and fields without doc", &findings);
}

#[test]
fn definitions_are_facts() {
    let mut findings = Vec::new();
    for path in files(&["BUILD.star"]) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.contains("sed -i") || line.trim_start().starts_with("def ") {
                findings.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    assert_none("definitions with `sed` or functions", &findings);
}
