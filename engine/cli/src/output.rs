//! Where text goes: results to stdout, everything else to stderr. A reader that has
//! gone away is no reason to fail.

use std::io::Write as _;

/// Prints a result line.
pub(crate) fn result(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints many result lines at once, each with its line break.
pub(crate) fn results(lines: &str) {
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
}

/// Prints a document as it is.
pub(crate) fn bytes(document: &[u8]) {
    let _ = std::io::stdout().lock().write_all(document);
}

/// Prints something for people.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
