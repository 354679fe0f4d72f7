//! pkg-config files: a module's version and the modules it requires.

use std::collections::BTreeMap;

use wiz_apk::Version;
use wiz_base::RelPath;

/// One module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    /// Its version, variables replaced; empty if it has none.
    pub(super) version: String,
    /// Modules it requires, also privately, with a constraint in apk's notation.
    pub(super) requires: Vec<(String, String)>,
}

/// Whether a file describes a module that programs find.
pub(super) fn is_module(path: &RelPath) -> bool {
    let folders = ["usr/lib/pkgconfig", "usr/share/pkgconfig"];
    path.as_str().ends_with(".pc") && path.parent().is_some_and(|parent| folders.contains(&parent.as_str()))
}

impl Module {
    pub(super) fn parse(text: &str) -> Self {
        let mut variables = BTreeMap::new();
        let mut module = Self::default();
        for line in text.replace("\\\n", " ").lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some(end) = line.find([':', '=']) else { continue };
            let (key, value) = (line[..end].trim(), expand(line[end + 1..].trim(), &variables));
            match key {
                _ if line[end..].starts_with('=') => {
                    variables.insert(key.to_owned(), value);
                }
                "Version" => module.version = value,
                "Requires" | "Requires.private" => module.requires.extend(requirements(&value)),
                _ => {}
            }
        }
        module
    }
}

/// Replaces `${name}`.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, after)) = inside.split_once('}') else { break };
        expanded.push_str(variables.get(name).map_or("", String::as_str));
        rest = after;
    }
    expanded + rest
}

/// `a, b >= 1.2 c` as names and constraints.
fn requirements(text: &str) -> Vec<(String, String)> {
    let spaced = text.replace(',', " ");
    let mut words = spaced.split_whitespace().peekable();
    let mut found = Vec::new();
    while let Some(name) = words.next() {
        let operator = words.next_if(|word| word.starts_with(['<', '>', '=', '!']));
        let version = operator.and_then(|_| words.next());
        found.push((name.to_owned(), constraint(operator, version)));
    }
    found
}

/// apk knows no "other than"; what it cannot say is left to pkg-config itself.
fn constraint(operator: Option<&str>, version: Option<&str>) -> String {
    let valid = |text: &&str| Version::as_found(text).is_ok_and(|version| version.is_valid());
    match (operator, version.filter(valid)) {
        (Some(operator @ ("<" | "<=" | "=" | ">=" | ">")), Some(version)) => format!("{operator}{version}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_module_is_read_as_pkg_config_reads_it() {
        let text = "
prefix=/usr
major=1.3
libdir=${prefix}/lib  # where
Name: zlib
Version: ${major}.1
Requires: glib-2.0 >= 2.50, gobject-2.0
Requires.private: libfoo = 1.0 \\
  libbar != 3 libbaz>=2
Libs: -L${libdir} -lz
";
        expect![[r#"
            Module {
                version: "1.3.1",
                requires: [
                    (
                        "glib-2.0",
                        ">=2.50",
                    ),
                    (
                        "gobject-2.0",
                        "",
                    ),
                    (
                        "libfoo",
                        "=1.0",
                    ),
                    (
                        "libbar",
                        "",
                    ),
                    (
                        "libbaz>=2",
                        "",
                    ),
                ],
            }
        "#]]
        .assert_eq(&format!("{:#?}\n", Module::parse(text)));
    }
}
