//! The database is changed by one process at a time.

use std::fs::File;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use wiz_install::root::Root;
use wiz_install::state;

use crate::error::{Failure, StopError};

/// How often a lock that another process holds is tried.
const PAUSE: Duration = Duration::from_millis(100);

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or waits for it as long as that.
    pub(crate) fn take(root: &Root, wait: Duration) -> Result<Self, Failure> {
        let Some(folder) = root.find_folder(state::folder(root)?)? else {
            let hint = "hint: --initdb makes one";
            return Err(StopError::new(format!("there is no apk database in the root, {hint}")).into());
        };
        let file = folder.append("lock", 0o600)?;
        let mut left = wait;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::WOULDBLOCK) if left > Duration::ZERO => {
                    std::thread::sleep(PAUSE.min(left));
                    left = left.saturating_sub(PAUSE);
                }
                Err(Errno::WOULDBLOCK) => {
                    let hint = "hint: another apk is at work; --wait SECONDS waits for it";
                    return Err(StopError::new(format!("Unable to lock database, {hint}")).into());
                }
                Err(errno) => {
                    return Err(StopError::new(format!("Unable to lock database: {errno}")).into());
                }
            }
        }
    }
}
