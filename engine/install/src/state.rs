//! What a root's database says is installed, read and written as a whole.
//!
//! Each file is replaced at once, `installed` last, so that it never names a package
//! whose scripts are not there. Unaware of the packages' own files.

use std::io::Read as _;
use std::path::Path;

use wiz_apk::archive::ArchiveError;
use wiz_apk::checksum::ChecksumError;
use wiz_apk::database::installed::{self, InstalledPackage};
use wiz_apk::database::scripts::{self, InstalledScript};
use wiz_apk::database::triggers::{self, Triggers};
use wiz_apk::database::world::{self, WorldDependency};
use wiz_apk::dependency::DependencyError;
use wiz_apk::index::RecordError;

use crate::database::FOLDER;
use crate::root::{Root, RootError};

/// Where the database lies in roots that keep `lib` apart from `usr/lib`.
const FORMER_FOLDER: &str = "lib/apk/db";
const WORLD: &str = "etc/apk/world";
const ARCH: &str = "etc/apk/arch";
/// Scripts carry this modification time, so that the same scripts are the same bytes.
const EPOCH: u64 = 0;

/// A root's database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The installed packages, in the order of the file.
    pub packages: Vec<InstalledPackage>,
    /// Their scripts.
    pub scripts: Vec<InstalledScript>,
    /// Their triggers.
    pub triggers: Vec<Triggers>,
    /// What was asked for.
    pub world: Vec<WorldDependency>,
    /// Architectures of the root, the first one above all; none if it does not say.
    pub arches: Vec<String>,
}

/// Path of the root's database folder below it: the one it has, or else the one it
/// should have.
///
/// # Errors
/// [`RootError`] if that cannot be told.
pub fn folder(root: &Root) -> Result<&'static str, RootError> {
    let has = |path: &str| root.find_folder(path).map(|folder| folder.is_some());
    let is_former = !has(FOLDER)? && (has(FORMER_FOLDER)? || is_own_folder(root, "lib")?);
    Ok(if is_former { FORMER_FOLDER } else { FOLDER })
}

/// Whether there is a folder at `path` that is not reached by a link.
fn is_own_folder(root: &Root, path: &str) -> Result<bool, RootError> {
    let metadata = root.metadata(path)?;
    Ok(metadata.is_some_and(|metadata| metadata.kind == rustix::fs::FileType::Directory))
}

impl State {
    /// Reads the database; `None` if the root has none.
    ///
    /// # Errors
    /// [`StateError`] if a file is malformed or cannot be read.
    pub fn read(root: &Root) -> Result<Option<Self>, StateError> {
        let folder = folder(root)?;
        if root.find_folder(folder)?.is_none() {
            return Ok(None);
        }
        let file = |name: &str| format!("{folder}/{name}");
        let text = |path: &str| -> Result<String, StateError> {
            let bytes = read_following(root, path)?.unwrap_or_default();
            String::from_utf8(bytes).map_err(|_| StateError::Encoding { path: path.to_owned() })
        };
        let malformed = |path: String| move |source| StateError::Installed { path, source };
        let scripts = read_following(root, &file("scripts.tar"))?.unwrap_or_default();
        Ok(Some(Self {
            packages: installed::parse(&text(&file("installed"))?).map_err(malformed(file("installed")))?,
            scripts: if scripts.is_empty() { Vec::new() } else { scripts::parse(scripts.as_slice())? },
            triggers: triggers::parse(&text(&file("triggers"))?)?,
            world: world::parse(&text(WORLD)?)?,
            arches: text(ARCH)?.split_whitespace().map(str::to_owned).collect(),
        }))
    }

    /// Writes the database into its folder, which must exist.
    ///
    /// # Errors
    /// [`StateError`] if a file cannot be written.
    pub fn write(&self, root: &Root) -> Result<(), StateError> {
        self.write_scripts(root)?;
        let folder = folder(root)?;
        if !self.arches.is_empty() {
            let lines: String = self.arches.iter().map(|arch| format!("{arch}\n")).collect();
            root.write(ARCH, lines.as_bytes(), 0o644)?;
        }
        root.write(&format!("{folder}/triggers"), triggers::format(&self.triggers).as_bytes(), 0o644)?;
        let installed = installed::format(&self.packages);
        root.write(&format!("{folder}/installed"), installed.as_bytes(), 0o644)?;
        root.write(WORLD, world::format(&self.world).as_bytes(), 0o644)?;
        Ok(())
    }

    /// Writes the scripts alone. Scripts of packages that are not installed do no harm.
    ///
    /// # Errors
    /// [`StateError`] if the file cannot be written.
    pub fn write_scripts(&self, root: &Root) -> Result<(), StateError> {
        let bytes = scripts::format(&self.scripts, EPOCH)?;
        Ok(root.write(&format!("{}/scripts.tar", folder(root)?), &bytes, 0o644)?)
    }

    /// Makes the folders of a new database.
    ///
    /// # Errors
    /// [`StateError`] if one cannot be made.
    pub fn create(root: &Root) -> Result<(), StateError> {
        root.make_folders(folder(root)?)?;
        // Programs that look where the database used to be find it there.
        root.folder("")?
            .make_link("lib", "usr/lib")
            .or_else(|error| if root.metadata("lib")?.is_some() { Ok(()) } else { Err(error) })?;
        Ok(root.make_folders("etc/apk")?)
    }
}

/// The content of the file at `path`, which may be a link out of the root: a database can
/// be kept elsewhere, as apk allows. `None` if nothing is there.
///
/// # Errors
/// [`RootError`] if it cannot be read.
pub fn read_following(root: &Root, path: &str) -> Result<Option<Vec<u8>>, RootError> {
    if let Some(bytes) = root.read(path)? {
        return Ok(Some(bytes));
    }
    let (folder, name) = match root.parent(path) {
        Ok(found) => found,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error),
    };
    if folder.metadata(name)?.is_none() {
        return Ok(None);
    }
    let target = folder.link_target(name)?;
    let mut bytes = Vec::new();
    std::fs::File::open(Path::new(&target))
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|source| RootError::io("read", path, source))?;
    Ok(Some(bytes))
}

/// A database that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file of the root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// Bytes that are no text.
    #[error("`/{path}` is not UTF-8")]
    Encoding {
        /// The file.
        path: String,
    },
    /// A malformed installed package.
    #[error("cannot read `/{path}`")]
    Installed {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// `scripts.tar`.
    #[error("cannot read or write `scripts.tar`")]
    Scripts(#[from] ArchiveError),
    /// `triggers`.
    #[error("cannot read `triggers`")]
    Triggers(#[from] ChecksumError),
    /// `world`.
    #[error("cannot read `/etc/apk/world`")]
    World(#[from] DependencyError),
}
