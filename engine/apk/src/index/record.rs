//! One package as an index and the installed database describe it.
//!
//! Fields are written in the order apk writes them. Unaware of files: those are the
//! installed database's.

use std::fmt;
use std::str::FromStr;

use crate::checksum::{Checksum, ChecksumError};
use crate::dependency::{Dependency, DependencyError, Name, Provide, format_list, parse_list};
use crate::pkginfo::PkgInfo;
use crate::version::{Version, VersionError};

/// A package's record. Texts that are empty or missing are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `C:` checksum of the control member.
    pub identity: Option<Checksum>,
    /// `P:`
    pub name: Name,
    /// `V:`
    pub version: Version,
    /// `A:`
    pub arch: Option<String>,
    /// `S:` bytes of the package file.
    pub size: u64,
    /// `I:` bytes of the installed files.
    pub installed_size: u64,
    /// `T:` one line on what it is.
    pub summary: Option<String>,
    /// `U:` address of the project.
    pub url: Option<String>,
    /// `L:` licence.
    pub license: Option<String>,
    /// `o:` source package.
    pub origin: Option<String>,
    /// `m:`
    pub maintainer: Option<String>,
    /// `t:` seconds since 1970.
    pub build_time: Option<u64>,
    /// `c:` commit of the definition.
    pub commit: Option<String>,
    /// `k:` the highest wins among virtual providers of a name.
    pub provider_priority: Option<u64>,
    /// `D:`
    pub depends: Vec<Dependency>,
    /// `p:`
    pub provides: Vec<Provide>,
    /// `i:` installed when all of these are.
    pub install_if: Vec<Dependency>,
    /// Fields apk does not know, as `(letter, value)`, in order; written last.
    pub unknown: Vec<(char, String)>,
    /// Why the package must not be installed: fields that could not be understood.
    pub uninstallable: Vec<String>,
}

impl Record {
    /// A record with nothing but what every package has.
    #[must_use]
    pub fn new(name: Name, version: Version) -> Self {
        Self {
            identity: None,
            name,
            version,
            arch: None,
            size: 0,
            installed_size: 0,
            summary: None,
            url: None,
            license: None,
            origin: None,
            maintainer: None,
            build_time: None,
            commit: None,
            provider_priority: None,
            depends: Vec::new(),
            provides: Vec::new(),
            install_if: Vec::new(),
            unknown: Vec::new(),
            uninstallable: Vec::new(),
        }
    }

    /// The record of a package with this `.PKGINFO` and identity. `size` is the
    /// length of the package file in bytes, signatures included.
    #[must_use]
    pub fn from_info(info: &PkgInfo, identity: Checksum, size: u64) -> Self {
        Self {
            identity: Some(identity),
            arch: Some(info.arch.clone()),
            size,
            installed_size: info.size,
            summary: info.summary.clone(),
            url: info.url.clone(),
            license: info.license.clone(),
            origin: info.origin.clone(),
            maintainer: info.maintainer.clone(),
            build_time: info.build_date,
            commit: info.commit.clone(),
            provider_priority: info.provider_priority,
            depends: info.depends.clone(),
            provides: info.provides.clone(),
            install_if: info.install_if.clone(),
            ..Self::new(info.name.clone(), info.version.clone())
        }
    }

