//! Files of other projects that tests compare with, where the machine has them.
//!
//! They stay outside the repository, in the folder that `WIZ_TEST_DATA` names or in
//! `../shared/data` beside it. A test that needs one and finds none says so and
//! leaves its written cases to stand alone.

use std::path::PathBuf;

/// The bytes of the reference file at `path`, or `None` after saying that it is missing.
pub(crate) fn bytes(path: &str) -> Option<Vec<u8>> {
    let file = folder().join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            println!("skipped: no reference file `{path}`, hint: set WIZ_TEST_DATA");
            None
        }
    }
}

/// The reference file at `path` as text.
pub(crate) fn text(path: &str) -> Option<String> {
    bytes(path).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "tests find their reference data by the environment")]
fn folder() -> PathBuf {
    match std::env::var("WIZ_TEST_DATA") {
        Ok(folder) => PathBuf::from(folder),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    }
}
