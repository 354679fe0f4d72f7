//! Files of other projects that tests compare with, where the machine has them.
//!
//! They stay outside the repository, in the folder that `WIZ_REFERENCE_DATA` names.
//! Without it, a test that wants one says by its name that it is skipped; with it,
//! what is missing there fails the test.

use std::io::Write as _;
use std::path::PathBuf;

/// The variable that names the folder.
const VARIABLE: &str = "WIZ_REFERENCE_DATA";

/// The folder, or `None` after the running test has been named as skipped.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests find their reference data by the environment")]
pub fn folder() -> Option<PathBuf> {
    if let Ok(folder) = std::env::var(VARIABLE) {
        return Some(PathBuf::from(folder));
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Past the capture of printed text, which hides what a passing test says.
    let _ = writeln!(std::io::stderr().lock(), "skipped: `{test}`, since `{VARIABLE}` is not set");
    None
}

/// The bytes of the reference file at `path`, or `None` where there is no folder.
///
/// # Panics
/// If there is a folder and the file cannot be read.
#[must_use]
pub fn bytes(path: &str) -> Option<Vec<u8>> {
    let file = folder()?.join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) => panic!("`{VARIABLE}` has no readable `{path}`: {error}"),
    }
}

/// The reference file at `path` as text, or `None` where there is no folder.
///
/// # Panics
/// As [`bytes`], and if it is not UTF-8.
#[must_use]
pub fn text(path: &str) -> Option<String> {
    bytes(path).map(|bytes| String::from_utf8(bytes).expect("reference texts are UTF-8"))
}
