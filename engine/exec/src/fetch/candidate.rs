//! From a URL in a definition to places where the file may be. Unaware of transfers.

use std::path::{Path, PathBuf};

use wiz_base::RelPath;

use super::{FetchSettings, Problem, apt_sources, cargo_registry};

/// A place where a source may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// How it is named to people.
    pub(super) shown: String,
    /// Where it is.
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file on this machine.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url { url: String, host: String },
}

impl Candidate {
    pub(super) fn host(&self) -> Option<&str> {
        match &self.place {
            Place::File(_) => None,
            Place::Url { host, .. } => Some(host),
        }
    }
}

/// The places that `url` stands for, in order.
pub(super) fn candidates(
    url: &str,
    workspace: &Path,
    settings: &FetchSettings,
) -> Result<Vec<Candidate>, Problem> {
    let (scheme, rest) = url.split_once(':').ok_or_else(|| Problem::Scheme(url.to_owned()))?;
    match scheme {
        "http" | "https" => Ok(vec![remote(url)?]),
        "file" => {
            let path = RelPath::new(rest).map_err(|_| Problem::Path(rest.to_owned()))?;
            let place = Place::File(workspace.join(path.as_str()));
            Ok(vec![Candidate { shown: url.to_owned(), place }])
        }
        "debian" => mirrored("debian", rest, settings, join),
        "crate" => mirrored("crate", rest, settings, crate_url),
        "pypi" => mirrored("pypi", rest, settings, join),
        "npm" => mirrored("npm", rest, settings, join),
        _ => Err(Problem::Scheme(url.to_owned())),
    }
}

/// The name of the file that a URL ends in.
pub(super) fn basename(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit(['/', ':']).next()?;
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}

fn remote(url: &str) -> Result<Candidate, Problem> {
    let after = url.split_once("://").map(|(_, after)| after);
    let authority = after.and_then(|after| after.split(['/', '?', '#']).next()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() {
        return Err(Problem::Scheme(url.to_owned()));
    }
    let place = Place::Url { url: url.to_owned(), host: host.to_owned() };
    Ok(Candidate { shown: url.to_owned(), place })
}

fn mirrored(
    scheme: &'static str,
    rest: &str,
    settings: &FetchSettings,
    url: fn(&str, &RelPath) -> String,
) -> Result<Vec<Candidate>, Problem> {
    let path = RelPath::new(rest).map_err(|_| Problem::Path(rest.to_owned()))?;
    let mut bases = settings.mirrors.get(scheme).cloned().unwrap_or_default();
    if bases.is_empty() && scheme == "debian" {
        bases = apt_sources::archives(&settings.apt);
    }
    if let Some(cargo) = settings.cargo.as_ref().filter(|_| bases.is_empty() && scheme == "crate") {
        bases = cargo_registry::downloads(cargo);
    }
    if bases.is_empty() {
        return Err(Problem::NoMirror { scheme });
    }
    bases.iter().map(|base| remote(&url(base, &path))).collect()
}

fn join(base: &str, path: &RelPath) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

/// As cargo reads a registry's `dl`: markers are replaced; without any, the usual path
/// is added. See "Index Configuration" in the Cargo book. The path is that of cargo's own
/// archive, `<name>/<name>-<version>.crate`, so that it has the name that `--distdir` looks for.
fn crate_url(base: &str, path: &RelPath) -> String {
    let (name, file) = path.as_str().split_once('/').unwrap_or((path.as_str(), ""));
    let version = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    let version = version.map_or(file, |version| version.trim_end_matches(".crate"));
    if base.contains("{crate}") || base.contains("{version}") {
        return base.replace("{crate}", name).replace("{version}", version);
    }
    format!("{}/{name}/{version}/download", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
    fn check(url: &str, expected: Expect) {
        let mirror = |url: &str| vec![url.to_owned()];
        let settings = FetchSettings {
            mirrors: BTreeMap::from([
                ("debian".to_owned(), vec!["https://a.test/debian/".to_owned(), "http://b.test".to_owned()]),
                ("crate".to_owned(), mirror("https://c.test/{crate}/{crate}-{version}.crate")),
            ]),
            ..FetchSettings::default()
        };
        let shown = match candidates(url, Path::new("/w"), &settings) {
            Ok(found) => found.iter().map(|found| format!("{:?}\n", found.place)).collect(),
            Err(problem) => format!("{problem}\n"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn schemes_lead_to_places() {
        check(
            "https://user@h.test:81/x?y",
            expect![[r#"
                Url { url: "https://user@h.test:81/x?y", host: "h.test:81" }
            "#]],
        );
        check(
            "file:dist/x.tar",
            expect![[r#"
            File("/w/dist/x.tar")
        "#]],
        );
        check(
            "file:../x",
            expect![[r#"
            `../x` is not a relative path
        "#]],
        );
        check(
            "debian:pool/x.tar",
            expect![[r#"
                Url { url: "https://a.test/debian/pool/x.tar", host: "a.test" }
                Url { url: "http://b.test/pool/x.tar", host: "b.test" }
            "#]],
        );
        check(
            "crate:n2/0.1.0",
            expect![[r#"
                Url { url: "https://c.test/n2/n2-0.1.0.crate", host: "c.test" }
            "#]],
        );
        check(
            "crate:n2/n2-0.1.0.crate",
            expect![[r#"
                Url { url: "https://c.test/n2/n2-0.1.0.crate", host: "c.test" }
            "#]],
        );
        check(
            "npm:left-pad/-/left-pad-1.0.tgz",
            expect![[r#"
            no mirror is configured for `npm:`
        "#]],
        );
        check(
            "ftp://h.test/x",
            expect![[r#"
                `ftp://h.test/x` is not a URL that can be fetched: it starts with none of https: http: file: debian: crate: pypi: npm:
            "#]],
        );
    }

    #[test]
    fn the_last_part_of_a_path_is_the_name() {
        assert_eq!(basename("https://h.test/a/b.tar?c=/d"), Some("b.tar"));
        assert_eq!(basename("file:b.tar"), Some("b.tar"));
        assert_eq!(basename("https://h.test/"), None);
    }
}