    /// Reads one record. A dependency that is none, and a field in upper case that
    /// apk does not know, make the record uninstallable; a malformed provide or
    /// `install_if` disables that line. All three are kept as they are. Lists may be
    /// spread over several lines.
    ///
    /// # Errors
    /// [`RecordError`] on lines that are no fields, a missing name or version, and
    /// malformed numbers and checksums.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let mut fields = Vec::new();
        for line in text.lines() {
            fields.push(split_field(line)?);
        }
        let find = |letter| fields.iter().find(|(found, _)| *found == letter).map(|(_, value)| *value);
        let name = find('P').ok_or(RecordError::Missing { field: 'P' })?;
        let version = find('V').ok_or(RecordError::Missing { field: 'V' })?;
        let mut record = Self::new(name.parse()?, Version::as_found(version)?);
        for (letter, value) in fields {
            record.set(letter, value)?;
        }
        Ok(record)
    }

    /// `name-version`, as apk prints packages.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The name of the package's file in a repository.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.apk", self.display_name())
    }

    fn set(&mut self, letter: char, value: &str) -> Result<(), RecordError> {
        let text = (!value.is_empty()).then(|| value.to_owned());
        match letter {
            'P' | 'V' => {}
            'C' => self.identity = Some(value.parse()?),
            'A' => self.arch = text,
            'S' => self.size = number(letter, value)?,
            'I' => self.installed_size = number(letter, value)?,
            'T' => self.summary = text,
            'U' => self.url = text,
            'L' => self.license = text,
            'o' => self.origin = text,
            'm' => self.maintainer = text,
            't' => self.build_time = Some(number(letter, value)?),
            'c' => self.commit = text,
            'k' => self.provider_priority = Some(number(letter, value)?),
            'D' => match parse_list(value) {
                Ok(mut depends) => self.depends.append(&mut depends),
                Err(error) => {
                    self.uninstallable.push(format!("depends: {error}"));
                    self.unknown.push((letter, value.to_owned()));
                }
            },
            'p' => match parse_list(value) {
                Ok(mut provides) => self.provides.append(&mut provides),
                Err(_) => self.unknown.push((letter, value.to_owned())),
            },
            'i' => match parse_list(value) {
                Ok(mut install_if) => self.install_if.append(&mut install_if),
                Err(_) => self.unknown.push((letter, value.to_owned())),
            },
            _ => {
                if !letter.is_ascii_lowercase() {
                    self.uninstallable.push(format!("unknown field `{letter}`"));
                }
                self.unknown.push((letter, value.to_owned()));
            }
        }
        Ok(())
    }
}

/// Splits `X:value`.
pub(crate) fn split_field(line: &str) -> Result<(char, &str), RecordError> {
    let mut characters = line.chars();
    match (characters.next(), characters.next()) {
        (Some(letter), Some(':')) if letter.is_ascii_alphabetic() => Ok((letter, &line[2..])),
        _ => Err(RecordError::Line { line: line.to_owned() }),
    }
}

pub(crate) fn number<T: FromStr>(field: char, value: &str) -> Result<T, RecordError> {
    value.parse().map_err(|_| RecordError::Number { field, value: value.to_owned() })
}

impl fmt::Display for Record {
    /// The record's lines, each with its line break, without an empty line behind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |letter: char, value: Option<String>| match value {
            Some(value) => writeln!(f, "{letter}:{value}"),
            None => Ok(()),
        };
        line('C', self.identity.map(|identity| identity.to_string()))?;
        line('P', Some(self.name.to_string()))?;
        line('V', Some(self.version.to_string()))?;
        line('A', self.arch.clone())?;
        line('S', Some(self.size.to_string()))?;
        line('I', Some(self.installed_size.to_string()))?;
        line('T', self.summary.clone())?;
        line('U', self.url.clone())?;
        line('L', self.license.clone())?;
        line('o', self.origin.clone())?;
        line('m', self.maintainer.clone())?;
        line('t', self.build_time.map(|time| time.to_string()))?;
        line('c', self.commit.clone())?;
        line('k', self.provider_priority.map(|priority| priority.to_string()))?;
        line('D', list(&self.depends))?;
        line('p', list(&self.provides))?;
        line('i', list(&self.install_if))?;
        for (letter, value) in &self.unknown {
            line(*letter, Some(value.clone()))?;
        }
        Ok(())
    }
}

pub(crate) fn list<T: fmt::Display>(items: &[T]) -> Option<String> {
    (!items.is_empty()).then(|| format_list(items))
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a letter, a colon and a value.
    #[error("`{line}` is not a field, hint: fields look like `P:zlib`")]
    Line {
        /// The line.
        line: String,
    },
    /// A field every record has is missing.
    #[error("a record has no `{field}:`")]
    Missing {
        /// Its letter.
        field: char,
    },
    /// A number that is none.
    #[error("`{field}:` is `{value}`, not a number")]
    Number {
        /// The field's letter.
        field: char,
        /// Its value.
        value: String,
    },
    /// A field that is out of place in an installed database.
    #[error("`{line}` has nothing to belong to")]
    Place {
        /// The line.
        line: String,
    },
    /// The package's name.
    #[error(transparent)]
    Dependency(#[from] DependencyError),
    /// The package's version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A checksum.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
}
