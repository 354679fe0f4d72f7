//! Lines for logs and for people without a terminal.

use std::fmt::Write as _;

use wiz_base::Span;
use wiz_scheduler::{ActionFailure, ActionName};

/// One finished action: `[3/17] //pkgs/zlib build  12.3 s`.
pub(super) fn finished((finished, total): (usize, usize), name: &str, millis: u64) -> String {
    format!("[{finished}/{total}] {name}  {}\n", super::duration(millis))
}

/// A failed action: what, where it is defined, why, the end of its log, where all of it is,
/// how to enter.
pub(super) fn failed(action: &ActionName, failure: &ActionFailure, place: Option<&Span>) -> String {
    let mut text = format!("failed: {} [{}]\n", super::name(action), failure.code);
    if let Some(place) = place {
        let _ = writeln!(text, "  defined at {place}");
    }
    for line in failure.message.lines() {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(log) = &failure.log {
        if !log.lines.is_empty() {
            let _ = writeln!(text, "  the end of its log:");
        }
        for line in &log.lines {
            let _ = writeln!(text, "  | {line}");
        }
        let _ = writeln!(text, "  log: {}", log.path.display());
        let _ = writeln!(text, "  enter its sandbox: wiz shell {} --failed", action.label);
    }
    for hint in &failure.hints {
        let _ = writeln!(text, "  hint: {hint}");
    }
    text
}
