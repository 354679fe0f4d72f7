//! An index of binary packages: `Packages`, of which all packages can be found by their
//! name or by what they provide. Unaware of where it came from.

use std::collections::BTreeMap;
use std::io::{self, Read};

use wiz_base::RelPath;

use crate::control::{ControlError, Paragraph, paragraphs};
use crate::relation::{self, Alternative, Group, RelationError};
use crate::release::is_sha256;
use crate::version::{Version, VersionError};

/// How long an index may be when it is decompressed, in bytes; Debian's have 50 MB.
const LONGEST: u64 = 1 << 30;

/// The packages of one suite, component and architecture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    packages: BTreeMap<String, Package>,
    /// What is provided, by name: the provision and who provides it.
    provided: BTreeMap<String, Vec<(Alternative, String)>>,
}

/// One binary package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The size of its archive, in bytes.
    pub size: u64,
    /// Where its archive lies below the root of all.
    pub path: RelPath,
    /// The SHA-256 of its archive as 64 hexadecimal digits.
    pub sha256: String,
    /// What it needs: `Pre-Depends`, then `Depends`.
    pub depends: Vec<Group>,
}

/// An index that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be decompressed.
    #[error("the index cannot be decompressed: {0}")]
    Stream(#[from] io::Error),
    /// It is too long, or not in UTF-8.
    #[error("the index is not text of at most {LONGEST} bytes")]
    Text,
    /// It is no control file.
    #[error("the index is malformed: {0}")]
    Control(#[from] ControlError),
    /// A package without a field that all have, or with one that has a wrong value.
    #[error("the index is malformed: package `{package}` has no valid `{field}`")]
    Field {
        /// Its name, if it has one.
        package: String,
        /// The field.
        field: &'static str,
    },
    /// A relation.
    #[error("the index is malformed: package `{package}`: {source}")]
    Relation {
        /// Its name.
        package: String,
        /// What is wrong.
        source: RelationError,
    },
    /// A version.
    #[error("the index is malformed: package `{package}`: {source}")]
    Version {
        /// Its name.
        package: String,
        /// What is wrong.
        source: VersionError,
    },
}

impl Index {
    /// Reads an index as it lies in an archive; `name` ends in `.xz`, `.gz` or neither.
    ///
    /// # Errors
    /// [`IndexError`] if it is malformed.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, IndexError> {
        Self::parse(&decompressed(name, bytes)?)
    }

    /// Reads the text of an index. Of packages of the same name the latest version counts.
    ///
    /// # Errors
    /// [`IndexError`] if it is malformed.
    pub fn parse(text: &str) -> Result<Self, IndexError> {
        let mut packages: BTreeMap<String, (Package, Vec<Alternative>)> = BTreeMap::new();
        for paragraph in paragraphs(text)? {
            let (package, provides) = package(&paragraph)?;
            let known = packages.get(&package.name);
            if known.is_none_or(|(known, _)| known.version.compare(&package.version).is_lt()) {
                packages.insert(package.name.clone(), (package, provides));
            }
        }
        let mut index = Self::default();
        for (name, (package, provides)) in packages {
            for provision in provides {
                index.provided.entry(provision.name.clone()).or_default().push((provision, name.clone()));
            }
            index.packages.insert(name, package);
        }
        Ok(index)
    }

    /// The package of that name.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.get(name)
    }

    /// The packages that provide what is asked for, by name.
    #[must_use]
    pub fn providers(&self, wanted: &Alternative) -> Vec<&Package> {
        let provided = self.provided.get(&wanted.name).into_iter().flatten();
        let met = provided.filter(|(provision, _)| wanted.takes_provided(provision));
        met.filter_map(|(_, package)| self.packages.get(package)).collect()
    }

    /// The name most like a mistyped one, if one is alike enough.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let limit = (name.chars().count() + 1) / 3;
        let distance = |known: &str| strsim::damerau_levenshtein(name, known);
        let near = self.packages.keys().map(|known| (distance(known), known.as_str()));
        near.filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
    }

    /// How many packages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there is no package.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }
}

/// The text of an index as it lies in an archive.
pub(crate) fn decompressed(name: &str, bytes: &[u8]) -> Result<String, IndexError> {
    let mut text = Vec::new();
    let mut reader: Box<dyn Read + '_> = match name.rsplit_once('.') {
        Some((_, "xz")) => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(bytes)),
        Some((_, "gz")) => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        _ => Box::new(bytes),
    };
    let length = reader.by_ref().take(LONGEST + 1).read_to_end(&mut text)?;
    if length as u64 > LONGEST {
        return Err(IndexError::Text);
    }
    String::from_utf8(text).map_err(|_| IndexError::Text)
}

fn package(paragraph: &Paragraph<'_>) -> Result<(Package, Vec<Alternative>), IndexError> {
    let name = paragraph.get("Package").unwrap_or_default();
    let missing = |field| IndexError::Field { package: name.to_owned(), field };
    let field = |field| paragraph.get(field).ok_or_else(|| missing(field));
    if name.is_empty() {
        return Err(missing("Package"));
    }
    let version = Version::parse(field("Version")?)
        .map_err(|source| IndexError::Version { package: name.to_owned(), source })?;
    let relations = |field| {
        relation::parse(paragraph.get(field).unwrap_or_default())
            .map_err(|source| IndexError::Relation { package: name.to_owned(), source })
    };
    let mut depends = relations("Pre-Depends")?;
    depends.extend(relations("Depends")?);
    let provides = relations("Provides")?.into_iter().flat_map(|group| group.alternatives).collect();
    let package = Package {
        name: name.to_owned(),
        version,
        size: field("Size")?.parse().map_err(|_| missing("Size"))?,
        path: RelPath::new(field("Filename")?).map_err(|_| missing("Filename"))?,
        sha256: field("SHA256")?.to_owned(),
        depends,
    };
    if is_sha256(&package.sha256) { Ok((package, provides)) } else { Err(missing("SHA256")) }
}

#[cfg(test)]
mod tests;
