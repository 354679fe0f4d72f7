//! `.PKGINFO`: what a package says about itself, as `key = value` lines.
//!
//! [`PkgInfo`] is the typed value and writes one canonical text;
//! [`document::Document`] keeps a text as somebody else wrote it. Unaware of the
//! archive the text lies in.

use std::fmt::Write as _;

pub mod document;

use crate::dependency::{Dependency, DependencyError, Name, Provide};
use crate::version::{Version, VersionError};

/// The fields of a package's `.PKGINFO`. Optional texts are `None` when the line is
/// missing or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkgInfo {
    /// `pkgname`
    pub name: Name,
    /// `pkgver`
    pub version: Version,
    /// `pkgdesc`: one line on what it is.
    pub summary: Option<String>,
    /// `url` of the project.
    pub url: Option<String>,
    /// `builddate`: the source epoch, in seconds since 1970.
    pub build_date: Option<u64>,
    /// `packager`
    pub packager: Option<String>,
    /// `size`: bytes the files take when installed. The writer of a package fills it in.
    pub size: u64,
    /// `arch`: `x86_64`, `aarch64` or `noarch`.
    pub arch: String,
    /// `origin`: the source package.
    pub origin: Option<String>,
    /// `commit` of the definition.
    pub commit: Option<String>,
    /// `maintainer`
    pub maintainer: Option<String>,
    /// `license`, an SPDX expression.
    pub license: Option<String>,
    /// `depend`
    pub depends: Vec<Dependency>,
    /// `provides`
    pub provides: Vec<Provide>,
    /// `replaces`: packages whose files this one may overwrite.
    pub replaces: Vec<Dependency>,
    /// `install_if`: installed when all of these are.
    pub install_if: Vec<Dependency>,
    /// `provider_priority`: the highest wins among virtual providers of a name.
    pub provider_priority: Option<u64>,
    /// `replaces_priority`
    pub replaces_priority: Option<u64>,
    /// `triggers`: folders (patterns) whose change runs the package's trigger script.
    pub triggers: Vec<String>,
    /// `datahash`: SHA-256 of the data member. The writer of a package fills it in.
    pub data_hash: Option<[u8; 32]>,
}

impl PkgInfo {
    /// A package with nothing but what every package has.
    #[must_use]
    pub fn new(name: Name, version: Version, arch: &str) -> Self {
        Self {
            name,
            version,
            summary: None,
            url: None,
            build_date: None,
            packager: None,
            size: 0,
            arch: arch.to_owned(),
            origin: None,
            commit: None,
            maintainer: None,
            license: None,
            depends: Vec::new(),
            provides: Vec::new(),
            replaces: Vec::new(),
            install_if: Vec::new(),
            provider_priority: None,
            replaces_priority: None,
            triggers: Vec::new(),
            data_hash: None,
        }
    }

    /// The canonical text: the fields in the order of this type, list fields one
    /// value a line, `datahash` last.
    ///
    /// # Errors
    /// [`PkgInfoError::LineBreak`] if a value has a line break in it.
    pub fn to_text(&self) -> Result<String, PkgInfoError> {
        let mut text = String::new();
        for (key, value) in self.fields() {
            if value.contains(['\n', '\r', '\0']) {
                return Err(PkgInfoError::LineBreak { key: key.to_owned() });
            }
            writeln!(text, "{key} = {value}").expect("writing to a string does not fail");
        }
        Ok(text)
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        fn list<T: ToString>(key: &'static str, values: &[T]) -> Vec<(&'static str, String)> {
            values.iter().map(|value| (key, value.to_string())).collect()
        }
        let optional = |key, value: &Option<String>| value.clone().map(|value| (key, value));
        let number = |key, value: Option<u64>| value.map(|value| (key, value.to_string()));
        let mut fields = vec![("pkgname", self.name.to_string()), ("pkgver", self.version.to_string())];
        fields.extend(optional("pkgdesc", &self.summary));
        fields.extend(optional("url", &self.url));
        fields.extend(number("builddate", self.build_date));
        fields.extend(optional("packager", &self.packager));
        fields.push(("size", self.size.to_string()));
        fields.push(("arch", self.arch.clone()));
        fields.extend(optional("origin", &self.origin));
        fields.extend(optional("commit", &self.commit));
        fields.extend(optional("maintainer", &self.maintainer));
        fields.extend(optional("license", &self.license));
        fields.extend(list("depend", &self.depends));
        fields.extend(list("provides", &self.provides));
        fields.extend(list("replaces", &self.replaces));
        fields.extend(list("install_if", &self.install_if));
        fields.extend(number("provider_priority", self.provider_priority));
        fields.extend(number("replaces_priority", self.replaces_priority));
        if !self.triggers.is_empty() {
            fields.push(("triggers", self.triggers.join(" ")));
        }
        fields.extend(self.data_hash.map(|hash| ("datahash", hex::encode(hash))));
        fields
    }
}

/// A `.PKGINFO` that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PkgInfoError {
    /// A field that every package has is missing.
    #[error("`.PKGINFO` has no `{key}`")]
    Missing {
        /// The field.
        key: &'static str,
    },
    /// A number or hash that is none.
    #[error("`{value}` is not a valid `{key}` in `.PKGINFO`")]
    Value {
        /// The field.
        key: String,
        /// What it says.
        value: String,
    },
    /// A name, dependency or provide that is none.
    #[error("cannot read `{key}` in `.PKGINFO`")]
    Dependency {
        /// The field.
        key: String,
        /// Why not.
        source: DependencyError,
    },
    /// The package's version.
    #[error("cannot read `pkgver` in `.PKGINFO`")]
    Version(#[source] VersionError),
    /// Bytes that are not UTF-8.
    #[error("`.PKGINFO` is not UTF-8")]
    Encoding(#[source] std::str::Utf8Error),
    /// A value that does not fit on one line.
    #[error("`{key}` has a line break, hint: write it on one line")]
    LineBreak {
        /// The field.
        key: String,
    },
}
