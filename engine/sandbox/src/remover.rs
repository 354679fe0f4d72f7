//! Removes folders in the background. Unaware of what is in them and whose they are.
//!
//! Giving blocks back can take milliseconds of waiting each, as on a disk that is
//! told at once what is free, but hundreds can wait at the same time.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::remove::{RemoveError, remove_tree};
use crate::sys;

/// Threads that remove what they are given. Dropped, it waits until all is removed.
#[derive(Debug)]
pub struct Remover {
    queue: Option<Sender<PathBuf>>,
    threads: Vec<JoinHandle<()>>,
    failures: Arc<Mutex<Vec<RemoveError>>>,
}

impl Remover {
    /// Starts `threads` threads, at least one.
    ///
    /// # Errors
    /// When the system makes no more threads.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let (queue, work) = channel();
        let work = Arc::new(Mutex::new(work));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let start = |_| {
            let (work, failures) = (Arc::clone(&work), Arc::clone(&failures));
            std::thread::Builder::new().name("remover".to_owned()).spawn(move || remove_all(&work, &failures))
        };
        let threads = (0..threads.max(1)).map(start).collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads, failures })
    }

    /// Removes `path` as [`remove_tree`] does, some time soon. Until then its name is
    /// taken.
    pub fn remove(&self, path: PathBuf) {
        let Some(queue) = &self.queue else { return };
        if let Err(unsent) = queue.send(path) {
            let path = unsent.0;
            let source = std::io::Error::other("the threads that remove folders are gone");
            record(&self.failures, RemoveError { path, source });
        }
    }

    /// Waits until all is removed; gives what could not be.
    #[must_use]
    pub fn finish(mut self) -> Vec<RemoveError> {
        self.wait();
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked removes nothing more; the others go on.
            drop(thread.join());
        }
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        self.wait();
    }
}

fn remove_all(work: &Mutex<Receiver<PathBuf>>, failures: &Mutex<Vec<RemoveError>>) {
    // Else a sandbox that is just being started holds copies of what is open here, and
    // waits for the disk in our place when it closes them. It goes without, too.
    let _ = sys::separate_descriptors();
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(path) = next() {
        if let Err(failure) = remove_tree(&path) {
            record(failures, failure);
        }
    }
}

fn record(failures: &Mutex<Vec<RemoveError>>, failure: RemoveError) {
    failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_removed_and_failures_are_told() {
        let home = tempfile::tempdir().unwrap();
        let remover = Remover::new(3).unwrap();
        for number in 0..20 {
            let folder = home.path().join(number.to_string());
            std::fs::create_dir_all(folder.join("a/b")).unwrap();
            remover.remove(folder);
        }
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        remover.remove(file.join("below"));
        let failed: Vec<_> = remover.finish().into_iter().map(|failure| failure.path).collect();
        assert_eq!(failed, [file.join("below")]);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
