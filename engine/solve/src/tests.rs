//! Requests over small sets of packages, apk's own cases, and random sets.

mod random;
mod reference;

use expect_test::{Expect, expect};
use wiz_apk::dependency::parse_list;
use wiz_apk::{Dependency, Record, index};

use crate::{Request, solve};

/// The names and versions chosen for `world`, in order, or the conflict.
fn outcome(world: &str, records: &[Record]) -> Result<Vec<String>, String> {
    let world: Vec<Dependency> = parse_list(world).unwrap();
    let request = Request { world: &world, candidates: records, arch: Some("x86_64") };
    match solve(&request) {
        Ok(solution) => Ok(solution.packages.iter().map(|chosen| chosen.record.display_name()).collect()),
        Err(conflict) => Err(conflict.to_string()),
    }
}

/// One package a line: `name version field field`, the fields as in an index but with
/// commas for spaces.
fn records(lines: &str) -> Vec<Record> {
    let record = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let fields: String = words.map(|field| format!("{}\n", field.replace(',', " "))).collect();
        format!("P:{name}\nV:{version}\n{fields}\n")
    };
    index::parse(
        &lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(record).collect::<String>(),
    )
    .unwrap()
}

fn check(world: &str, lines: &str, expected: &Expect) {
    let mut records = records(lines);
    let found = outcome(world, &records);
    records.reverse();
    assert_eq!(found, outcome(world, &records), "the order of candidates does not matter");
    expected.assert_eq(&found.map_or_else(|conflict| conflict, |names| names.join(" ")));
}

#[test]
fn dependencies_come_first_and_the_highest_version_is_taken() {
    check("a", "a 1 D:b\n a 2 D:b,c>=2\n b 1 D:c\n c 1\n c 2\n unused 1", &expect!["c-2 b-1 a-2"]);
    check("a b", "a 1 D:b\n b 1 D:a", &expect!["b-1 a-1"]);
}

#[test]
fn a_choice_that_leads_nowhere_is_taken_back() {
    check("a c<2", "a 1\n a 2 D:b\n b 1 D:c>=2\n c 1\n c 2", &expect!["a-1 c-1"]);
    check(
        "top",
        "top 1 D:x,y\n x 1 D:shared=1\n x 2 D:shared=2\n y 1 D:shared=1\n shared 1\n shared 2",
        &expect!["shared-1 x-1 y-1 top-1"],
    );
}

