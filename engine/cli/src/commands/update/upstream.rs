//! Upstream's versions, by the names of the files that an archive has. Unaware of definitions.

use wiz_apk::Version;
use wiz_debian::Sources;

/// Where a source is from, its version filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) urls: Vec<String>,
    pub(super) sha256: String,
}

/// A version that there is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Newer {
    /// As upstream writes it.
    pub(super) version: String,
    /// The same, to be compared.
    pub(super) parsed: Version,
    /// Where it is.
    pub(super) url: String,
    pub(super) sha256: String,
    pub(super) size: u64,
    /// What the file's name ends in: `gz`, `xz`, `bz2`.
    pub(super) compression: String,
}

const ORIGINAL: &str = ".orig.tar.";

/// The newest version of a source in the index, which may be the one there is; why there can be
/// none, otherwise.
pub(super) fn newest(source: &Source, version: &str, index: &Sources) -> Result<Option<Newer>, &'static str> {
    let place = source.urls.iter().find_map(|url| url.strip_prefix("debian:pool/"));
    let place = place.ok_or("their sources are not in the archive that `debian:` stands for")?;
    let mut segments = place.rsplit('/');
    let (file, package) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let stem = file.split(ORIGINAL).next().filter(|stem| stem.len() < file.len());
    let (before, after) = stem
        .and_then(|stem| stem.split_once(version))
        .ok_or("their files are not named for their versions")?;
    let candidate = |name: &str| -> Option<(String, Version, String)> {
        let (stem, compression) = name.split_once(ORIGINAL)?;
        // Signatures stand beside the archives.
        if compression.contains('.') {
            return None;
        }
        let version = stem.strip_prefix(before)?.strip_suffix(after)?;
        Some((version.to_owned(), version.parse().ok()?, compression.to_owned()))
    };
    let found = index.files(package).iter().filter_map(|file| {
        let (version, parsed, compression) = candidate(&file.name)?;
        Some(Newer {
            version,
            parsed,
            url: format!("debian:{}", file.path),
            sha256: file.sha256.clone(),
            size: file.size,
            compression,
        })
    });
    Ok(found.max_by(|a, b| a.parsed.compare(&b.parsed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(files: &[&str]) -> Sources {
        let digest = "0f".repeat(32);
        let lines: String = files.iter().map(|name| format!(" {digest} 7 {name}\n")).collect();
        Sources::parse(&format!("Package: lib\nDirectory: pool/main/l/lib\nChecksums-Sha256:\n{lines}"))
            .unwrap()
    }

    fn newest(url: &str, version: &str, files: &[&str]) -> Result<Option<String>, &'static str> {
        let source =
            Source { urls: vec!["https://x.test/y".to_owned(), url.to_owned()], sha256: String::new() };
        let found = super::newest(&source, version, &index(files))?;
        Ok(found.map(|found| format!("{} {}", found.version, found.compression)))
    }

    #[test]
    fn versions_are_read_from_names() {
        let url = "debian:pool/main/l/lib/lib_1.2.orig.tar.gz";
        let files = [
            "lib_1.9.orig.tar.xz",
            "lib_1.10.orig.tar.xz",
            "lib_1.10.orig.tar.xz.asc",
            "lib_1.11~rc1.orig.tar.xz",
            "lib_1.12-1.debian.tar.xz",
        ];
        assert_eq!(newest(url, "1.2", &files), Ok(Some("1.10 xz".to_owned())));
        assert_eq!(newest(url, "1.2", &["lib_1.3+dfsg.orig.tar.xz"]), Ok(None));
        let url = "debian:pool/main/l/lib/lib_1.2+dfsg.orig.tar.gz";
        assert_eq!(newest(url, "1.2", &["lib_1.3+dfsg.orig.tar.xz"]), Ok(Some("1.3 xz".to_owned())));
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        assert!(newest("https://x.test/lib-1.2.tar.gz", "1.2", &[]).is_err());
        assert!(newest("debian:pool/main/l/lib/lib.orig.tar.gz", "1.2", &[]).is_err());
    }
}
