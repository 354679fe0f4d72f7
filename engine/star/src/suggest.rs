//! Did you mean: the known name nearest to a mistyped one. Unaware of what is named.

/// A hint naming the candidate nearest to `name`, if one is near enough.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// The candidate that differs from `name` by at most a third of its letters, rounded.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() + 1) / 3;
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(name, candidate);
        let better = best.is_none_or(|(least, current)| (distance, candidate) < (least, current));
        if distance <= limit && better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Names in backticks, separated by commas, the last by `or`.
pub(crate) fn one_of<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => format!("`{}`", only.as_ref()),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|name| format!("`{}`", name.as_ref())).collect();
            format!("{} or `{}`", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let names = ["visibility", "version", "deps"];
        assert_eq!(nearest("visiblity", names), Some("visibility"));
        assert_eq!(nearest("dep", names), Some("deps"));
        assert_eq!(nearest("colour", names), None);
    }
}
