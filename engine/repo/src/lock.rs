//! One writer at a time: a lock on a folder that ends with the process that holds it.

use std::fs::{self, File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::{RepositoryError, reading, writing};

/// The file that is locked.
const LOCK: &str = ".lock";

/// The right to change a folder, until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes `folder` where it is missing and waits until nobody else changes it.
    pub(crate) fn take(folder: &Path) -> Result<Self, RepositoryError> {
        fs::create_dir_all(folder).map_err(writing(folder))?;
        let path = folder.join(LOCK);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(writing(&path))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| reading(&path)(std::io::Error::from(error)))?;
        Ok(Self { _file: file })
    }
}
