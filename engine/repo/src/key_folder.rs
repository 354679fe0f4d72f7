//! The user's keys as files.
//!
//! ```text
//! <owner>-<8 digits>.rsa       a private key, PKCS#8, for its owner's eyes only
//! <owner>-<8 digits>.rsa.pub   its public half
//! <owner>.rsa                  a link to the private key that signs
//! revoked/                     both halves of keys that are trusted no longer
//! ```
//!
//! The owner is a workspace, by name. Unaware of where the folder is, and of what is
//! signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rand_core::TryCryptoRng;
use wiz_apk::key::{KeyError, PUBLIC_SUFFIX, PrivateKey, PublicKey, PublicKeys};

use crate::error::{RepositoryError, reading, writing};
use crate::lock::Lock;
use crate::place;

/// How the file name of a private key ends.
const PRIVATE_SUFFIX: &str = ".rsa";
/// Keys that are trusted no longer.
const REVOKED: &str = "revoked";

/// Public keys and the texts they were read from, by file name.
pub type NamedPublicKeys = BTreeMap<String, (PublicKey, String)>;

/// A folder of keys. It need not be there until a key is made.
#[derive(Debug, Clone)]
pub struct KeyFolder {
    path: PathBuf,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// New signatures are made with it.
    Signing,
    /// Signatures it made are trusted, new ones are made with another.
    Retired,
    /// Nothing it signed is trusted.
    Revoked,
}

impl KeyState {
    /// The state in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// `<owner>-<8 digits>`
    pub name: String,
    /// What it is good for.
    pub state: KeyState,
    /// Its public half.
    pub public: PathBuf,
}

impl KeyFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key that signs for `owner`; `None` if there is none yet.
    ///
    /// # Errors
    /// [`RepositoryError`] as [`load`].
    pub fn signing(&self, owner: &str) -> Result<Option<PrivateKey>, RepositoryError> {
        self.signing_name(owner)?.map(|name| load(&self.private(&name))).transpose()
    }

    /// The key that signs for `owner`, made if there is none. The path is that of a key
    /// made now. Several processes that ask at once get the same key.
    ///
    /// # Errors
    /// [`RepositoryError`] if the key cannot be read, made or written.
    pub fn signing_or_new(
        &self,
        owner: &str,
        random: &mut impl TryCryptoRng,
    ) -> Result<(PrivateKey, Option<PathBuf>), RepositoryError> {
        if let Some(key) = self.signing(owner)? {
            return Ok((key, None));
        }
        let _lock = self.lock()?;
        if let Some(key) = self.signing(owner)? {
            return Ok((key, None));
        }
        let key = self.make(owner, random)?;
        let path = self.private(key.name());
        Ok((key, Some(path)))
    }

    /// Makes the first key of `owner`; its path.
    ///
    /// # Errors
    /// [`RepositoryError::HasKey`] if there is one, and others if it cannot be written.
    pub fn first(&self, owner: &str, random: &mut impl TryCryptoRng) -> Result<PathBuf, RepositoryError> {
        let _lock = self.lock()?;
        if let Some(name) = self.signing_name(owner)? {
            return Err(RepositoryError::HasKey { owner: owner.to_owned(), name });
        }
        Ok(self.private(self.make(owner, random)?.name()))
    }

    /// Makes a key that takes the place of the one that signs for `owner`, which is
    /// trusted until revoked; its path.
    ///
    /// # Errors
    /// [`RepositoryError`] if it cannot be made or written.
    pub fn rotate(&self, owner: &str, random: &mut impl TryCryptoRng) -> Result<PathBuf, RepositoryError> {
        let _lock = self.lock()?;
        Ok(self.private(self.make(owner, random)?.name()))
    }

    /// Takes trust from a key, named with or without `.rsa.pub`. Both halves move to a
    /// folder of their own.
    ///
    /// # Errors
    /// [`RepositoryError::InUse`] for a key that signs; [`RepositoryError::NoKey`].
    pub fn revoke(&self, name: &str) -> Result<(), RepositoryError> {
        let name = name.strip_suffix(PUBLIC_SUFFIX).unwrap_or(name);
        let name = name.strip_suffix(PRIVATE_SUFFIX).unwrap_or(name);
        let key = self.list()?.into_iter().find(|key| key.name == name);
        match key.map(|key| key.state) {
            None => {
                return Err(RepositoryError::NoKey { name: name.to_owned(), folder: self.path.clone() });
            }
            Some(KeyState::Signing) => return Err(RepositoryError::InUse { name: name.to_owned() }),
            Some(KeyState::Revoked) => return Ok(()),
            Some(KeyState::Retired) => {}
        }
        let _lock = self.lock()?;
        let revoked = self.path.join(REVOKED);
        make_private_folder(&revoked)?;
        // The public half last: until it is gone, revoking again finishes the work.
        for path in [self.private(name), self.public(name)] {
            let to = revoked.join(path.file_name().unwrap_or_default());
            match fs::rename(&path, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(writing(&to))?,
            }
        }
        place::sync_folder(&self.path).map_err(writing(&self.path))
    }

    /// All keys, by name.
    ///
    /// # Errors
    /// [`RepositoryError::Read`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<ListedKey>, RepositoryError> {
        let mut keys = Vec::new();
        for (folder, revoked) in [(self.path.clone(), false), (self.path.join(REVOKED), true)] {
            for file in file_names(&folder)? {
                let Some(name) = file.strip_suffix(PUBLIC_SUFFIX).map(str::to_owned) else { continue };
                let Some(owner) = owner_of(&name) else { continue };
                let state = match revoked {
                    true => KeyState::Revoked,
                    false if self.signing_name(owner)?.as_deref() == Some(&name) => KeyState::Signing,
                    false => KeyState::Retired,
                };
                keys.push(ListedKey { name, state, public: folder.join(file) });
            }
        }
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    /// The public keys of `owner` that are trusted.
    ///
    /// # Errors
    /// [`RepositoryError`] if one cannot be read.
    pub fn trusted(&self, owner: &str) -> Result<NamedPublicKeys, RepositoryError> {
        let mut keys = public_keys(&self.path)?;
        keys.retain(|file, _| file.strip_suffix(PUBLIC_SUFFIX).and_then(owner_of) == Some(owner));
        Ok(keys)
    }

    /// File names of the public keys that are revoked.
    ///
    /// # Errors
    /// [`RepositoryError::Read`] if the folder cannot be read.
    pub fn revoked(&self) -> Result<BTreeSet<String>, RepositoryError> {
        Ok(public_key_names(&self.path.join(REVOKED))?.into_iter().collect())
    }

    fn lock(&self) -> Result<Lock, RepositoryError> {
        make_private_folder(&self.path)?;
        Lock::take(&self.path)
    }

    /// Makes a key and lets it sign. Nothing names it before both halves are on the disk.
    fn make(&self, owner: &str, random: &mut impl TryCryptoRng) -> Result<PrivateKey, RepositoryError> {
        if owner_of(owner).is_some() {
            // The link to its key would have the name of a key.
            return Err(RepositoryError::NewKey(KeyError::Name { name: owner.to_owned() }));
        }
        let key = PrivateKey::generate(owner, random).map_err(RepositoryError::NewKey)?;
        let pem = key.to_pem().map_err(RepositoryError::NewKey)?;
        let (private, public) = (self.private(key.name()), self.public(key.name()));
        place::write(&private, pem.as_bytes(), 0o600).map_err(writing(&private))?;
        place::write(&public, key.public().to_pem().as_bytes(), 0o644).map_err(writing(&public))?;
        let link = self.private(owner);
        let new = place::beside(&link);
        place::remove(&new)
            .and_then(|()| symlink(private.file_name().unwrap_or_default(), &new))
            .and_then(|()| fs::rename(&new, &link))
            .and_then(|()| place::sync_folder(&self.path))
            .map_err(writing(&link))?;
        Ok(key)
    }

    /// The name of the key that signs for `owner`.
    fn signing_name(&self, owner: &str) -> Result<Option<String>, RepositoryError> {
        let link = self.private(owner);
        match fs::read_link(&link) {
            Ok(target) => {
                let name = target.to_str().and_then(|name| name.strip_suffix(PRIVATE_SUFFIX));
                Ok(name.map(str::to_owned))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(reading(&link)(error)),
        }
    }

    fn private(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{PRIVATE_SUFFIX}"))
    }

    fn public(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{PUBLIC_SUFFIX}"))
    }
}

