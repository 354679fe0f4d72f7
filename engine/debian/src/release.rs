//! The release file of a suite: what it is, and the digests of its indexes; and the
//! signed text within an `InRelease`. Unaware of whether a signature is good.

use std::collections::BTreeMap;

use crate::control::{ControlError, paragraphs};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// What a suite says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `Suite`, such as `oldstable`.
    pub suite: String,
    /// `Codename`, such as `bookworm`.
    pub codename: String,
    /// `Description`, or what stands for it.
    pub description: String,
    /// `Date`, as it is written.
    pub date: String,
    /// Whether files are found by their digest too: `Acquire-By-Hash`.
    pub by_hash: bool,
    /// Files by their path below the suite.
    pub files: BTreeMap<String, ListedFile>,
}

/// What a release file says of another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its SHA-256 as 64 hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A release file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// It is not one control paragraph.
    #[error("the release file is malformed: {0}")]
    Control(#[from] ControlError),
    /// There is no paragraph, or more than one.
    #[error("the release file is malformed: it has {0} paragraphs, not one")]
    Paragraphs(usize),
    /// A line of the digests.
    #[error("the release file is malformed: `{0}` is not a digest, a size and a path")]
    Digest(String),
    /// A clear-signed text with something before, between or behind.
    #[error("it is not one clear-signed text: {0}")]
    Signed(&'static str),
}

impl Release {
    /// Reads the text of a release file, without a signature around it.
    ///
    /// # Errors
    /// [`ReleaseError`] if it is malformed.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let found = paragraphs(text)?;
        let [paragraph] = found.as_slice() else { return Err(ReleaseError::Paragraphs(found.len())) };
        let field = |name: &str| paragraph.get(name).unwrap_or_default().to_owned();
        let mut files = BTreeMap::new();
        for line in paragraph.get("SHA256").unwrap_or_default().lines() {
            let (path, listed) = listed(line).ok_or_else(|| ReleaseError::Digest(line.trim().to_owned()))?;
            files.insert(path, listed);
        }
        let named = |name: &str| paragraph.get(name).unwrap_or("an archive without a name").to_owned();
        Ok(Self {
            suite: field("Suite"),
            codename: field("Codename"),
            description: paragraph.get("Description").map_or_else(|| named("Origin"), str::to_owned),
            date: field("Date"),
            by_hash: field("Acquire-By-Hash").eq_ignore_ascii_case("yes"),
            files,
        })
    }

    /// Whether this is the suite that somebody calls `name`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.suite == name || self.codename == name
    }
}

fn listed(line: &str) -> Option<(String, ListedFile)> {
    let mut words = line.split_whitespace();
    let (sha256, size, path) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let sound = words.next().is_none() && is_sha256(sha256);
    sound.then(|| (path.to_owned(), ListedFile { sha256: sha256.to_owned(), size }))
}

/// Whether this is a SHA-256 as lower-case hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The text that the signature of an `InRelease` is about: RFC 9580, section 7. Nothing may
/// stand before or behind, since nothing vouches for it.
///
/// # Errors
/// [`ReleaseError::Signed`] if it is anything but one clear-signed text.
pub fn signed_text(inline: &str) -> Result<String, ReleaseError> {
    let mut lines = inline.lines();
    if lines.next().map(str::trim_end) != Some(BEGIN) {
        return Err(ReleaseError::Signed("it does not begin as one"));
    }
    let mut header = lines.by_ref().take_while(|line| !line.trim().is_empty());
    if !header.all(|line| line.starts_with("Hash: ")) {
        return Err(ReleaseError::Signed("its header has more than `Hash`"));
    }
    let mut text = String::new();
    loop {
        let line = lines.next().ok_or(ReleaseError::Signed("it has no signature"))?;
        if line.trim_end() == SIGNATURE {
            break;
        }
        let line = match line.strip_prefix("- ") {
            Some(escaped) => escaped,
            None if line.starts_with('-') => return Err(ReleaseError::Signed("a dash is not escaped")),
            None => line,
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !lines.by_ref().any(|line| line.trim_end() == END) {
        return Err(ReleaseError::Signed("its signature does not end"));
    }
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(ReleaseError::Signed("something follows its signature"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Origin: Test\nSuite: stable\nCodename: able\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n\
        Acquire-By-Hash: yes\nSHA256:\n \
        00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff 12 main/binary-amd64/Packages.xz\n";

    #[test]
    fn a_release_lists_files() {
        let release = Release::parse(TEXT).unwrap();
        assert_eq!((release.description.as_str(), release.by_hash), ("Test", true));
        assert!(release.is("stable") && release.is("able") && !release.is("unstable"));
        assert_eq!(release.files["main/binary-amd64/Packages.xz"].size, 12);
        assert!(matches!(Release::parse("SHA256:\n 0 1 x\n"), Err(ReleaseError::Digest(_))));
        assert!(matches!(Release::parse("A: 1\n\nA: 2\n"), Err(ReleaseError::Paragraphs(2))));
        assert!(matches!(Release::parse("<html>\n"), Err(ReleaseError::Control(_))));
    }

    #[test]
    fn the_signed_text_is_all_there_is() {
        let signed = |before: &str, text: &str, behind: &str| {
            let text = format!("{before}{BEGIN}\nHash: SHA256\n\n{text}{SIGNATURE}\n\nabc=\n{END}\n{behind}");
            signed_text(&text)
        };
        assert_eq!(signed("", "A: 1\n- -B: 2 \n", "").unwrap(), "A: 1\n-B: 2\n");
        for (before, text, behind) in
            [("x\n", "A: 1\n", ""), ("", "A: 1\n", "B: 2\n"), ("", "-A: 1\n", ""), ("\n", "", "")]
        {
            assert!(signed(before, text, behind).is_err(), "{before:?} {text:?} {behind:?}");
        }
        assert!(signed_text("Origin: Test\n").is_err());
        assert!(signed_text(&format!("{BEGIN}\nEvil: x\n\nA: 1\n{SIGNATURE}\n{END}\n")).is_err());
        assert!(signed_text(&format!("{BEGIN}\nHash: x\n\nA: 1\n")).is_err());
    }
}
