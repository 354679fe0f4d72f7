//! Version order against written cases, apk-tools' own table and the laws of an order.

use std::cmp::Ordering;

use proptest::prelude::*;
use wiz_testkit::reference_data;

use super::{Version, compare_texts, text_matches_prefix};

/// One line: `a < b`, `a ~ b`, `a !~ b`, a valid version, or `!` and an invalid one.
fn check(line: &str) -> Result<(), String> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let words: Vec<&str> = line.split_whitespace().collect();
    let holds = match words[..] {
        [] => true,
        [left, operator, right] => holds(left, operator, right),
        [single] => match single.strip_prefix('!') {
            Some(invalid) => invalid.parse::<Version>().is_err(),
            None => single.parse::<Version>().is_ok(),
        },
        _ => false,
    };
    if holds { Ok(()) } else { Err(line.to_owned()) }
}

fn holds(left: &str, operator: &str, right: &str) -> bool {
    let order = compare_texts(left, right);
    let fuzzy = || text_matches_prefix(left, right);
    match operator {
        "<" => order == Ordering::Less,
        "=" => order == Ordering::Equal,
        ">" => order == Ordering::Greater,
        "~" => fuzzy(),
        "!~" => !fuzzy(),
        "<~" => order == Ordering::Less || fuzzy(),
        ">~" => order == Ordering::Greater || fuzzy(),
        _ => false,
    }
}

#[test]
fn versions_compare_as_apk_compares_them() {
    for line in [
        "1.0 < 1.0bc",
        "1.0_alpha < 1.0",
        "1.0_rc1 > 1.0_pre9",
        "1.0 < 1.0_git20200101",
        "1.0_p1 > 1.0-r9",
        "1.10 > 1.9",
        "1.01 < 1.1",
        "1.0~1234-r1 > 1.0~1234-r0",
        "99999999999999999999999 > 99999999999999999999998",
        "3.6.9 ~ 3.6",
        "3.60 !~ 3.6",
        "3.5 <~ 3.6",
        "!0.1bc",
        "!0.1-r",
        "!",
        "!1.0é",
    ] {
        assert_eq!(check(line), Ok(()));
    }
}

#[test]
fn the_reference_table_holds() {
    let Some(table) = reference_data::text("apk/version.data") else { return };
    let failures: Vec<String> = table.lines().filter_map(|line| check(line).err()).collect();
    assert_eq!(failures, Vec::<String>::new());
    assert!(table.lines().count() > 700);
}

fn version() -> impl Strategy<Value = String> {
    let suffix = prop::sample::select(vec!["", "_alpha", "_rc1", "_p", "_p1", "_p01", "_git2"]);
    let numbers = prop::collection::vec(prop::sample::select(vec!["0", "1", "01", "010", "9", "10"]), 1..4);
    let letter = prop::sample::select(vec!["", "a", "b"]);
    let tail = prop::sample::select(vec!["", "-r0", "-r1", "~ab", "~ab-r2"]);
    (numbers, letter, suffix, tail)
        .prop_map(|(numbers, letter, suffix, tail)| format!("{}{letter}{suffix}{tail}", numbers.join(".")))
}

proptest! {
    #[test]
    fn the_order_is_total(a in version(), b in version(), c in version()) {
        let (a, b, c): (Version, Version, Version) =
            (a.parse().unwrap(), b.parse().unwrap(), c.parse().unwrap());
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        if a.compare(&b) != Ordering::Greater && b.compare(&c) != Ordering::Greater {
            prop_assert_ne!(a.compare(&c), Ordering::Greater);
        }
        prop_assert!(a.matches_prefix(&a));
    }

    #[test]
    fn any_text_is_compared_without_panicking(a in ".{0,20}", b in "[0-9a-c._~r-]{0,20}") {
        prop_assert_eq!(compare_texts(&a, &b), compare_texts(&b, &a).reverse());
    }
}
