//! Repositories as they are written in `etc/apk/repositories` and on the command line.
//!
//! Only says what is meant; nothing is opened here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wiz_apk::Record;

/// Name of an index below a repository's architecture.
const INDEX: &str = "APKINDEX.tar.gz";

/// Where bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// On this machine.
    Path(PathBuf),
    /// On a server.
    Url(String),
}

/// A repository.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    /// What was written, without a tag; passwords are hidden.
    pub(crate) shown: String,
    /// The index as it is shown.
    pub(crate) shown_index: String,
    index: String,
    base: String,
    /// Packages lie beside the index, not below their architecture.
    is_flat: bool,
    /// It counts as a server's.
    pub(crate) is_remote: bool,
    /// Tags it is assigned to; `None` for none.
    pub(crate) tags: Vec<Option<String>>,
    /// What the index says it is.
    pub(crate) description: String,
    /// The index has been read.
    pub(crate) is_available: bool,
}

impl Repository {
    /// The repository that `address` names, for packages of `arch` first of all. An
    /// address that is a file, or ends like an index, is that of an index itself.
    pub(crate) fn new(address: &str, tag: Option<String>, arch: &str) -> Self {
        let base = address.trim_end_matches('/');
        let is_file = matches!(locate(base), Location::Path(path) if path.is_file());
        let is_flat = is_file || base.ends_with(".tar.gz") || base.ends_with(".adb");
        let index = if is_flat { base.to_owned() } else { format!("{base}/{arch}/{INDEX}") };
        let folder = if is_flat { base.rsplit_once('/').map_or(".", |(folder, _)| folder) } else { base };
        Self {
            shown: hide_password(base),
            shown_index: hide_password(&index),
            is_remote: base.starts_with("test:") || matches!(locate(base), Location::Url(_)),
            base: folder.to_owned(),
            index,
            is_flat,
            tags: vec![tag],
            description: String::new(),
            is_available: false,
        }
    }

    pub(crate) fn index(&self) -> Location {
        locate(&self.index)
    }

    /// Whether the index is of the format of apk 3, which this program does not read.
    pub(crate) fn is_of_another_format(&self) -> bool {
        self.index.ends_with(".adb")
    }

    /// Where a package may be: below its own architecture, or beside the index.
    pub(crate) fn package(&self, record: &Record) -> Vec<Location> {
        let name = record.file_name();
        let beside = self.index.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let mut folders = vec![beside.to_owned()];
        if let (Some(arch), false) = (&record.arch, self.is_flat) {
            folders.insert(0, format!("{}/{arch}", self.base));
            folders.dedup();
        }
        folders.iter().map(|folder| locate(&format!("{folder}/{name}"))).collect()
    }

    /// The index's name in a cache: by what it is the index of.
    pub(crate) fn cached_index(&self) -> String {
        let hash = hex::encode(Sha256::digest(self.index.as_bytes()));
        format!("APKINDEX.{}.tar.gz", &hash[..8])
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.index, &self.base) == (&other.index, &other.base)
    }
}

/// Where the address leads: to a server if it has a scheme other than `file:`.
fn locate(address: &str) -> Location {
    let local = ["test:", "file:"].iter().find_map(|scheme| address.strip_prefix(scheme));
    match local {
        Some(path) => {
            // `file:///a` and `file:/a` are the same.
            let path = path.strip_prefix("//").unwrap_or(path);
            Location::Path(PathBuf::from(path))
        }
        None if address.contains("://") => Location::Url(address.to_owned()),
        None => Location::Path(PathBuf::from(address)),
    }
}

fn hide_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let authority = rest.split('/').next().unwrap_or(rest);
    let hidden = authority.rsplit_once('@').and_then(|(login, host)| {
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:*@{host}{}", &rest[authority.len()..]))
    });
    hidden.unwrap_or_else(|| address.to_owned())
}

/// Lines of a file with repositories, and the variables they set.
#[derive(Debug)]
pub(crate) struct Lines {
    arch: String,
    variables: BTreeMap<String, String>,
}

impl Lines {
    pub(crate) fn new(arch: &str) -> Self {
        let variables = BTreeMap::from([("APK_ARCH".to_owned(), arch.to_owned())]);
        Self { arch: arch.to_owned(), variables }
    }

