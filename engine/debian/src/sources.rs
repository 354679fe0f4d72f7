//! An index of source packages: `Sources`, of which the files of a package can be found by its
//! name. Unaware of where it came from.

use std::collections::BTreeMap;

use wiz_base::RelPath;

use crate::control::paragraphs;
use crate::index::{IndexError, decompressed};
use crate::release::is_sha256;

/// The source packages of one suite and component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    files: BTreeMap<String, Vec<SourceFile>>,
}

/// A file of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, such as `zlib_1.3.1.orig.tar.gz`.
    pub name: String,
    /// Where it lies below the root of all.
    pub path: RelPath,
    /// Its SHA-256 as 64 hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Sources {
    /// Reads an index as it lies in an archive; `name` ends in `.xz`, `.gz` or neither.
    ///
    /// # Errors
    /// [`IndexError`] if it is malformed.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, IndexError> {
        Self::parse(&decompressed(name, bytes)?)
    }

    /// Reads the text of an index.
    ///
    /// # Errors
    /// [`IndexError`] if it is malformed.
    pub fn parse(text: &str) -> Result<Self, IndexError> {
        let mut sources = Self::default();
        for paragraph in paragraphs(text)? {
            let package = paragraph.get("Package").unwrap_or_default().to_owned();
            let wrong = |field| IndexError::Field { package: package.clone(), field };
            let folder = paragraph.get("Directory").ok_or_else(|| wrong("Directory"))?;
            let listed = paragraph.get("Checksums-Sha256").ok_or_else(|| wrong("Checksums-Sha256"))?;
            for line in listed.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let file = file(folder, line).ok_or_else(|| wrong("Checksums-Sha256"))?;
                sources.files.entry(package.clone()).or_default().push(file);
            }
        }
        Ok(sources)
    }

    /// The files of all versions of a source package.
    #[must_use]
    pub fn files(&self, package: &str) -> &[SourceFile] {
        self.files.get(package).map_or(&[], Vec::as_slice)
    }

    /// How many source packages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A digest, a size and a name.
fn file(folder: &str, line: &str) -> Option<SourceFile> {
    let mut words = line.split_whitespace();
    let (sha256, size, name) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let path = RelPath::new(&format!("{folder}/{name}")).ok()?;
    (is_sha256(sha256) && words.next().is_none()).then(|| SourceFile {
        name: name.to_owned(),
        path,
        sha256: sha256.to_owned(),
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_the_package_they_are_of() {
        let digest = "0f".repeat(32);
        let text = format!(
            "Package: zlib\nVersion: 1:1.3.1-1\nDirectory: pool/main/z/zlib\nChecksums-Sha256:\n {digest} 7 zlib_1.3.1.orig.tar.gz\n {digest} 8 zlib_1.3.1-1.dsc\n\nPackage: zlib\nDirectory: pool/main/z/zlib\nChecksums-Sha256:\n {digest} 9 zlib_1.3.2.orig.tar.gz\n"
        );
        let sources = Sources::parse(&text).unwrap();
        let names: Vec<&str> = sources.files("zlib").iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["zlib_1.3.1.orig.tar.gz", "zlib_1.3.1-1.dsc", "zlib_1.3.2.orig.tar.gz"]);
        assert_eq!(sources.files("zlib")[0].path.as_str(), "pool/main/z/zlib/zlib_1.3.1.orig.tar.gz");
        assert!(sources.files("missing").is_empty());
        let broken = text.replace(" 9 zlib", " nine zlib");
        assert!(Sources::parse(&broken).unwrap_err().to_string().contains("no valid `Checksums-Sha256`"));
    }
}
