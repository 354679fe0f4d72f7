//! What a request for a file asks for: the whole, a part, or nothing new. A function of
//! the request and of what is known of the file (RFC 9110, sections 8.8, 13 and 14).

use std::ops::Range;
use std::time::SystemTime;

use hyper::HeaderMap;
use hyper::header::{HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// A strong entity tag, quotes included.
    pub(super) tag: String,
    /// When the file was written last; HTTP counts whole seconds.
    pub(super) modified: SystemTime,
    /// In bytes.
    pub(super) size: u64,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing: whoever asks has it.
    NotModified,
    /// A part that the file does not have.
    NoSuchPart,
}

/// Reads the conditions and the range of a request.
pub(super) fn wanted(headers: &HeaderMap, version: &Version) -> Wanted {
    if is_known(headers, version) {
        return Wanted::NotModified;
    }
    let is_same = text(headers, IF_RANGE).is_none_or(|known| is_of(known, version));
    match text(headers, RANGE) {
        Some(range) if is_same => part(range, version.size),
        _ => Wanted::Whole,
    }
}

/// Whether the client has this version. A tag says so better than a time.
fn is_known(headers: &HeaderMap, version: &Version) -> bool {
    if let Some(tags) = text(headers, IF_NONE_MATCH) {
        let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        return tags.trim() == "*" || tags.split(',').any(|tag| strong(tag) == version.tag);
    }
    let known = text(headers, IF_MODIFIED_SINCE).and_then(|time| httpdate::parse_http_date(time).ok());
    known.is_some_and(|known| whole_seconds(version.modified) <= whole_seconds(known))
}

/// Whether `If-Range` means this version.
fn is_of(known: &str, version: &Version) -> bool {
    match httpdate::parse_http_date(known) {
        Ok(time) => whole_seconds(time) == whole_seconds(version.modified),
        Err(_) => known.trim() == version.tag,
    }
}

/// One range of bytes. Anything else in the header is answered with the whole, as the
/// standard allows.
fn part(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let part = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(length) => size.saturating_sub(length)..size,
            None => return Wanted::Whole,
        },
        (first, "") => match number(first) {
            Some(first) => first..size,
            None => return Wanted::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            _ => return Wanted::Whole,
        },
    };
    if part.start < part.end { Wanted::Part(part) } else { Wanted::NoSuchPart }
}

fn whole_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(headers: &[(HeaderName, &str)], expected: &Wanted) {
        let version = Version {
            tag: "\"a-1\"".to_owned(),
            modified: SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500),
            size: 100,
        };
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect::<HeaderMap>();
        assert_eq!(wanted(&headers, &version), *expected, "{headers:?}");
    }

    #[test]
    fn parts_are_what_the_standard_says() {
        check(&[], &Wanted::Whole);
        check(&[(RANGE, "bytes=0-0")], &Wanted::Part(0..1));
        check(&[(RANGE, "bytes=90-")], &Wanted::Part(90..100));
        check(&[(RANGE, "bytes=-10")], &Wanted::Part(90..100));
        check(&[(RANGE, "bytes=-1000")], &Wanted::Part(0..100));
        check(&[(RANGE, "bytes=50-1000")], &Wanted::Part(50..100));
        check(&[(RANGE, "bytes=0-18446744073709551615")], &Wanted::Part(0..100));
        for none in ["bytes=100-", "bytes=-0", "bytes=100-200"] {
            check(&[(RANGE, none)], &Wanted::NoSuchPart);
        }
        for ignored in ["bytes=2-1", "bytes=0-1,5-6", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-"] {
            check(&[(RANGE, ignored)], &Wanted::Whole);
        }
    }

    #[test]
    fn what_is_known_is_not_sent() {
        for tags in ["\"a-1\"", "W/\"a-1\"", "\"b\", \"a-1\"", "*"] {
            check(&[(IF_NONE_MATCH, tags)], &Wanted::NotModified);
        }
        check(&[(IF_NONE_MATCH, "\"b\"")], &Wanted::Whole);
        check(&[(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT")], &Wanted::NotModified);
        check(&[(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")], &Wanted::Whole);
        check(&[(IF_MODIFIED_SINCE, "yesterday")], &Wanted::Whole);
        let later = (IF_MODIFIED_SINCE, "Sun, 06 Nov 2094 08:49:37 GMT");
        check(&[later, (IF_NONE_MATCH, "\"b\"")], &Wanted::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_sent() {
        let range = (RANGE, "bytes=1-2");
        check(&[range.clone(), (IF_RANGE, "\"a-1\"")], &Wanted::Part(1..3));
        check(&[range.clone(), (IF_RANGE, "\"b\"")], &Wanted::Whole);
        check(&[range.clone(), (IF_RANGE, "W/\"a-1\"")], &Wanted::Whole);
        check(&[range.clone(), (IF_RANGE, "Sun, 06 Nov 1994 08:49:37 GMT")], &Wanted::Part(1..3));
        check(&[range, (IF_RANGE, "Sun, 06 Nov 1994 08:49:38 GMT")], &Wanted::Whole);
    }
}
