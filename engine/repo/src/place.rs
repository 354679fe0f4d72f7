//! Files and folders put in their place at once: a reader sees the old or the new.
//!
//! What is being made lies beside its place under a name that begins with [`NEW`].
//! Who holds the folder's lock may remove every such name: a killed process left it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// How names of things in the making begin.
const NEW: &str = ".new-";

/// Where to make what is to be put at `place`.
pub(crate) fn beside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!("{NEW}{name}"))
}

/// A file to be put at `place`, made anew, for everybody to read.
pub(crate) fn create(place: &Path) -> io::Result<(File, PathBuf)> {
    create_with_mode(place, 0o644)
}

fn create_with_mode(place: &Path, mode: u32) -> io::Result<(File, PathBuf)> {
    let path = beside(place);
    remove(&path)?;
    Ok((OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?, path))
}

/// Puts `bytes` at `place`, and on the disk before that.
pub(crate) fn write(place: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (mut file, path) = create_with_mode(place, mode)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(path, place)
}

/// Puts the folder `new` at `place`. What was there is removed.
pub(crate) fn swap(new: &Path, place: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => remove(new),
        Err(Errno::NOENT) => fs::rename(new, place),
        // A file system without exchange: for a moment there is nothing, never a half.
        Err(Errno::INVAL | Errno::NOSYS) => {
            let old = beside(&new.with_file_name("old"));
            remove(&old)?;
            fs::rename(place, &old)?;
            fs::rename(new, place)?;
            remove(&old)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes what killed processes left in `folder`. Only for who holds its lock.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(NEW) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Brings the names in `folder` to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a file or a folder; what is not there is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    Ok(wiz_sandbox::remove_tree(path)?)
}
