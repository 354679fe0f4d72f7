//! Dependencies between crates point strictly down the table of the design.

use std::collections::BTreeMap;

use super::assert_none;

/// Level of each crate; a crate may depend on crates of lower levels only.
const LEVELS: [(&str, u32); 22] = [
    ("wiz-base", 0),
    ("wiz-graph", 1),
    ("wiz-cas", 1),
    ("wiz-apk", 1),
    ("wiz-oci", 1),
    ("wiz-sbom", 1),
    ("wiz-debian", 1),
    ("wiz-sandbox", 1),
    ("wiz-audit", 2),
    ("wiz-solve", 2),
    ("wiz-install", 2),
    ("wiz-star", 2),
    ("wiz-recall", 2),
    ("wiz-scheduler", 2),
    ("wiz-exec", 3),
    ("wiz-repo", 3),
    ("wiz-registry", 3),
    ("wiz-remote", 3),
    ("wiz-sign", 3),
    ("wiz", 4),
    ("wiz-apk-cli", 4),
    ("wiz-testkit", 9),
];

/// External crates that only one crate may name.
const OWNED: [(&str, &[&str]); 6] = [
    ("starlark", &["wiz-star"]),
    ("sled", &["wiz-cas"]),
    ("petgraph", &["wiz-graph"]),
    ("clap", &["wiz"]),
    ("miette", &["wiz"]),
    ("seccompiler", &["wiz-sandbox"]),
];

fn packages() -> Vec<cargo_metadata::Package> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(super::repository())
        .no_deps()
        .exec()
        .expect("cargo metadata runs");
    metadata.packages
}

#[test]
fn crates_depend_downward() {
    let levels = BTreeMap::from(LEVELS);
    let mut findings = Vec::new();
    for package in packages() {
        let Some(level) = levels.get(package.name.as_str()) else {
            findings.push(format!("{} is not in the table of levels", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let development = dependency.kind == cargo_metadata::DependencyKind::Development;
            match levels.get(dependency.name.as_str()) {
                Some(below) if below >= level && !development => {
                    findings.push(format!("{} must not depend on {}", package.name, dependency.name));
                }
                _ => {}
            }
        }
    }
    assert_none("dependencies that do not point down", &findings);
}

#[test]
fn what_one_crate_owns_no_other_names() {
    let owned = BTreeMap::from(OWNED);
    let mut findings = Vec::new();
    for package in packages() {
        for dependency in &package.dependencies {
            match owned.get(dependency.name.as_str()) {
                Some(owners) if !owners.contains(&package.name.as_str()) => {
                    findings.push(format!("{} must not name {}", package.name, dependency.name));
                }
                _ => {}
            }
        }
    }
    assert_none("crates named outside their owner", &findings);
}
