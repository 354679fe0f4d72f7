//! Upstream's versions, as definitions, feeds and repositories' tags spell them.

use std::cmp::Ordering;

/// A package's version without the release that a distribution adds: `1.3-r1` is `1.3`, 1.
pub(crate) fn without_release(version: &str) -> (&str, u64) {
    match version.rsplit_once("-r") {
        Some((upstream, release)) => match release.parse() {
            Ok(release) => (upstream, release),
            Err(_) => (version, 0),
        },
        None => (version, 0),
    }
}

/// The version that a tag names: `curl-7_57_0` and `v7.57.0` are `7.57.0`. `name` may stand
/// before it, as in `pcre2-10.45`.
pub(crate) fn of_tag(tag: &str, name: &str) -> String {
    let lower = tag.to_ascii_lowercase();
    let rest = lower.strip_prefix(&name.to_ascii_lowercase()).unwrap_or(&lower);
    let start = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
    rest[start..].replace(['_', '-'], ".")
}

/// How two upstream versions compare: by apk's rules where both keep to them, else by their
/// numbers and words in turn.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let valid = |text: &str| text.parse::<wiz_apk::Version>();
    match (valid(left), valid(right)) {
        (Ok(left), Ok(right)) => left.compare(&right),
        _ => pieces(left).cmp(&pieces(right)),
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Word(&'a str),
    Number(u64),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        match piece.parse() {
            Ok(number) if is_digit => pieces.push(Piece::Number(number)),
            _ => {
                let word = piece.trim_matches(|letter: char| !letter.is_alphanumeric());
                if !word.is_empty() {
                    pieces.push(Piece::Word(word));
                }
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_taken_off() {
        assert_eq!(without_release("1.3-r1"), ("1.3", 1));
        assert_eq!(without_release("1.3-rc1"), ("1.3-rc1", 0));
        assert_eq!(without_release("10.3_p1-r0"), ("10.3_p1", 0));
    }

    #[test]
    fn tags_name_versions() {
        for (tag, name, version) in [
            ("curl-7_57_0", "curl", "7.57.0"),
            ("FILE5_45", "file", "5.45"),
            ("binutils-2_45_1", "binutils", "2.45.1"),
            ("pcre2-10.45", "pcre2", "10.45"),
            ("v1.5.0", "zstd", "1.5.0"),
            ("REL_18_1", "postgresql", "18.1"),
        ] {
            assert_eq!(of_tag(tag, name), version);
        }
    }

    #[test]
    fn versions_outside_the_grammar_compare_by_their_pieces() {
        assert_eq!(compare("1.3-git20", "1.3-git100"), Ordering::Less);
        assert_eq!(compare("3.5.10", "3.5.9"), Ordering::Greater);
        assert_eq!(compare("1.0.2k", "1.0.2zh"), Ordering::Less);
    }
}
