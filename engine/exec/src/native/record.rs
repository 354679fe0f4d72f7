//! A package's record: what its index entry says, its effects, and every file, as
//! the JSON that passes from the packing of a package to all that is made of it.
//!
//! Unaware of the bytes of files.

use serde::{Deserialize, Serialize};
use wiz_apk::{Checksum, Entry, Kind, Owner, PkgInfo, Record};
use wiz_base::{Digest, RelPath};
use wiz_install::{Effects, Package, capabilities};

use super::pack_error::PackError;

/// The record of one package. Texts are in apk's notation; sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackageRecord {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) arch: String,
    /// `Q1` and the SHA-1 of the control member.
    pub(super) identity: String,
    /// Of the unsigned package.
    pub(super) size: u64,
    pub(super) installed_size: u64,
    #[serde(flatten)]
    pub(super) facts: Facts,
    /// Seconds since 1970.
    pub(super) build_time: u64,
    pub(super) effects: Effects,
    /// Sorted by path.
    pub(super) files: Vec<FileRecord>,
}

/// The facts of a package that are taken over from its definition as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) summary: String,
    pub(super) url: String,
    pub(super) license: String,
    pub(super) origin: String,
    pub(super) maintainer: String,
    pub(super) commit: String,
    pub(super) depends: Vec<String>,
    pub(super) provides: Vec<String>,
    pub(super) replaces: Vec<String>,
    pub(super) install_if: Vec<String>,
    pub(super) provider_priority: Option<u64>,
}

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FileKind {
    File,
    Directory,
    Symlink,
}

/// One file, folder or link. Hashes are in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRecord {
    pub(super) path: RelPath,
    pub(super) kind: FileKind,
    /// Octal digits.
    #[serde(with = "octal")]
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// Of a symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// Of a file, as the store knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) capabilities: Vec<capabilities::Capability>,
}

impl PackageRecord {
    /// Name and version, as people write them.
    pub(super) fn display_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The record in apk's index.
    pub(super) fn index_record(&self) -> Result<Record, PackError> {
        Ok(Record::from_info(&self.info()?, parse("identity", &self.identity)?, self.size))
    }

    /// The package as a root sees it.
    pub(super) fn package(&self) -> Result<Package, PackError> {
        let identity: Checksum = parse("identity", &self.identity)?;
        let entries = self.files.iter().map(FileRecord::entry).collect::<Result<_, _>>()?;
        Ok(Package::new(&self.info()?, identity, self.size, entries))
    }

    /// Its `.PKGINFO`, without the hash of its data.
    fn info(&self) -> Result<PkgInfo, PackError> {
        let info = self.facts.info(&self.name, &self.version, &self.arch)?;
        Ok(PkgInfo { size: self.installed_size, build_date: Some(self.build_time), ..info })
    }
}

impl Facts {
    /// The `.PKGINFO` of a package with these facts.
    pub(super) fn info(&self, name: &str, version: &str, arch: &str) -> Result<PkgInfo, PackError> {
        let text = |value: &String| (!value.is_empty()).then(|| value.clone());
        Ok(PkgInfo {
            summary: text(&self.summary),
            url: text(&self.url),
            license: text(&self.license),
            origin: text(&self.origin),
            maintainer: text(&self.maintainer),
            commit: text(&self.commit),
            depends: parse_all("depends", &self.depends)?,
            provides: parse_all("provides", &self.provides)?,
            replaces: parse_all("replaces", &self.replaces)?,
            install_if: parse_all("install_if", &self.install_if)?,
            provider_priority: self.provider_priority,
            ..PkgInfo::new(parse("name", name)?, parse("version", version)?, arch)
        })
    }
}

impl FileRecord {
    /// A symbolic link.
    pub(super) fn symlink(path: &RelPath, target: &str) -> Self {
        let sha1 = Checksum::sha1(target.as_bytes());
        Self {
            sha1: Some(hex::encode(sha1.bytes())),
            target: Some(target.to_owned()),
            ..Self::new(path, FileKind::Symlink, 0o777)
        }
    }

    /// Something of root's, without content.
    pub(super) fn new(path: &RelPath, kind: FileKind, mode: u32) -> Self {
        Self {
            path: path.clone(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            size: 0,
            sha1: None,
            sha256: None,
            target: None,
            digest: None,
            capabilities: Vec::new(),
        }
    }

    /// The same as an entry of a package.
    pub(super) fn entry(&self) -> Result<Entry, PackError> {
        let kind = match self.kind {
            FileKind::File => Kind::File { size: self.size },
            FileKind::Directory => Kind::Directory,
            FileKind::Symlink => Kind::Symlink { target: self.target.clone().unwrap_or_default() },
        };
        let mut entry = Entry::new(self.path.as_str(), kind, self.mode);
        entry.owner = owner(self.uid, self.gid);
        if let Some(sha1) = &self.sha1 {
            entry.checksum = Some(Checksum::Sha1(sha1_bytes(sha1)?));
        }
        if !self.capabilities.is_empty() {
            let value = capabilities::attribute(&self.capabilities);
            entry.xattrs.insert(capabilities::ATTRIBUTE.to_owned(), value);
        }
        Ok(entry)
    }
}

/// An owner by number; root's name is the one that every system knows.
fn owner(uid: u32, gid: u32) -> Owner {
    let name = |id| if id == 0 { "root".to_owned() } else { String::new() };
    Owner { uid, gid, user: name(uid), group: name(gid) }
}

fn sha1_bytes(text: &str) -> Result<[u8; 20], PackError> {
    let malformed = |message| PackError::Field { field: "sha1".to_owned(), value: text.to_owned(), message };
    let bytes = hex::decode(text).map_err(|error| malformed(error.to_string()))?;
    bytes.try_into().map_err(|_| malformed("20 bytes are expected".to_owned()))
}

/// A field as the type it stands for.
pub(super) fn parse<T>(field: &str, value: &str) -> Result<T, PackError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let refused = |error: T::Err| PackError::Field {
        field: field.to_owned(),
        value: value.to_owned(),
        message: error.to_string(),
    };
    value.parse().map_err(refused)
}

fn parse_all<T>(field: &str, values: &[String]) -> Result<Vec<T>, PackError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    values.iter().map(|value| parse(field, value)).collect()
}

/// A mode as a text of octal digits, since JSON has no octal numbers.
pub(super) mod octal {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    /// The mode that these digits stand for.
    pub(crate) fn parse(text: &str) -> Option<u32> {
        u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
    }

    pub(crate) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not a mode, hint: write `0755`")))
    }
}
