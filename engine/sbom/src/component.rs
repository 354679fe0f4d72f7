//! Components: an image, a package, an archive, a patch, a tool, and the files
//! in it. Unaware of how components stand to one another.

use std::fmt;
use std::io::{self, Read};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use wiz_base::RelPath;

use crate::cpe::Cpe;
use crate::licence::Licence;
use crate::party::Party;
use crate::purl::Purl;

/// Length of a SHA-1 in bytes.
pub const SHA1_LEN: usize = 20;

/// Length of a SHA-256 in bytes.
pub const SHA256_LEN: usize = 32;

/// Names a component within its document, for instance `package/zlib`. Readers
/// see it in identifiers, with other characters than letters and digits replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComponentId(String);

impl ComponentId {
    /// A name from any text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A container image.
    Image,
    /// An installable package.
    Package,
    /// An archive of sources, as upstream published it.
    Source,
    /// A patch to sources.
    Patch,
    /// A program that took part in building.
    Tool,
}

/// A component: what is known of it, and nothing that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What it is.
    pub purpose: Purpose,
    /// Its name, such as `zlib`.
    pub name: String,
    /// Its version, such as `1.3.1-r0`. A patch has none.
    pub version: Option<String>,
    /// What it is, in a line.
    pub summary: Option<String>,
    /// The package it was split from, if that has another name.
    pub origin: Option<String>,
    /// Under what it is licensed, as its definition declares.
    pub licence: Option<Licence>,
    /// Who supplies it.
    pub supplier: Option<Party>,
    /// Its package URL.
    pub purl: Option<Purl>,
    /// What vulnerability databases call it.
    pub cpe: Option<Cpe>,
    /// Where its project is at home, an `https:` or `http:` URL.
    pub homepage: Option<String>,
    /// Where it can be downloaded, the first choice first. Anything but `https:`,
    /// `http:` and `ftp:` is kept as a remark.
    pub locations: Vec<String>,
    /// SHA-1 of the component as one file.
    pub sha1: Option<[u8; SHA1_LEN]>,
    /// SHA-256 of the component as one file.
    pub sha256: Option<[u8; SHA256_LEN]>,
    /// Its regular files. Empty if they are not listed.
    pub files: Vec<FileRecord>,
    /// What a reader should know besides, in a sentence.
    pub note: Option<String>,
}

impl Component {
    /// A component of which nothing is known but what it is and its name.
    #[must_use]
    pub fn new(purpose: Purpose, name: &str) -> Self {
        Self {
            purpose,
            name: name.to_owned(),
            version: None,
            summary: None,
            origin: None,
            licence: None,
            supplier: None,
            purl: None,
            cpe: None,
            homepage: None,
            locations: Vec::new(),
            sha1: None,
            sha256: None,
            files: Vec::new(),
            note: None,
        }
    }

    /// The places that anybody can download it from, the first choice first.
    pub(crate) fn downloads(&self) -> impl Iterator<Item = &String> {
        self.locations.iter().filter(|location| is_download(location))
    }

    /// Where it is said to be besides, which nobody but its author can follow.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &String> {
        self.locations.iter().filter(|location| !is_download(location))
    }
}

/// Whether a location is one that SPDX takes for a place to download from.
fn is_download(location: &str) -> bool {
    ["https://", "http://", "ftp://"].iter().any(|scheme| location.starts_with(scheme))
}

/// A regular file of a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRecord {
    /// Where it is installed, below the root.
    pub path: RelPath,
    /// Digests of its content.
    pub digests: FileDigests,
}

/// Both digests that documents give of a file: validators insist on SHA-1, and
/// everybody else compares SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileDigests {
    /// SHA-1 of the content.
    pub sha1: [u8; SHA1_LEN],
    /// SHA-256 of the content.
    pub sha256: [u8; SHA256_LEN],
}

impl FileDigests {
    /// Makes both digests in one pass.
    ///
    /// # Errors
    /// Those of `content`.
    pub fn read(mut content: impl Read) -> io::Result<Self> {
        let (mut sha1, mut sha256) = (Sha1::new(), Sha256::new());
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match content.read(&mut chunk) {
                Ok(0) => return Ok(Self { sha1: sha1.finalize().into(), sha256: sha256.finalize().into() }),
                Ok(length) => {
                    sha1.update(&chunk[..length]);
                    sha256.update(&chunk[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        let digests = FileDigests::read(&b"abc"[..]).unwrap();
        assert_eq!(hex::encode(digests.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(digests.sha256), sha256);
    }
}
