//! What an image says of its distribution: os-release(5), the three fields that name
//! packages. Unaware of the rest of it.

use super::{BillError, Contents, NativeError, NativeJob};

/// Where it is.
const PATH: &str = "usr/lib/os-release";

/// What names packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OsRelease {
    /// `ID`.
    pub(super) id: String,
    /// `VERSION_ID`.
    pub(super) version: String,
    /// `NAME`.
    pub(super) name: String,
}

impl OsRelease {
    /// Reads it from an image's files.
    pub(super) fn of(job: &NativeJob<'_>, contents: &Contents) -> Result<Self, NativeError> {
        let listed = contents.files.iter().find(|file| file.file.path.as_str() == PATH);
        let digest = listed.and_then(|file| file.file.digest);
        let digest = digest.ok_or(BillError::OsRelease { path: PATH, problem: "is missing" })?;
        Ok(Self::parse(&String::from_utf8_lossy(&job.store.read(&digest)?))?)
    }

    fn parse(text: &str) -> Result<Self, BillError> {
        let field = |name: &str, problem| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            let value = line.map(|value| value.trim().trim_matches(['"', '\'']).to_owned());
            let value = value.filter(|value| !value.is_empty());
            value.ok_or(BillError::OsRelease { path: PATH, problem })
        };
        Ok(Self {
            id: field("ID", "has no `ID`")?,
            version: field("VERSION_ID", "has no `VERSION_ID`")?,
            name: field("NAME", "has no `NAME`")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_do_not_count() {
        let release = OsRelease::parse("ID=x\nNAME=\"An X\"\nVERSION_ID='1'\n").unwrap();
        assert_eq!(
            (release.id.as_str(), release.name.as_str(), release.version.as_str()),
            ("x", "An X", "1")
        );
    }

    #[test]
    fn an_empty_version_is_none() {
        let error = OsRelease::parse("ID=x\nNAME=X\nVERSION_ID=\"\"\n").unwrap_err();
        assert!(error.to_string().starts_with("the image's `usr/lib/os-release` has no `VERSION_ID`"));
    }
}
