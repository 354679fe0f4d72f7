//! A workspace's files with their stamps: each is looked at before it is read, so that
//! the next build can tell by `stat` alone whether it changed. Unaware of what they say.

use std::io;
use std::path::Path;
use std::sync::Arc;

use wiz_base::RelPath;
use wiz_recall::Stamps;

use crate::config::Config;
use crate::error::{CliError, Kind};
use wiz_star::{DirEntry, DiskSources, IGNORE_FILE, Sources};

/// A workspace on disk whose readings are stamped.
#[derive(Debug)]
pub(crate) struct Watched {
    sources: DiskSources,
    stamps: Arc<Stamps>,
}

impl Watched {
    /// The workspace at `root`.
    ///
    /// # Errors
    /// If it cannot be read, or `.wizignore` is wrong.
    pub(crate) fn open(config: &Config, root: &Path) -> Result<Self, CliError> {
        let state = wiz_recall::state_folder(&config.cache, root);
        let stamps = Stamps::begin(root, &state.join("touched")).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", root.display());
            CliError::new(Kind::Surroundings, "WIZ2046", message)
        })?;
        stamps.take(&ignore_file());
        Ok(Self { sources: config.sources(root)?, stamps: Arc::new(stamps) })
    }

    /// The stamps taken so far, and those to come.
    pub(crate) fn stamps(&self) -> Arc<Stamps> {
        Arc::clone(&self.stamps)
    }
}

/// The file that says what of the workspace is not looked at.
pub(crate) fn ignore_file() -> RelPath {
    RelPath::new(IGNORE_FILE).expect("a file name is a path")
}

impl Sources for Watched {
    fn read(&self, path: &RelPath) -> io::Result<Option<String>> {
        self.stamps.take(path);
        self.sources.read(path)
    }

    fn list(&self, path: &RelPath) -> io::Result<Option<Vec<DirEntry>>> {
        self.stamps.take(path);
        self.sources.list(path)
    }
}
