//! Package URLs, by which scanners name packages. Unaware of what they name.
//!
//! Source: the purl specification, PURL-SPECIFICATION.rst: qualifiers sorted,
//! everything but unreserved characters and `:` percent-encoded.

use std::collections::BTreeMap;
use std::fmt;

/// A package URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purl {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    version: String,
    qualifiers: BTreeMap<&'static str, String>,
}

/// What an apk package is called, for its package URL.
#[derive(Clone, Copy, Debug)]
pub struct ApkName<'a> {
    /// `ID` of the distribution's os-release.
    pub distribution: &'a str,
    /// `VERSION_ID` of the distribution's os-release.
    pub distribution_version: &'a str,
    /// The package's name.
    pub name: &'a str,
    /// Its version with release, such as `1.3.1-r0`.
    pub version: &'a str,
    /// Its architecture as apk says it, such as `x86_64`.
    pub architecture: &'a str,
    /// The package it was split from, or its own name.
    pub origin: &'a str,
}

impl Purl {
    /// The package URL of an apk package, as syft derives it from the installed
    /// database: `upstream` is there only if the origin has another name.
    #[must_use]
    pub fn apk(apk: ApkName<'_>) -> Self {
        let distro = format!("{}-{}", apk.distribution, apk.distribution_version);
        let mut qualifiers = BTreeMap::from([("arch", apk.architecture.to_owned()), ("distro", distro)]);
        if apk.origin != apk.name {
            qualifiers.insert("upstream", apk.origin.to_owned());
        }
        Self {
            kind: "apk",
            namespace: Some(apk.distribution.to_lowercase()),
            name: apk.name.to_lowercase(),
            version: apk.version.to_owned(),
            qualifiers,
        }
    }

    /// The package URL of an upstream archive: where it can be had from, and the
    /// SHA-256 it must have.
    #[must_use]
    pub fn archive(name: &str, version: &str, url: Option<&str>, sha256: &[u8; 32]) -> Self {
        let mut qualifiers = BTreeMap::from([("checksum", format!("sha256:{}", hex::encode(sha256)))]);
        if let Some(url) = url {
            qualifiers.insert("download_url", url.to_owned());
        }
        Self {
            kind: "generic",
            namespace: None,
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers,
        }
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "/{}", Encoded(namespace))?;
        }
        write!(f, "/{}@{}", Encoded(&self.name), Encoded(&self.version))?;
        for (number, (key, value)) in self.qualifiers.iter().enumerate() {
            let separator = if number == 0 { '?' } else { '&' };
            write!(f, "{separator}{key}={}", Encoded(value))?;
        }
        Ok(())
    }
}

/// Text with all but unreserved characters and `:` percent-encoded.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                write!(f, "{}", char::from(byte))
            }
            _ => write!(f, "%{byte:02X}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(purl: &Purl, expected: Expect) {
        expected.assert_eq(&purl.to_string());
    }

    fn apk(name: &str, version: &str, origin: &str) -> Purl {
        Purl::apk(ApkName {
            distribution: "wizos",
            distribution_version: "1.0",
            name,
            version,
            architecture: "x86_64",
            origin,
        })
    }

    #[test]
    fn apk_packages_are_named_as_syft_names_them() {
        check(
            &apk("zlib", "1.3.1-r0", "zlib"),
            expect!["pkg:apk/wizos/zlib@1.3.1-r0?arch=x86_64&distro=wizos-1.0"],
        );
        check(
            &apk("libstdc++", "14.2.0_git2024-r3", "gcc"),
            expect![
                "pkg:apk/wizos/libstdc%2B%2B@14.2.0_git2024-r3?arch=x86_64&distro=wizos-1.0&upstream=gcc"
            ],
        );
    }

    #[test]
    fn archives_carry_their_checksum() {
        let purl = Purl::archive("zlib", "1.3.1", Some("https://zlib.net/zlib.tar.gz?a=b"), &[0xab; 32]);
        let expected = format!("pkg:generic/zlib@1.3.1?checksum=sha256:{}", "ab".repeat(32));
        assert_eq!(
            purl.to_string(),
            format!("{expected}&download_url=https:%2F%2Fzlib.net%2Fzlib.tar.gz%3Fa%3Db")
        );
    }
}
