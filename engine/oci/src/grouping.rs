//! Which packages share a layer.
//!
//! What counts is how many bytes are pulled again after one package was fixed,
//! and how many are shared with other images. Both want few packages in a layer
//! and the big ones alone; runtimes want few layers (each costs a request, and
//! containerd stops at 127). So, by origin, because one fix rebuilds all
//! packages of an origin:
//!
//! - The biggest origins get a layer each, as long as the budget lasts. Such a
//!   layer depends on its packages and the directories' owners alone, so it is
//!   the same blob in every image that has them.
//! - The others share one layer: it is cheap to pull again whichever changed.
//! - What every change touches (installed database, `ld.so.cache`, certificate
//!   bundle) does not come from packages and is a small layer that the caller
//!   puts on top; it is in the budget.
//!
//! Sizes count only by the power of two they reach, so an origin that grew by a
//! little does not move another. Unaware of files, and of the order in which
//! packages are installed beyond what it is given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A package as grouping sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, unique in the image.
    pub name: String,
    /// What it was built from. Packages of one origin share a layer. If one
    /// package replaces files of another, both are to be given the same origin
    /// here, so that their order is kept.
    pub origin: String,
    /// Size of its files in bytes.
    pub size: u64,
}

/// How many layers an image may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Layers at most, the caller's top layer included; at least 2 are made use of.
    pub layers: usize,
    /// Origins whose files are smaller than this, in bytes, never get a layer of
    /// their own.
    pub alone_from: u64,
}

impl Default for Budget {
    /// Ten layers; 256 KiB, below which a request costs more than the bytes.
    fn default() -> Self {
        Self { layers: 10, alone_from: 256 * 1024 }
    }
}

/// One layer's packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The origins in the layer, by name.
    pub origins: BTreeSet<String>,
    /// Names of the packages, in the order in which they were given.
    pub packages: Vec<String>,
}

/// Divides `packages` into layers, lowest first. The order of `packages` decides
/// nothing but the order within a group.
#[must_use]
pub fn group(packages: &[Package], budget: Budget) -> Vec<Group> {
    let alone = alone(&origin_sizes(packages), budget);
    let mut groups: Vec<Group> =
        alone.iter().map(|origin| collect(packages, |other| other == origin)).collect();
    let rest = collect(packages, |other| !alone.iter().any(|origin| origin == other));
    if !rest.packages.is_empty() {
        groups.push(rest);
    }
    groups
}

fn origin_sizes(packages: &[Package]) -> BTreeMap<&str, u64> {
    let mut sizes = BTreeMap::new();
    for package in packages {
        *sizes.entry(package.origin.as_str()).or_insert(0) += package.size;
    }
    sizes
}

/// The origins that get a layer of their own, biggest first, then by name.
fn alone(sizes: &BTreeMap<&str, u64>, budget: Budget) -> Vec<String> {
    let mut candidates: Vec<(Reverse<u32>, &str)> = sizes
        .iter()
        .filter(|(_, size)| size_class(**size) >= size_class(budget.alone_from))
        .map(|(origin, size)| (Reverse(size_class(*size)), *origin))
        .collect();
    candidates.sort_unstable();
    let shared_and_top = 2;
    let places = budget.layers.saturating_sub(shared_and_top);
    candidates.into_iter().take(places).map(|(_, origin)| origin.to_owned()).collect()
}

/// The number of binary digits: sizes of one class differ by less than a factor of two.
fn size_class(size: u64) -> u32 {
    u64::BITS - size.leading_zeros()
}

fn collect(packages: &[Package], belongs: impl Fn(&str) -> bool) -> Group {
    let chosen = packages.iter().filter(|package| belongs(&package.origin));
    Group {
        origins: chosen.clone().map(|package| package.origin.clone()).collect(),
        packages: chosen.map(|package| package.name.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const KIB: u64 = 1024;

    fn packages(list: &[(&str, &str, u64)]) -> Vec<Package> {
        let package = |&(name, origin, size): &(&str, &str, u64)| Package {
            name: name.into(),
            origin: origin.into(),
            size,
        };
        list.iter().map(package).collect()
    }

    fn check(list: &[(&str, &str, u64)], layers: usize, expected: Expect) {
        let groups = group(&packages(list), Budget { layers, ..Budget::default() });
        let lines: Vec<String> = groups.iter().map(|group| group.packages.join(" ")).collect();
        expected.assert_eq(&lines.join("\n"));
    }

    const BASE: &[(&str, &str, u64)] = &[
        ("base-files", "base-files", 20 * KIB),
        ("glibc", "glibc", 3000 * KIB),
        ("ca-certificates", "ca-certificates", 220 * KIB),
        ("busybox", "busybox", 1000 * KIB),
        ("tzdata", "tzdata", 400 * KIB),
        ("glibc-utilities", "glibc", 100 * KIB),
    ];

    #[test]
    fn big_origins_stand_alone_and_small_ones_share() {
        check(
            BASE,
            10,
            expect![[r#"
                glibc glibc-utilities
                busybox
                tzdata
                base-files ca-certificates"#]],
        );
    }

    #[test]
    fn the_budget_holds_with_the_top_layer() {
        check(
            BASE,
            3,
            expect![[r#"
                glibc glibc-utilities
                base-files ca-certificates busybox tzdata"#]],
        );
        check(BASE, 0, expect!["base-files glibc ca-certificates busybox tzdata glibc-utilities"]);
        check(&[], 5, expect![""]);
    }

    #[test]
    fn growth_within_a_class_moves_nobody() {
        let two = |first, second| {
            let list = packages(&[("a", "a", first), ("b", "b", second), ("c", "c", 300 * KIB)]);
            group(&list, Budget { layers: 3, ..Budget::default() })
        };
        assert_eq!(two(600 * KIB, 601 * KIB), two(700 * KIB, 600 * KIB));
    }

    #[test]
    fn order_matters_within_a_group_only() {
        let reversed: Vec<_> = BASE.iter().rev().copied().collect();
        check(
            &reversed,
            10,
            expect![[r#"
                glibc-utilities glibc
                busybox
                tzdata
                ca-certificates base-files"#]],
        );
    }
}
