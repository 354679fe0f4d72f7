//! Patterns of names: `*` for anything, `?` for one character, `[a-z]` for one of some.

/// Whether the whole text fits the pattern. Case does not matter.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let fold = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    fits(&fold(pattern), &fold(text))
}

/// Whether a text has characters that make it a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last `*` was, and what it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match step(&pattern[at..], text[from]) {
            Step::Star => {
                star = Some((at + 1, from));
                at += 1;
            }
            Step::Fits(length) => {
                at += length;
                from += 1;
            }
            Step::Fails => {
                let Some((behind, swallowed)) = star else { return false };
                star = Some((behind, swallowed + 1));
                (at, from) = (behind, swallowed + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

enum Step {
    Star,
    /// The character fits this many characters of the pattern.
    Fits(usize),
    Fails,
}

fn step(pattern: &[char], c: char) -> Step {
    match pattern.first() {
        None => Step::Fails,
        Some('*') => Step::Star,
        Some('?') => Step::Fits(1),
        Some('[') => match pattern.iter().skip(2).position(|end| *end == ']') {
            Some(end) if is_in_set(&pattern[1..end + 2], c) => Step::Fits(end + 3),
            Some(_) => Step::Fails,
            None if c == '[' => Step::Fits(1),
            None => Step::Fails,
        },
        Some(other) if *other == c => Step::Fits(1),
        Some(_) => Step::Fails,
    }
}

fn is_in_set(set: &[char], c: char) -> bool {
    let (is_negated, mut rest) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let Some(first) = rest.first() {
        match rest {
            [low, '-', high, ..] => {
                found |= (*low..=*high).contains(&c);
                rest = &rest[3..];
            }
            _ => {
                found |= *first == c;
                rest = &rest[1..];
            }
        }
    }
    found != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, text) in [
            ("*", ""),
            ("a*", "abc"),
            ("*c", "abc"),
            ("A?c", "abc"),
            ("*b*c", "abbc"),
            ("[a-c]x", "bx"),
            ("[!a]", "b"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", "ab"), ("a*d", "abc"), ("[a-c]", "d"), ("?", ""), ("[!a]", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
