//! The text of a first definition. Unaware of where the archive came from.

use super::archive::{Build, Found};

/// Everything that is known of a package to be.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) url: String,
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) found: Found,
}

impl Definition {
    /// The files to write, by path in the package's folder.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let mut files = vec![("BUILD.star", self.text()), ("tests/smoke.sh", self.test())];
        if self.found.build == Build::Cargo {
            files.push(("crates.star", "CRATES = []\n".to_owned()));
        }
        files
    }

    fn text(&self) -> String {
        let version = self.version();
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let url =
            if self.version.is_some() { self.url.replace(version, "{version}") } else { self.url.clone() };
        let load =
            if self.found.build == Build::Cargo { "load(\":crates.star\", \"CRATES\")\n\n" } else { "" };
        let license = self.found.license.as_deref().unwrap_or("LicenseRef-Unknown");
        let summary = self.found.summary.as_deref().unwrap_or("").trim_end_matches('.');
        let homepage = self.found.homepage.as_ref().map(|url| format!("    url = {},\n", quoted(url)));
        format!(
            "{load}package(\n    name = {},\n    version = {},\n    license = {},\n    summary = {},\n{}    source = archive(\n        [{}],\n        sha256 = {},\n        size = {},\n    ),\n    build = {},\n    tests = [\"tests/smoke.sh\"],\n)\n",
            quoted(&self.name),
            quoted(version),
            quoted(license),
            quoted(summary),
            homepage.unwrap_or_default(),
            quoted(&url),
            quoted(&self.sha256),
            self.size,
            self.build(),
        )
    }

    fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("0")
    }

    fn build(&self) -> String {
        match self.found.build {
            Build::Configure => "configure()".to_owned(),
            Build::Autoreconf => "configure(autoreconf = True)".to_owned(),
            Build::Make => "make(install = [\"PREFIX=/usr\", \"install\"])".to_owned(),
            Build::Cargo => {
                let programs: Vec<String> = self
                    .found
                    .programs
                    .iter()
                    .map(|name| serde_json::Value::from(name.as_str()).to_string())
                    .collect();
                format!("cargo(crates = CRATES, programs = [{}])", programs.join(", "))
            }
            Build::CMake | Build::Meson | Build::Unknown => "steps([])".to_owned(),
        }
    }

    fn test(&self) -> String {
        let program = self.found.programs.first().unwrap_or(&self.name);
        format!(
            "# It starts, and is of the version that the definition says.\nset -eu\n{program} --version | grep -qF \"$VERSION\"\n"
        )
    }

    /// What the archive does not tell, a line for each.
    pub(super) fn left_to_say(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |is_missing: bool, what: &str| {
            if is_missing {
                lines.push(what.to_owned());
            }
        };
        say(self.version.is_none(), "to be said: the version, which the archive's name does not tell");
        say(self.found.license.is_none(), "to be said: the licence, by SPDX's names");
        let later = self.found.license.as_deref().is_some_and(|license| license.ends_with("-or-later"));
        say(later, "to be checked: whether its sources say `or later` of the licence");
        say(self.found.summary.is_none(), "to be said: what it is, in a line");
        match self.found.build {
            Build::CMake => say(
                true,
                "to be said: how it is built: it has a CMakeLists.txt, for which there is no builder yet",
            ),
            Build::Meson => say(
                true,
                "to be said: how it is built: it has a meson.build, for which there is no builder yet",
            ),
            Build::Unknown => say(true, "to be said: how it is built"),
            Build::Cargo => {
                lines.push(format!("next: wiz lock --update //pkgs/{}:lock pins its crates", self.name));
            }
            Build::Configure | Build::Autoreconf | Build::Make => {}
        }
        lines.push(format!("next: wiz test //pkgs/{}", self.name));
        lines
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_definition_is_as_short_as_others() {
        let found = Found { build: Build::Configure, license: Some("MIT".to_owned()), ..Found::default() };
        let definition = Definition {
            name: "lib".to_owned(),
            version: Some("1.2".to_owned()),
            url: "https://x.test/lib-1.2.tar.gz".to_owned(),
            sha256: "0f".repeat(4),
            size: 7,
            found,
        };
        expect![[r#"
            package(
                name = "lib",
                version = "1.2",
                license = "MIT",
                summary = "",
                source = archive(
                    ["https://x.test/lib-{version}.tar.gz"],
                    sha256 = "0f0f0f0f",
                    size = 7,
                ),
                build = configure(),
                tests = ["tests/smoke.sh"],
            )
        "#]]
        .assert_eq(&definition.text());
        assert_eq!(
            definition.left_to_say(),
            ["to be said: what it is, in a line", "next: wiz test //pkgs/lib"]
        );
    }
}