    /// The repositories of a line: one, or one for each component behind the address.
    /// Empty lines and those that begin with `#` have none.
    pub(crate) fn read(&mut self, line: &str) -> Result<Vec<Repository>, RepositoryError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        let malformed = || RepositoryError::Line { line: line.to_owned() };
        let mut words = line.split_whitespace().peekable();
        match words.peek().copied() {
            Some("set") => {
                let (name, value) =
                    words.nth(1).and_then(|word| word.split_once('=')).ok_or_else(malformed)?;
                let is_name =
                    name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.starts_with("APK_");
                let value = self.expand(value)?;
                if is_name {
                    self.variables.insert(name.to_owned(), value);
                    return Ok(Vec::new());
                }
                return Err(malformed());
            }
            Some("v2" | "ndx") => drop(words.next()),
            Some("v3") => return Err(RepositoryError::Format { line: line.to_owned() }),
            _ => {}
        }
        let tag = words.next_if(|word| word.starts_with('@')).map(|tag| tag[1..].to_owned());
        let address = self.expand(words.next().ok_or_else(malformed)?)?;
        let components = words.map(|word| self.expand(word)).collect::<Result<Vec<_>, _>>()?;
        if components.is_empty() {
            return Ok(vec![Repository::new(&address, tag, &self.arch)]);
        }
        let address = |component: &String| format!("{}/{component}", address.trim_end_matches('/'));
        let repository = |component| Repository::new(&address(component), tag.clone(), &self.arch);
        Ok(components.iter().map(repository).collect())
    }

    /// Puts values in place of `${name}`.
    fn expand(&self, text: &str) -> Result<String, RepositoryError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let unknown = |name: &str| RepositoryError::Variable { name: name.to_owned() };
            let (name, behind) = behind.split_once('}').ok_or_else(|| unknown(behind))?;
            expanded.push_str(before);
            expanded.push_str(self.variables.get(name).ok_or_else(|| unknown(name))?);
            rest = behind;
        }
        Ok(expanded + rest)
    }
}

/// Whether the text is that of a package file rather than of a dependency.
pub(crate) fn is_package_file(argument: &str) -> bool {
    argument.contains('.') && Path::new(argument).is_file()
}

/// A line that names no repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RepositoryError {
    #[error("`{line}` is no repository, hint: write `[@tag] ADDRESS [COMPONENT...]`")]
    Line { line: String },
    #[error("`{line}` is a repository of apk 3's format, which this apk does not read")]
    Format { line: String },
    #[error("`${{{name}}}` is not set")]
    Variable { name: String },
    #[error("there are more than {max} repositories")]
    TooMany { max: u32 },
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(lines: &str, expected: &Expect) {
        let mut reader = Lines::new("x86_64");
        let mut shown = String::new();
        for line in lines.lines() {
            match reader.read(line) {
                Ok(repositories) => repositories.iter().for_each(|repository| {
                    let tags: Vec<&str> = repository.tags.iter().flatten().map(String::as_str).collect();
                    shown.push_str(&format!("{} {:?}\n", repository.shown_index, tags));
                }),
                Err(error) => shown.push_str(&format!("{error}\n")),
            }
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn lines_name_repositories() {
        check(
            "# comment\n\nhttps://a.example/main/\n@edge https://me:secret@a.example/edge\nv2 /srv/repo one two",
            &expect![[r#"
                https://a.example/main/x86_64/APKINDEX.tar.gz []
                https://me:*@a.example/edge/x86_64/APKINDEX.tar.gz ["edge"]
                /srv/repo/one/x86_64/APKINDEX.tar.gz []
                /srv/repo/two/x86_64/APKINDEX.tar.gz []
            "#]],
        );
        check(
            "set mirror=https://a.example\n${mirror}/${APK_ARCH}/b\ntest:/a/b.tar.gz",
            &expect![[r#"
                https://a.example/x86_64/b/x86_64/APKINDEX.tar.gz []
                test:/a/b.tar.gz []
            "#]],
        );
    }

    #[test]
    fn malformed_lines_are_refused() {
        check(
            "@tag\nset APK_ARCH=a\n${unknown}/a\nv3 /srv",
            &expect![[r#"
                `@tag` is no repository, hint: write `[@tag] ADDRESS [COMPONENT...]`
                `set APK_ARCH=a` is no repository, hint: write `[@tag] ADDRESS [COMPONENT...]`
                `${unknown}` is not set
                `v3 /srv` is a repository of apk 3's format, which this apk does not read
            "#]],
        );
    }

    #[test]
    fn packages_lie_below_their_architecture() {
        let mut record = Record::new("a".parse().unwrap(), "1-r0".parse().unwrap());
        record.arch = Some("noarch".to_owned());
        let repository = Repository::new("file:///srv/repo", None, "x86_64");
        assert_eq!(
            repository.package(&record),
            ["/srv/repo/noarch/a-1-r0.apk", "/srv/repo/x86_64/a-1-r0.apk"]
                .map(|path| Location::Path(path.into()))
        );
        let flat = Repository::new("https://a.example/x/APKINDEX.tar.gz", None, "x86_64");
        assert_eq!(flat.package(&record), [Location::Url("https://a.example/x/a-1-r0.apk".to_owned())]);
    }
}
