//! How two keys of one action differ, in the terms of what went into them. Unaware of
//! where keys come from.

use std::collections::BTreeMap;

use super::manifest::{Line, Manifest, Part};

/// One thing that is not the same in two keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Difference {
    /// What sort of thing it is.
    pub part: Part,
    /// What it is called.
    pub name: String,
    /// What it was; none if it was not there.
    pub before: Option<String>,
    /// What it is; none if it is not there any more.
    pub after: Option<String>,
}

/// What is not the same in two manifests, in the order of parts and names. Arguments are
/// compared without what begins and ends both command lines alike, everything else by name.
#[must_use]
pub fn differences(before: &Manifest, after: &Manifest) -> Vec<Difference> {
    let mut found = argument_differences(before, after);
    let (old, new) = (named(before), named(after));
    for (&(part, name, occurrence), &value) in &old {
        let now = new.get(&(part, name, occurrence)).copied();
        if now != Some(value) {
            found.push(difference(part, name, Some(value), now));
        }
    }
    for (&(part, name, occurrence), &value) in &new {
        if !old.contains_key(&(part, name, occurrence)) {
            found.push(difference(part, name, None, Some(value)));
        }
    }
    if found.is_empty() {
        found.extend(order_difference(before, after));
    }
    found.sort();
    found
}

impl Difference {
    /// Whether a text that differs accounts for it: with the text as it is now, the value that
    /// was before would be the value that is now.
    #[must_use]
    pub fn follows_from_text(&self, texts: &[&Self]) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return false };
        if !matches!(self.part, Part::Argument | Part::Variable | Part::Parameter) {
            return false;
        }
        let replaced = texts.iter().fold(before.clone(), |value, text| match (&text.before, &text.after) {
            (Some(old), Some(new)) if !old.is_empty() => value.replace(old.as_str(), new),
            _ => value,
        });
        replaced == *after
    }
}

fn difference(part: Part, name: &str, before: Option<&str>, after: Option<&str>) -> Difference {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    Difference { part, name: name.to_owned(), before: owned(before), after: owned(after) }
}

/// Everything but arguments, by part, name, and how often the name came before.
fn named(manifest: &Manifest) -> BTreeMap<(Part, &str, usize), &str> {
    let mut all = BTreeMap::new();
    for Line(part, name, value) in manifest.lines.iter().filter(|Line(part, ..)| *part != Part::Argument) {
        let mut occurrence = 0;
        while all.contains_key(&(*part, name.as_str(), occurrence)) {
            occurrence += 1;
        }
        all.insert((*part, name.as_str(), occurrence), value.as_str());
    }
    all
}

fn arguments(manifest: &Manifest) -> Vec<&str> {
    let arguments = manifest.lines.iter().filter(|Line(part, ..)| *part == Part::Argument);
    arguments.map(|Line(_, _, value)| value.as_str()).collect()
}

fn argument_differences(before: &Manifest, after: &Manifest) -> Vec<Difference> {
    let (old, new) = (arguments(before), arguments(after));
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let start = old.iter().zip(&new).take_while(same).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let old_middle = &old_rest[..old_rest.len() - end];
    let new_middle = &new_rest[..new_rest.len() - end];
    let longest = old_middle.len().max(new_middle.len());
    let changed = (0..longest).filter(|place| old_middle.get(*place) != new_middle.get(*place));
    changed
        .map(|place| {
            let name = (start + place).to_string();
            let (before, after) = (old_middle.get(place).copied(), new_middle.get(place).copied());
            difference(Part::Argument, &name, before, after)
        })
        .collect()
}

/// Trees of a root are stacked in order, and the upper ones win.
fn order_difference(before: &Manifest, after: &Manifest) -> Option<Difference> {
    let order = |manifest: &Manifest| {
        let roots = manifest.lines.iter().filter(|Line(part, ..)| *part == Part::Root);
        roots.map(|Line(_, name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (before, after) = (order(before), order(after));
    (before != after).then(|| difference(Part::Root, "order", Some(&before), Some(&after)))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn manifest(text: &str) -> Manifest {
        let line = |line: &str| {
            let (part, rest) = line.split_once(' ').unwrap();
            let (name, value) = rest.split_once('=').unwrap();
            let part = serde_json::from_value(part.into()).unwrap();
            Line(part, name.to_owned(), value.to_owned())
        };
        Manifest { action: "it".to_owned(), lines: text.split("; ").map(line).collect() }
    }

    fn check(before: &str, after: &str, expected: Expect) {
        let mut text = String::new();
        for Difference { part, name, before, after } in differences(&manifest(before), &manifest(after)) {
            let shown = |value: Option<String>| value.unwrap_or("nothing".to_owned());
            text += &format!("{part:?} {name}: {} -> {}\n", shown(before), shown(after));
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn what_is_the_same_is_no_difference() {
        check("argument 0=a; input x=1", "argument 0=a; input x=1", expect![""]);
    }

    #[test]
    fn inputs_and_variables_are_compared_by_name() {
        check(
            "variable CFLAGS=-O2; input x=1; input gone=2; salt class=s",
            "variable CFLAGS=-O3; input new=1; input x=3; salt class=s",
            expect![[r#"
                Variable CFLAGS: -O2 -> -O3
                Input gone: 2 -> nothing
                Input new: nothing -> 1
                Input x: 1 -> 3
            "#]],
        );
    }

    #[test]
    fn an_argument_put_in_between_is_one_difference() {
        check(
            "argument 0=cc; argument 1=-c; argument 2=x.c",
            "argument 0=cc; argument 1=-g; argument 2=-c; argument 3=x.c",
            expect![[r#"
                Argument 1: nothing -> -g
            "#]],
        );
        check(
            "argument 0=cc; argument 1=-O2; argument 2=x.c",
            "argument 0=cc; argument 1=-O3; argument 2=x.c",
            expect![[r#"
                Argument 1: -O2 -> -O3
            "#]],
        );
        check(
            "argument 0=a; argument 1=a",
            "argument 0=a",
            expect![[r#"
                Argument 1: a -> nothing
            "#]],
        );
    }

    #[test]
    fn the_order_of_a_root_counts_where_nothing_else_differs() {
        check(
            "root a=1; root b=2",
            "root b=2; root a=1",
            expect![[r#"
                Root order: a, b -> b, a
            "#]],
        );
    }

    #[test]
    fn a_text_accounts_for_the_values_it_stands_in() {
        let before = manifest("variable EPOCH=@1; variable FLAGS=-x; text t=1");
        let after = manifest("variable EPOCH=@2; variable FLAGS=-y; text t=2");
        let found = differences(&before, &after);
        let texts: Vec<_> = found.iter().filter(|found| found.part == Part::Text).collect();
        let follows =
            |name: &str| found.iter().any(|found| found.name == name && found.follows_from_text(&texts));
        assert_eq!([follows("EPOCH"), follows("FLAGS"), follows("t")], [true, false, false]);
    }
}
