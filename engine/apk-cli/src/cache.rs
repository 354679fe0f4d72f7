//! Indexes and packages kept in the root, under apk's own names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;
use std::time::Duration;

use wiz_apk::{Record, index};
use wiz_install::root::Root;
use wiz_install::state;

use crate::error::{Failure, StopError};
use crate::repository::Repository;
use crate::session::Access;
use crate::settings::CacheSettings;
use crate::transport::{Transport, TransportError};

/// The folder, or a link to one, by which a system says that packages are to be kept.
const PACKAGES: &str = "etc/apk/cache";
/// Where indexes are kept otherwise.
const INDEXES: &str = "var/cache/apk";
/// The file in a cache that lists what was installed.
const LIST: &str = "installed";

/// The cache of a root.
#[derive(Debug)]
pub(crate) struct Cache {
    place: Root,
    /// Packages are kept too.
    pub(crate) keeps_packages: bool,
    /// Something may be put into it.
    is_writable: bool,
}

impl Cache {
    /// The cache; `None` if there is to be none, or there is none and nothing is written.
    pub(crate) fn open(
        root: &Root,
        settings: Option<&CacheSettings>,
        access: Access,
    ) -> Result<Option<Self>, Failure> {
        let Some(settings) = settings else { return Ok(None) };
        let is_writable = access != Access::Read;
        let cache = |place: Root, keeps_packages: bool| {
            let keeps_packages = settings.packages.unwrap_or(keeps_packages);
            Ok(Some(Self { place, keeps_packages, is_writable }))
        };
        match &settings.folder {
            // As with apk, an absolute path is the machine's and not the root's.
            Some(folder) if folder.starts_with('/') => cache(Root::open(Path::new(folder))?, true),
            Some(folder) => cache(root.within(folder)?, true),
            None => {
                if root.find_folder(PACKAGES)?.is_some() {
                    return cache(root.within(PACKAGES)?, true);
                }
                if root.find_folder(INDEXES)?.is_none() {
                    if !is_writable {
                        return Ok(None);
                    }
                    root.make_folders(INDEXES)?;
                }
                cache(root.within(INDEXES)?, false)
            }
        }
    }

    /// The bytes of a repository's index: those kept, unless they are older than
    /// `max_age` (`None`: however old). If newer ones cannot be had, the old ones and why.
    pub(crate) fn index(
        &self,
        repository: &Repository,
        transport: &Transport,
        max_age: Option<Duration>,
        now: Duration,
    ) -> Result<(Vec<u8>, Option<TransportError>), StopError> {
        let name = repository.cached_index();
        let kept = self.place.metadata(&name)?;
        let age =
            kept.map(|kept| now.saturating_sub(Duration::from_secs(u64::try_from(kept.mtime).unwrap_or(0))));
        let is_current = match (age, max_age) {
            (Some(age), Some(max_age)) => age <= max_age,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let mut failed = None;
        if !is_current {
            match transport.read(&repository.index()) {
                Ok(bytes) => {
                    if self.is_writable {
                        self.place.write(&name, &bytes, 0o644)?;
                    }
                    return Ok((bytes, None));
                }
                Err(error) if kept.is_none() => return Err(error.into()),
                Err(error) => failed = Some(error),
            }
        }
        Ok((self.place.read(&name)?.unwrap_or_default(), failed))
    }

    /// Records of what was installed when the cache was last written.
    pub(crate) fn installed(&self) -> Result<Vec<Record>, Failure> {
        let bytes = state::read_following(&self.place, LIST)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let failed = |error| StopError::new(format!("cannot read the cache's `{LIST}`: {error}"));
        Ok(index::parse(&text).map_err(failed)?)
    }

    /// Sizes of the cache's files in bytes, by name.
    pub(crate) fn files(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let folder = self.place.folder("")?;
        let mut files = BTreeMap::new();
        for name in folder.names()? {
            if let Some(metadata) = folder.metadata(&name)? {
                files.insert(name, metadata.size);
            }
        }
        Ok(files)
    }

    /// A package that is in the cache.
    pub(crate) fn package(&self, record: &Record) -> Result<Option<File>, Failure> {
        Ok(self.place.file(&Self::package_name(record))?)
    }

    /// Puts a package into the cache.
    pub(crate) fn keep(&self, record: &Record, mut file: &File) -> Result<(), Failure> {
        let name = Self::package_name(record);
        let folder = self.place.folder("")?;
        let temporary = format!("{name}.new");
        folder.remove(&temporary)?;
        let mut copy = folder.create(&temporary, 0o644)?;
        let copied = file.rewind().and_then(|()| io::copy(&mut file, &mut copy));
        copied
            .and_then(|_| file.rewind())
            .map_err(|error| StopError::new(format!("cannot keep `{name}`: {error}")))?;
        Ok(folder.rename(&temporary, &name)?)
    }

    /// The name of a package's file in a cache.
    pub(crate) fn package_name(record: &Record) -> String {
        let hash = record.identity.map(|identity| hex::encode(&identity.bytes()[..4])).unwrap_or_default();
        format!("{}.{hash}.apk", record.display_name())
    }
}