/// The private key in a file, which goes by the file's name without its extension: what
/// `wizos.rsa` signs is verified with `wizos.rsa.pub`, as other tools have it.
///
/// # Errors
/// [`RepositoryError::NoKeyFile`] if it is not there, [`RepositoryError::Exposed`] if
/// others than its owner can read it, and others if it is no key.
pub fn load(path: &Path) -> Result<PrivateKey, RepositoryError> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => RepositoryError::NoKeyFile { path: path.to_owned() },
        _ => reading(path)(error),
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(RepositoryError::Exposed { path: path.to_owned(), mode });
    }
    let pem = fs::read(path).map_err(reading(path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    // What is not UTF-8 is no PEM either, and says so.
    PrivateKey::from_pem(&name, &String::from_utf8_lossy(&pem))
        .map_err(|source| RepositoryError::Key { path: path.to_owned(), source })
}

/// The public keys in a folder, by file name; none if it is not there.
///
/// # Errors
/// [`RepositoryError`] if a file whose name ends in `.rsa.pub` is no public key.
pub fn public_keys(folder: &Path) -> Result<NamedPublicKeys, RepositoryError> {
    let mut keys = NamedPublicKeys::new();
    for name in public_key_names(folder)? {
        let path = folder.join(&name);
        let pem = fs::read_to_string(&path).map_err(reading(&path))?;
        let key = PublicKey::from_pem(&pem).map_err(|source| RepositoryError::Key { path, source })?;
        keys.insert(name, (key, pem));
    }
    Ok(keys)
}

/// The file names of the public keys in a folder, in order.
pub(crate) fn public_key_names(folder: &Path) -> Result<Vec<String>, RepositoryError> {
    let mut names = file_names(folder)?;
    names.retain(|name| name.ends_with(PUBLIC_SUFFIX));
    Ok(names)
}

/// The keys without their texts.
#[must_use]
pub fn to_verify(keys: &NamedPublicKeys) -> PublicKeys {
    keys.iter().map(|(name, (key, _))| (name.clone(), key.clone())).collect()
}

/// Whose key has this name: `<owner>-<8 digits>`.
fn owner_of(name: &str) -> Option<&str> {
    let (owner, digits) = name.rsplit_once('-')?;
    (digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(owner)
}

fn file_names(folder: &Path) -> Result<Vec<String>, RepositoryError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(reading(folder)(error)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>().map_err(reading(folder))?;
    names.sort();
    Ok(names)
}

fn make_private_folder(path: &Path) -> Result<(), RepositoryError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(writing(path))
}
