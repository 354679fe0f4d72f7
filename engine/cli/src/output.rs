//! Where text goes: results to stdout, everything else to stderr. A reader that has
//! gone away is no reason to fail.

use std::io::Write as _;

/// Prints a result line.
pub(crate) fn result(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints something for people.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
