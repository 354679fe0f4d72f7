//! Blobs: files named after the hash of their bytes, written once, checked whenever
//! they are read. Unaware of directories and of what the bytes mean.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use wiz_base::Digest;

use crate::error::{Loss, StoreError};
use crate::hashing::{digest_copy, digest_file};
use crate::stamp::Stamp;
use crate::store::Store;
use crate::temp_area::TempPath;
use crate::verified_blobs::REMEMBER_FROM;

/// Files below this many bytes are read whole before they are stored.
const WHOLE_BELOW: u64 = 1 << 20;

/// What happens to a file that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// It stays as it is; its bytes are copied.
    Keep,
    /// It is no longer needed: it becomes the blob where it can, and is gone after.
    Consume,
}

impl Store {
    /// Stores `bytes`.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be written.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = self.function().digest(bytes);
        if !self.contains(&digest) {
            let temporary = TempPath { path: self.temp()?.path() };
            let mut file = create_blob(&temporary.path)?;
            file.write_all(bytes).map_err(StoreError::io("write", &temporary.path))?;
            self.commit_blob(&temporary.path, &digest)?;
        }
        Ok(digest)
    }

    /// Stores everything `reader` gives.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or written.
    pub fn put_reader(&self, reader: &mut (dyn Read + Send)) -> Result<Digest, StoreError> {
        let temporary = TempPath { path: self.temp()?.path() };
        let mut file = create_blob(&temporary.path)?;
        let digest = digest_copy(self.function(), reader, &mut file)
            .map_err(StoreError::io("write", &temporary.path))?;
        drop(file);
        if !self.contains(&digest) {
            self.commit_blob(&temporary.path, &digest)?;
        }
        Ok(digest)
    }

    /// Stores the regular file at `path`; a symbolic link is not followed.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read or stored, or is no regular file.
    pub fn put_file(&self, path: &Path, transfer: Transfer) -> Result<Digest, StoreError> {
        let file = open_regular(path)?;
        self.put_open_file(file, path, transfer)
    }

    /// As [`Store::put_file`] for a file already open at its start.
    pub(crate) fn put_open_file(
        &self,
        mut file: File,
        path: &Path,
        transfer: Transfer,
    ) -> Result<Digest, StoreError> {
        let metadata = file.metadata().map_err(StoreError::io("read", path))?;
        if !metadata.is_file() {
            return Err(StoreError::NotRegular { path: path.to_owned() });
        }
        if transfer == Transfer::Consume {
            let digest = digest_file(self.function(), &mut file, metadata.size())
                .map_err(StoreError::io("read", path))?;
            return self.consume(file, &metadata, path, digest);
        }
        if metadata.size() < WHOLE_BELOW {
            let mut bytes = Vec::with_capacity(usize::try_from(metadata.size()).unwrap_or(0) + 1);
            file.read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
            return self.put_bytes(&bytes);
        }
        let digest =
            digest_file(self.function(), &mut file, metadata.size()).map_err(StoreError::io("read", path))?;
        if self.contains(&digest) {
            return Ok(digest);
        }
        file.rewind().map_err(StoreError::io("read", path))?;
        // What is stored is what is read now, should the file change meanwhile.
        self.put_reader(&mut file)
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if it is not there or not intact.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        if digest == self.empty_digest() {
            return Ok(Vec::new());
        }
        let path = self.layout().blob(digest);
        let (mut file, stamp) = self.open_sized(digest, &path)?;
        let mut bytes = Vec::with_capacity(usize::try_from(digest.size()).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes).map_err(StoreError::io("read", &path))?;
        if self.verified().knows(digest, stamp) && bytes.len() as u64 == digest.size() {
            return Ok(bytes);
        }
        self.judge(digest, &path, stamp, self.function().digest(&bytes))?;
        Ok(bytes)
    }

    /// A blob opened for reading after its bytes have been checked.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if it is not there or not intact.
    pub fn open_verified(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.layout().blob(digest);
        if digest == self.empty_digest() && !path.exists() {
            let temporary = TempPath { path: self.temp()?.path() };
            create_blob(&temporary.path)?;
            self.commit_blob(&temporary.path, digest)?;
        }
        let (mut file, stamp) = self.open_sized(digest, &path)?;
        if !self.verified().knows(digest, stamp) {
            let found = digest_file(self.function(), &mut file, digest.size())
                .map_err(StoreError::io("read", &path))?;
            self.judge(digest, &path, stamp, found)?;
            file.rewind().map_err(StoreError::io("read", &path))?;
        }
        Ok(file)
    }

    /// Where a blob lies, if it is there at all: for tools; its bytes are not checked.
    #[must_use]
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        self.layout().blob(digest)
    }

    /// Whether a blob is there. Its size is looked at; its bytes are hashed only if
    /// an unclean shutdown may have damaged them.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        if digest == self.empty_digest() {
            return true;
        }
        let path = self.layout().blob(digest);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return false };
        if !metadata.is_file() || metadata.size() != digest.size() {
            self.set_aside(&path);
            return false;
        }
        !self.suspects().contain(Stamp::of(&metadata)) || self.clear_of_suspicion(digest)
    }

    /// Writes a blob to `destination`, which must not exist, as a file with mode 0644
    /// or 0755.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the blob is not intact, others if it cannot be written.
    pub fn copy_to(&self, digest: &Digest, destination: &Path, executable: bool) -> Result<(), StoreError> {
        let mode = if executable { 0o755 } else { 0o644 };
        let create = || File::options().write(true).create_new(true).mode(mode).open(destination);
        let mut source = self.open_verified(digest)?;
        let mut target = create().map_err(StoreError::io("write", destination))?;
        let copied = io::copy(&mut source, &mut target);
        let copied = copied.and_then(|_| Ok(rustix::fs::fchmod(&target, Mode::from_raw_mode(mode))?));
        copied.map_err(|error| {
            let _ = fs::remove_file(destination);
            StoreError::io("write", destination)(error)
        })
    }

    /// Renames a finished temporary file into its place.
    pub(crate) fn commit_blob(&self, temporary: &Path, digest: &Digest) -> Result<(), StoreError> {
        let path = self.layout().blob(digest);
        rename_sharded(temporary, &path).map_err(StoreError::io("write", &path))?;
        self.mark_unsynced();
        if digest.size() >= REMEMBER_FROM
            && let Ok(metadata) = fs::symlink_metadata(&path)
        {
            self.verified().remember(digest, Stamp::of(&metadata));
        }
        Ok(())
    }

    /// Makes the hashed file itself the blob, or copies it where that cannot be.
    fn consume(
        &self,
        mut file: File,
        metadata: &fs::Metadata,
        path: &Path,
        digest: Digest,
    ) -> Result<Digest, StoreError> {
        if self.contains(&digest) {
            fs::remove_file(path).map_err(StoreError::io("remove", path))?;
            return Ok(digest);
        }
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        // A second link would leave a name by which the blob could be written.
        if ours && metadata.nlink() == 1 && metadata.size() == digest.size() {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o444)).map_err(StoreError::io("change", path))?;
            match self.commit_blob(path, &digest) {
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::CrossesDevices => {}
                outcome => return outcome.map(|()| digest),
            }
        }
        file.rewind().map_err(StoreError::io("read", path))?;
        let digest = self.put_reader(&mut file)?;
        fs::remove_file(path).map_err(StoreError::io("remove", path))?;
        Ok(digest)
    }

    /// Opens a blob whose size is right.
    fn open_sized(&self, digest: &Digest, path: &Path) -> Result<(File, Stamp), StoreError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                StoreError::Lost { digest: *digest, loss: Loss::Missing }
            }
            _ => StoreError::io("read", path)(error),
        })?;
        let metadata = file.metadata().map_err(StoreError::io("read", path))?;
        if !metadata.is_file() || metadata.size() != digest.size() {
            self.set_aside(path);
            return Err(StoreError::Lost { digest: *digest, loss: Loss::Damaged });
        }
        Ok((file, Stamp::of(&metadata)))
    }

    /// Remembers a good blob and moves a bad one out of the way.
    fn judge(&self, digest: &Digest, path: &Path, stamp: Stamp, found: Digest) -> Result<(), StoreError> {
        if found == *digest {
            self.verified().remember(digest, stamp);
            return Ok(());
        }
        self.verified().forget(digest);
        self.set_aside(path);
        Err(StoreError::Lost { digest: *digest, loss: Loss::Damaged })
    }

    /// Hashes a suspect blob; a good one gets a new change time, so that it is no
    /// longer suspect to anybody.
    fn clear_of_suspicion(&self, digest: &Digest) -> bool {
        match self.open_verified(digest) {
            Ok(file) => {
                let _ = rustix::fs::fchmod(&file, Mode::from_raw_mode(0o444));
                if let Ok(metadata) = file.metadata() {
                    self.verified().remember(digest, Stamp::of(&metadata));
                }
                true
            }
            Err(_) => false,
        }
    }
}

/// Opens a file that is not the target of a link and not a pipe to wait for.
pub(crate) fn open_regular(path: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map(File::from);
    let file = file.map_err(StoreError::io("read", path))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(StoreError::NotRegular { path: path.to_owned() }),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// A new file with a blob's mode, so that it never has to be changed.
fn create_blob(path: &Path) -> Result<File, StoreError> {
    let create = File::options().write(true).create_new(true).mode(0o444).open(path);
    create.map_err(StoreError::io("create", path))
}

/// Renames into a folder that is made when it turns out to be missing.
pub(crate) fn rename_sharded(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        outcome => return outcome,
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)
}

#[cfg(test)]
mod tests;
