//! Files of other projects that tests compare with, where the machine has them.
//!
//! They stay outside the repository, in the folder that `WIZ_REFERENCE_DATA` (or
//! `WIZ_TEST_DATA`) names or in `../shared/data` beside it. A test that needs one and
//! finds none says so.

use std::path::PathBuf;

/// The file or folder at `path`, or `None` after saying that it is missing.
pub(crate) fn find(path: &str) -> Option<PathBuf> {
    let found = folder().join(path);
    if found.exists() {
        return Some(found.canonicalize().expect("it exists"));
    }
    println!("skipped: no reference data `{path}`, hint: set WIZ_REFERENCE_DATA");
    None
}

#[expect(clippy::disallowed_methods, reason = "tests find their reference data by the environment")]
fn folder() -> PathBuf {
    match std::env::var("WIZ_REFERENCE_DATA").or_else(|_| std::env::var("WIZ_TEST_DATA")) {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    }
}
