//! Files of other projects that tests compare with, where the machine has them.

use std::path::PathBuf;

/// The file or folder at `path`, or `None` after the running test has been named as skipped.
pub(crate) fn find(path: &str) -> Option<PathBuf> {
    let found = wiz_testkit::reference_data::folder()?.join(path);
    Some(found.canonicalize().expect("the reference data has what tests name"))
}
