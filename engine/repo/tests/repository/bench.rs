//! A folder with keys, unsigned packages as a build leaves them, and repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;
use wiz_apk::dependency::parse_list;
use wiz_apk::index::archive;
use wiz_apk::key::{PrivateKey, PublicKeys};
use wiz_apk::{Checksum, Entry, PkgInfo, Record, write_package};
use wiz_repo::key_folder::{NamedPublicKeys, load, to_verify};
use wiz_repo::{
    Change, Publication, Published, RepositoryError, Unsigned, Written, check, publish, write_signed,
};

/// The architecture of everything here.
pub(crate) const ARCH: &str = "x86_64";

/// What a package is made of: `name version`, then `field=value` words with commas for
/// spaces (`depends`, `provides`, `replaces`, `origin`) and `/path:content` words.
pub(crate) type Line<'a> = &'a str;

/// Names the folder of keys to a process that this test starts.
pub(crate) const KEYS_VARIABLE: &str = "WIZ_REPO_TEST_KEYS";

const NAMES: [&str; 3] = ["first-00000001", "second-00000002", "stranger-00000003"];

/// Keys of 2048 bits that openssl made, since those of 4096 take their time.
static KEYS: LazyLock<(Option<TempDir>, PathBuf)> = LazyLock::new(|| {
    if let Some(folder) = env::var_os(KEYS_VARIABLE) {
        return (None, folder.into());
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_owned();
    for name in NAMES {
        let path = path.join(format!("{name}.rsa"));
        let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&path).arg("2048").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    (Some(folder), path)
});

/// The folder of the keys.
pub(crate) fn keys_folder() -> &'static Path {
    &KEYS.1
}

/// One of the keys `first`, `second` and `stranger`.
pub(crate) fn key(name: &str) -> PrivateKey {
    let full = NAMES.iter().find(|full| full.starts_with(name)).unwrap();
    load(&keys_folder().join(format!("{full}.rsa"))).unwrap()
}

/// Public halves of keys.
pub(crate) fn public(names: &[&str]) -> NamedPublicKeys {
    let public = |name: &&str| {
        let key = key(name);
        (key.public_file_name(), (key.public(), key.public().to_pem()))
    };
    names.iter().map(public).collect()
}

/// The same, to verify with.
pub(crate) fn trusted(names: &[&str]) -> PublicKeys {
    to_verify(&public(names))
}

/// A folder to work in.
pub(crate) struct Bench {
    _folder: Option<TempDir>,
    root: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { root: folder.path().to_owned(), _folder: Some(folder) }
    }

    /// The one that another process made.
    pub(crate) fn at(root: &Path) -> Self {
        Self { _folder: None, root: root.to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes an unsigned repository of these packages, as the `index` action does.
    pub(crate) fn unsigned(&self, name: &str, packages: &[Line<'_>]) -> PathBuf {
        let folder = self.path(name).join(ARCH);
        fs::create_dir_all(&folder).unwrap();
        let mut records: Vec<Record> = packages.iter().map(|line| package(&folder, line)).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.version.compare(&b.version)));
        let newest = records.iter().filter_map(|record| record.build_time).max().unwrap_or(0);
        fs::write(
            folder.join(wiz_repo::UNSIGNED_INDEX),
            archive::write(&records, "made up", newest).unwrap(),
        )
        .unwrap();
        self.path(name)
    }

    /// Signs these packages into the folder `name`.
    pub(crate) fn signed(&self, name: &str, by: &str, packages: &[Line<'_>]) -> PathBuf {
        self.sign(name, by, &[by], packages).unwrap();
        self.path(name)
    }

    pub(crate) fn sign(
        &self,
        name: &str,
        by: &str,
        keys: &[&str],
        packages: &[Line<'_>],
    ) -> Result<Written, RepositoryError> {
        let tree = packages.join("\n");
        let unsigned = Unsigned { arch: ARCH, tree: &Checksum::sha1(tree.as_bytes()).to_string() };
        write_signed(unsigned, &key(by), &public(keys), &self.path(name), || {
            let name = format!("{name}.unsigned");
            let _ = fs::remove_dir_all(self.path(&name));
            Ok(self.unsigned(&name, packages))
        })
    }

    /// Publishes `from` into the folder `published`.
    pub(crate) fn publish(&self, from: &Path, by: &str) -> Result<Published, RepositoryError> {
        self.publish_with(from, by, &[by], &[], &mut |_| {})
    }

    pub(crate) fn publish_with(
        &self,
        from: &Path,
        by: &str,
        trusting: &[&str],
        revoking: &[&str],
        told: &mut dyn FnMut(Change<'_>),
    ) -> Result<Published, RepositoryError> {
        let revoked: BTreeSet<String> = revoking.iter().map(|name| key(name).public_file_name()).collect();
        let publication = Publication {
            from,
            arch: ARCH,
            to: &self.path("published"),
            key: &key(by),
            trusted: &public(trusting),
            revoked: &revoked,
            allow_older: false,
        };
        publish(&publication, told)
    }

    /// What is wrong with a repository, one fault a line.
    pub(crate) fn faults(&self, name: &str, trusting: &[&str]) -> String {
        faults(&self.path(name), trusting, None)
    }
}

/// What is wrong with the repository at `path`, the path itself left out.
pub(crate) fn faults(path: &Path, trusting: &[&str], since: Option<&Path>) -> String {
    let (_, faults) = check(path, &trusted(trusting), since).unwrap();
    let text: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    text.replace(&format!("{}/", path.display()), "")
}

/// The files in a folder, hidden ones aside, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

/// Makes one unsigned package and returns its record.
fn package(folder: &Path, line: Line<'_>) -> Record {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next().unwrap(), words.next().unwrap());
    let mut info = PkgInfo::new(name.parse().unwrap(), version.parse().unwrap(), ARCH);
    info.origin = Some(name.to_owned());
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    for word in words {
        if let Some((path, content)) = word.strip_prefix('/').and_then(|file| file.split_once(':')) {
            files.insert(path, content);
            continue;
        }
        let (field, value) = word.split_once('=').unwrap();
        let value = value.replace(',', " ");
        match field {
            "depends" => info.depends = parse_list(&value).unwrap(),
            "provides" => info.provides = parse_list(&value).unwrap(),
            "replaces" => info.replaces = parse_list(&value).unwrap(),
            "origin" => info.origin = Some(value),
            other => panic!("what is `{other}`?"),
        }
    }
    let path = folder.join(format!("{name}-{version}.apk"));
    let mut output = fs::File::create(&path).unwrap();
    let written = write_package(&info, 1_767_225_600, tempfile::tempfile().unwrap(), &mut output, |data| {
        for (path, content) in &files {
            data.append(&Entry::file(path, content.as_bytes()), &mut content.as_bytes())?;
        }
        Ok(())
    });
    let written = written.unwrap();
    Record::from_info(&written.control.info, written.control.identity(), written.size())
}
