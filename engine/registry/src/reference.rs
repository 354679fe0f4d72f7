//! What people call an image in a registry: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.

use std::fmt;
use std::str::FromStr;

use wiz_oci::digest::Sha256Digest;

/// The tag of a reference that names none.
const LATEST: &str = "latest";

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The host, with its port if it names one.
    pub host: String,
    /// The repository's name.
    pub repository: String,
    /// The tag; none if only the digest was given.
    pub tag: Option<String>,
    /// The digest, if one was given.
    pub digest: Option<Sha256Digest>,
}

/// A text that is no reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` names no image in a registry: {problem}")]
pub struct ReferenceError {
    text: String,
    problem: &'static str,
}

impl Reference {
    /// What a manifest is asked for by: the digest, else the tag.
    #[must_use]
    pub fn version(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => LATEST.to_owned(),
        }
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |problem| ReferenceError { text: text.to_owned(), problem };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| wrong("what follows `@` is no SHA-256 digest"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) =
            rest.split_once('/').ok_or_else(|| wrong("it has no repository after the host"))?;
        if !(host == "localhost" || host.contains(['.', ':'])) {
            return Err(wrong("it begins with no host"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        let is_part = |part: &str| {
            !part.is_empty()
                && part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        if !repository.split('/').all(is_part) {
            return Err(wrong("repositories are lower-case letters, digits and `._-`, parted by `/`"));
        }
        let is_tag = |tag: &String| {
            (1..=128).contains(&tag.len())
                && !tag.starts_with(['.', '-'])
                && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if !tag.as_ref().is_none_or(is_tag) {
            return Err(wrong("tags are letters, digits and `._-`, at most 128"));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| LATEST.to_owned()));
        Ok(Self { host: host.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_shown() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, shown) in [
            ("registry.example/base", "registry.example/base:latest".to_owned()),
            ("registry.example:5000/a/b_c:1.2", "registry.example:5000/a/b_c:1.2".to_owned()),
            ("localhost/x:T", "localhost/x:T".to_owned()),
            ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest".to_owned()),
            (&format!("r.example/x@{digest}"), format!("r.example/x@{digest}")),
            (&format!("r.example/x:1@{digest}"), format!("r.example/x:1@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), shown);
        }
        let reference: Reference = format!("r.example/x:1@{digest}").parse().unwrap();
        assert_eq!(reference.version(), digest);
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason() {
        for (text, problem) in [
            ("base", "no repository"),
            ("library/base", "no host"),
            ("r.example/", "repositories are"),
            ("r.example/Base", "repositories are"),
            ("r.example/a//b", "repositories are"),
            ("r.example/a:", "tags are"),
            ("r.example/a:-x", "tags are"),
            ("r.example/a@sha256:12", "no SHA-256"),
        ] {
            let refused = text.parse::<Reference>().unwrap_err().to_string();
            assert!(refused.contains(problem), "{text}: {refused}");
        }
    }

    #[test]
    fn this_machine_is_local() {
        for (text, is_local) in [
            ("localhost:5000/x", true),
            ("127.0.0.1:5000/x", true),
            ("[::1]:5000/x", true),
            ("10.0.0.1:5000/x", false),
            ("r.example/x", false),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().is_local(), is_local, "{text}");
        }
    }
}
