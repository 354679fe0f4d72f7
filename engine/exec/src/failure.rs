//! From the errors of this crate to the failures the scheduler reports. Each error
//! says beside itself whose fault it is; this file knows the store's errors and how a
//! message is taken apart. Unaware of how failures are shown.

use std::fmt::Display;

use wiz_cas::StoreError;
use wiz_scheduler::{ActionFailure, FailureKind, Setback};

/// What separates a message from a hint in an error's text.
const HINT: &str = "\nhint: ";

/// A failure from an error whose text may end in hints.
pub(crate) fn failure(kind: FailureKind, code: &str, error: &dyn Display) -> ActionFailure {
    let text = error.to_string();
    let mut parts = text.split(HINT);
    let mut failure = ActionFailure::new(kind, code, parts.next().unwrap_or_default());
    failure.hints = parts.map(str::to_owned).collect();
    failure
}

/// What a failure of the store means to an action: what was lost is made again, all
/// else is the machine's.
pub(crate) fn store_setback(error: &StoreError) -> Setback {
    let (kind, code) = match error {
        StoreError::Lost { digest, .. } => return Setback::Lost { digest: *digest },
        StoreError::Full { .. } => (FailureKind::Surroundings, "WIZ1070"),
        StoreError::Unwritable { .. } => (FailureKind::Surroundings, "WIZ1071"),
        StoreError::Io { .. } => (FailureKind::Surroundings, "WIZ1072"),
        StoreError::NotRegular { .. } => (FailureKind::User, "WIZ1031"),
        StoreError::NotDirectory { .. } => (FailureKind::Bug, "WIZ1073"),
    };
    failure(kind, code, error).into()
}
