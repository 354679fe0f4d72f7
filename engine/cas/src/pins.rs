//! Results that a collection never drops, by name: releases, what a workspace was
//! told to keep. Unaware of collection.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use wiz_base::Digest;

use crate::error::StoreError;
use crate::store::Store;
use crate::temp_area::TempPath;

impl Store {
    /// Pins the results of `keys` under `name`, in place of what the name pinned
    /// before. A name is one path segment of the caller's choice.
    ///
    /// # Errors
    /// [`StoreError`] if the pin cannot be written.
    pub fn pin(&self, name: &str, keys: &BTreeSet<Digest>) -> Result<(), StoreError> {
        let path = self.layout().pins.join(file_name(name));
        let temporary = TempPath { path: self.temp()?.path() };
        let text: String = keys.iter().map(|key| format!("{key}\n")).collect();
        fs::write(&temporary.path, text).map_err(StoreError::io("write", &temporary.path))?;
        fs::rename(&temporary.path, &path).map_err(StoreError::io("write", &path))
    }

    /// Removes a pin, if there is one of that name.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be removed.
    pub fn unpin(&self, name: &str) -> Result<(), StoreError> {
        let path = self.layout().pins.join(file_name(name));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The keys of all pinned results.
    #[must_use]
    pub fn pinned(&self) -> BTreeSet<Digest> {
        let pins = fs::read_dir(&self.layout().pins).into_iter().flatten().flatten();
        let texts = pins.filter_map(|pin| fs::read_to_string(pin.path()).ok());
        texts.flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()).collect()
    }
}

/// A name as a file name, whatever characters it has.
fn file_name(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect()
}