#[test]
fn virtual_names_go_to_the_highest_priority() {
    let shells = "busybox 1 p:/bin/sh k:100\n dash 1 p:/bin/sh k:60\n fish 1 p:/bin/sh";
    check("/bin/sh", shells, &expect!["busybox-1"]);
    check("/bin/sh dash", shells, &expect!["dash-1"]);
    check("/bin/sh fish", shells, &expect!["fish-1"]);
    check(
        "/bin/sh",
        "dash 1 p:/bin/sh\n fish 1 p:/bin/sh",
        &expect![[r#"
            cannot choose packages
              `/bin/sh` could be any of several packages
                required by world[/bin/sh]
                `dash-1` provides it
                `fish-1` provides it
                hint: ask for one of them by name"#]],
    );
}

#[test]
fn concrete_names_have_one_provider() {
    check("so:z", "z 1 p:so:z=1\n z 2 p:so:z=2", &expect!["z-2"]);
    check(
        "a b",
        "a 1 p:service=1\n b 1 p:service=2",
        &expect![[r#"
            cannot choose packages
              `b` cannot be met
                required by world[b]
                `b-1` conflicts with `a-1`: both provide `service`
                  `a-1` is required by world[a]"#]],
    );
}

#[test]
fn install_if_follows_what_it_waits_for() {
    let lines = "app 1\n docs 1\n app-doc 1 i:app=1,docs\n plain 1 i:app=1,!docs";
    check("app docs", lines, &expect!["app-1 docs-1 app-doc-1"]);
    check("app", lines, &expect!["app-1 plain-1"]);
    check("docs", lines, &expect!["docs-1"]);
    check("app", "app 1\n extra 1 i:app=1,app D:missing", &expect!["app-1"]);
    check("app !extra", "app 1\n extra 1 i:app=1,app", &expect!["app-1"]);
}

#[test]
fn what_nobody_provides_is_named_with_its_way_from_the_world() {
    check(
        "image",
        "image 1 D:python\n python 3.12 D:so:libssl.so.3>=3",
        &expect![[r#"
            cannot choose packages
              `so:libssl.so.3>=3` is provided by no package
                required by world[image] -> image-1[python] -> python-3.12[so:libssl.so.3>=3]"#]],
    );
    check(
        "one two",
        "three 1",
        &expect![[r#"
            cannot choose packages
              `one` is provided by no package
                required by world[one]
              `two` is provided by no package
                required by world[two]"#]],
    );
}

#[test]
fn conflicting_versions_name_both_sides() {
    check(
        "a b",
        "a 1 D:lib<2\n b 1 D:lib>=2\n lib 1\n lib 2\n bystander 1",
        &expect![[r#"
            cannot choose packages
              `lib<2` cannot be met
                required by world[a] -> a-1[lib<2]
                `lib-1` is excluded by world[b] -> b-1[lib>=2]
                `lib-2` has another version"#]],
    );
    check(
        "a",
        "a 1 D:b,!c\n b 1 D:c\n c 1",
        &expect![[r#"
            cannot choose packages
              `c` cannot be met
                required by world[a] -> a-1[b] -> b-1[c]
                `c-1` is excluded by world[a] -> a-1[!c]"#]],
    );
}

#[test]
fn each_alternative_that_was_tried_is_explained() {
    check(
        "a !c",
        "a 1 D:c\n a 2 D:d",
        &expect![[r#"
            cannot choose packages
              `a` cannot be met
                required by world[a]
                `a-1` needs what is missing:
                  `c` is provided by no package
                    required by world[a] -> a-1[c]
                `a-2` needs what is missing:
                  `d` is provided by no package
                    required by world[a] -> a-2[d]"#]],
    );
}

#[test]
fn packages_that_cannot_be_installed_say_why() {
    check(
        "a b c",
        "a 1 A:aarch64\n b 1 X:future\n c 1 p:c",
        &expect![[r#"
            cannot choose packages
              `a` cannot be met
                required by world[a]
                `a-1` cannot be installed: built for `aarch64`, not `x86_64`
              `b` cannot be met
                required by world[b]
                `b-1` cannot be installed: unknown field `X`
              `c` cannot be met
                required by world[c]
                `c-1` cannot be installed: conflicts with itself, providing `c` twice"#]],
    );
}

#[test]
fn an_identity_picks_one_package() {
    let identity = "Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=";
    let lines = format!("a 1 C:{identity}\n a 2 C:Q1EyN5AdpAOBJWKMR89pp/C66o+OE=");
    check(&format!("a><{identity}"), &lines, &expect!["a-1"]);
}

#[test]
fn the_reason_of_each_package_is_known() {
    let records = records("a 1 D:b\n b 1");
    let world: Vec<Dependency> = parse_list("a").unwrap();
    let solution = solve(&Request { world: &world, candidates: &records, arch: None }).unwrap();
    expect!["Dependency a-1 b; World a"].assert_eq(
        &solution.packages.iter().map(|chosen| reason(&chosen.reason)).collect::<Vec<_>>().join("; "),
    );
}

fn reason(reason: &crate::Reason<'_>) -> String {
    match reason {
        crate::Reason::World(dependency) => format!("World {dependency}"),
        crate::Reason::Dependency { package, dependency } => {
            format!("Dependency {} {dependency}", package.display_name())
        }
        crate::Reason::InstallIf => "InstallIf".to_owned(),
    }
}
