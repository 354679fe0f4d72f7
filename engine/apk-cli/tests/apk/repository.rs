//! Packages and signed repositories, made for a test.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use wiz_apk::key::PrivateKey;
use wiz_apk::package::PackageError;
use wiz_apk::signature::Signature;
use wiz_apk::{Entry, PackageReader, PkgInfo, Record, index, write_package};

const EPOCH: u64 = 1_700_000_000;
pub(crate) const ARCH: &str = "x86_64";

/// The key that signs, 2048 bits where openssl makes it, because that is quicker.
pub(crate) static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
    let made = Command::new("openssl").args(["genrsa", "2048"]).output();
    let pem = made.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    match pem {
        Some(pem) => PrivateKey::from_pem("tester", &String::from_utf8(pem).unwrap()).unwrap(),
        None => PrivateKey::generate("tester", &mut Entropy).unwrap(),
    }
});

/// The kernel's random numbers.
struct Entropy;

impl rand_core::TryRng for Entropy {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let mut file = fs::File::open("/dev/urandom").unwrap();
        std::io::Read::read_exact(&mut file, bytes).unwrap();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Entropy {}

/// A package to be made.
pub(crate) struct Package {
    pub(crate) info: PkgInfo,
    entries: Vec<(Entry, Vec<u8>)>,
}

/// A package `name-version` whose file is made of `files`: a path that ends with `/` is a
/// folder, `a -> b` a link, `a => b` a hard link, anything else a file with the text
/// behind it.
pub(crate) fn package(name: &str, version: &str, files: &[(&str, &str)]) -> Package {
    let info = PkgInfo::new(name.parse().unwrap(), version.parse().unwrap(), ARCH);
    let mut entries: Vec<(Entry, Vec<u8>)> = Vec::new();
    for (path, text) in files {
        let entry = if let Some(folder) = path.strip_suffix('/') {
            (Entry::directory(folder), Vec::new())
        } else if let Some((path, target)) = path.split_once(" -> ") {
            (Entry::symlink(path, target), Vec::new())
        } else if let Some((path, target)) = path.split_once(" => ") {
            (Entry::hard_link(path, target), Vec::new())
        } else {
            (Entry::file(path, text.as_bytes()), text.as_bytes().to_vec())
        };
        entries.push(entry);
    }
    entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    Package { info, entries }
}

impl Package {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut PkgInfo)) -> Self {
        change(&mut self.info);
        self
    }

    /// Changes the entry at a path.
    pub(crate) fn entry(mut self, path: &str, change: impl FnOnce(&mut Entry)) -> Self {
        change(&mut self.entries.iter_mut().find(|(entry, _)| entry.path == path).unwrap().0);
        self
    }

    pub(crate) fn depends(self, list: &str) -> Self {
        let depends = list.split(' ').map(|text| text.parse().unwrap()).collect();
        self.with(|info| info.depends = depends)
    }

    /// The signed package's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut output = Vec::new();
        let written = write_package(&self.info, EPOCH, Cursor::new(Vec::new()), &mut output, |writer| {
            let append = |(entry, content): &(Entry, Vec<u8>)| writer.append(entry, &mut content.as_slice());
            self.entries.iter().try_for_each(append)
        });
        let control = written.unwrap_or_else(|error: PackageError| panic!("{error}")).control;
        let mut bytes = Signature::sign(&control.bytes, &KEY).unwrap().to_member().unwrap();
        bytes.extend(output);
        bytes
    }
}

/// A folder with packages and an index.
pub(crate) struct Repository {
    pub(crate) folder: PathBuf,
}

impl Repository {
    /// Writes the packages and a signed index of exactly them.
    pub(crate) fn publish(folder: &Path, packages: &[Package]) -> Self {
        let repository = Self { folder: folder.to_owned() };
        fs::create_dir_all(folder.join(ARCH)).unwrap();
        let mut records = Vec::new();
        for package in packages {
            let bytes = package.bytes();
            let reader = PackageReader::open(bytes.as_slice()).unwrap();
            let control = reader.control();
            let record = Record::from_info(&control.info, control.identity(), bytes.len() as u64);
            fs::write(folder.join(ARCH).join(record.file_name()), bytes).unwrap();
            records.push(record);
        }
        let unsigned = index::archive::write(&records, "test", EPOCH).unwrap();
        let mut bytes = Signature::sign(&unsigned, &KEY).unwrap().to_member().unwrap();
        bytes.extend(unsigned);
        fs::write(repository.index(), bytes).unwrap();
        repository
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join(ARCH).join("APKINDEX.tar.gz")
    }
}
