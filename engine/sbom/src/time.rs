//! Seconds since 1970 as the date and time of RFC 3339. Unaware of the clock.

use std::time::{Duration, UNIX_EPOCH};

/// The last second that RFC 3339 can name, the end of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// `seconds` since 1970 in UTC, as `2000-01-01T00:00:00Z`. Later seconds than
/// those of the year 9999 are written as its last.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let moment = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND));
    humantime::format_rfc3339_seconds(moment).to_string()
}
