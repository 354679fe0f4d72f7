//! Questions: how they are read, what is wrong with them, and answers against a second way of
//! finding them.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Nodes called `n0`, `n1` and so on; even ones are of kind `even`.
struct Numbers(Links);

impl Universe for Numbers {
    fn links(&self) -> &Links {
        &self.0
    }

    fn named(&self, word: &str) -> Result<BTreeSet<u32>, String> {
        let nodes: BTreeSet<u32> = self.everything();
        match word.strip_prefix('n').and_then(|number| number.parse().ok()) {
            _ if word == "all" => Ok(nodes),
            Some(node) if nodes.contains(&node) => Ok(BTreeSet::from([node])),
            _ => Err(format!("there is no `{word}`")),
        }
    }

    fn everything(&self) -> BTreeSet<u32> {
        (0..).take_while(|node| (*node as usize) < self.0.len()).collect()
    }

    fn name(&self, node: u32) -> String {
        format!("n{node}")
    }

    fn kind(&self, node: u32) -> String {
        (if node.is_multiple_of(2) { "even" } else { "odd" }).to_owned()
    }

    fn attribute(&self, node: u32, name: &str) -> Option<String> {
        (name == "digits").then(|| node.to_string())
    }
}

/// A diamond `n0 -> n1, n2 -> n3` and `n4` apart, which needs `n3`.
fn diamond() -> Numbers {
    Numbers(Links::new(vec![vec![1, 2], vec![3], vec![3], vec![], vec![3]]))
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(question: &str, expected: Expect) {
    let universe = diamond();
    let answered = Expression::parse(question).and_then(|parsed| answer(&parsed, &universe));
    let text = match answered {
        Ok(Answer::Set(nodes)) => format!("{nodes:?}"),
        Ok(Answer::Path(nodes)) => format!("{nodes:?} in order"),
        Err(QueryError { place, message, hint }) => {
            let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let caret = " ".repeat(place.start) + &"^".repeat(place.len().max(1));
            format!("{question}\n{caret}\n{message}{hint}")
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn sets_and_functions() {
    check("n0", expect!["{0}"]);
    check("deps(n0)", expect!["{0, 1, 2, 3}"]);
    check("deps(n0, 1)", expect!["{0, 1, 2}"]);
    check("rdeps(n3)", expect!["{0, 1, 2, 3, 4}"]);
    check("rdeps(n0, n3)", expect!["{0, 1, 2, 3}"]);
    check("rdeps(all, n3, 1)", expect!["{1, 2, 3, 4}"]);
    check("allpaths(n0, n3)", expect!["{0, 1, 2, 3}"]);
    check("somepath(n0, n3)", expect!["[0, 1, 3] in order"]);
    check("somepath(n3, n0)", expect!["[] in order"]);
    check("kind(even, deps(n0))", expect!["{0, 2}"]);
    check("filter('n[12]', all)", expect!["{1, 2}"]);
    check("attr(digits, ^4$, all)", expect!["{4}"]);
    check("attr(\"other\", '.*', all)", expect!["{}"]);
}

#[test]
fn sets_put_together() {
    check("n0 + n1 | n2 union n3", expect!["{0, 1, 2, 3}"]);
    check("all - n0 except n1", expect!["{2, 3, 4}"]);
    check("deps(n1) ^ deps(n2) intersect all", expect!["{3}"]);
    check("all - (n0 + n1)", expect!["{2, 3, 4}"]);
    check("all - n0 + n0", expect!["{0, 1, 2, 3, 4}"]);
}

#[test]
fn what_is_wrong_is_said_and_shown() {
    for (question, expected) in [
        (
            "",
            expect![[r#"

            ^
            the question ends where a label or a function should be"#]],
        ),
        (
            "deps(n0",
            expect![[r#"
            deps(n0
            ^^^^
            what is opened here is not closed
            hint: `)` is missing"#]],
        ),
        (
            "deps(n0))",
            expect![[r#"
            deps(n0))
                    ^
            `)` cannot stand here"#]],
        ),
        (
            "dep(n0)",
            expect![[r#"
            dep(n0)
            ^^^
            there is no function `dep`
            hint: there are allpaths, attr, deps, filter, kind, rdeps, somepath"#]],
        ),
        (
            "deps(n0, n1)",
            expect![[r#"
            deps(n0, n1)
                     ^^
            `n1` is not a number of steps
            hint: `deps` is deps(SET) or deps(SET, DEPTH)"#]],
        ),
        (
            "deps()",
            expect![[r#"
            deps()
            ^^^^^^
            `deps` does not take 0 arguments
            hint: it is deps(SET) or deps(SET, DEPTH)"#]],
        ),
        (
            "rdeps(n0, n1, 2, 3)",
            expect![[r#"
            rdeps(n0, n1, 2, 3)
            ^^^^^^^^^^^^^^^^^^^
            `rdeps` does not take 4 arguments
            hint: it is rdeps(SET), rdeps(UNIVERSE, SET) or rdeps(UNIVERSE, SET, DEPTH)"#]],
        ),
    ] {
        check(question, expected);
    }
}

#[test]
fn what_stands_in_the_wrong_place_is_shown() {
    for (question, expected) in [
        (
            "kind(deps(n0), n1)",
            expect![[r#"
            kind(deps(n0), n1)
                 ^^^^^^^^
            a set stands where a text or a number should be
            hint: `kind` is kind(REGEX, SET)"#]],
        ),
        (
            "n0 n1",
            expect![[r#"
            n0 n1
               ^^
            `n1` cannot stand here
            hint: between two sets stands `+`, `-` or `^`, with a space before it"#]],
        ),
        (
            "n0 +",
            expect![[r#"
            n0 +
                ^
            the question ends where a label or a function should be"#]],
        ),
        (
            "+ n0",
            expect![[r#"
            + n0
            ^
            `+` cannot stand here"#]],
        ),
        (
            "n0 - - n1",
            expect![[r#"
            n0 - - n1
                 ^
            `-` cannot stand here"#]],
        ),
        (
            "filter('n[', all)",
            expect![[r#"
            filter('n[', all)
                   ^^^^
            `n[` is not a regular expression: unclosed character class"#]],
        ),
        (
            "filter('n, all)",
            expect![[r#"
            filter('n, all)
                   ^^^^^^^^
            a quote is not closed
            hint: end it with `'`"#]],
        ),
        (
            "n9",
            expect![[r#"
            n9
            ^^
            there is no `n9`"#]],
        ),
        (
            "n0 & n1",
            expect![[r#"
            n0 & n1
               ^
            `&` means nothing here
            hint: put text with unusual characters, such as a regular expression, in quotes"#]],
        ),
    ] {
        check(question, expected);
    }
}

#[test]
fn nesting_has_an_end_and_chains_have_none() {
    let deep = "(".repeat(100_000) + "n0" + &")".repeat(100_000);
    assert!(Expression::parse(&deep).unwrap_err().message.contains("100 deep"));
    let long = "n0 + ".repeat(100_000) + "n1";
    let parsed = Expression::parse(&long).unwrap();
    assert_eq!(answer(&parsed, &diamond()), Ok(Answer::Set(BTreeSet::from([0, 1]))));
}

/// Whether there is a way, found by trying all powers of the adjacency matrix.
fn reaches(needs: &[Vec<u32>]) -> Vec<Vec<bool>> {
    let len = needs.len();
    let mut reaches = vec![vec![false; len]; len];
    for (node, all) in needs.iter().enumerate() {
        reaches[node][node] = true;
        all.iter().for_each(|needed| reaches[node][*needed as usize] = true);
    }
    for middle in 0..len {
        for from in 0..len {
            for to in 0..len {
                reaches[from][to] |= reaches[from][middle] && reaches[middle][to];
            }
        }
    }
    reaches
}

fn graphs() -> impl Strategy<Value = Vec<Vec<u32>>> {
    // A node needs nodes of higher numbers only, as nothing is circular.
    (1..12usize).prop_flat_map(|len| {
        let pick = prop::collection::vec(any::<bool>(), len * len);
        pick.prop_map(move |picked| {
            let needs = |node: usize| {
                let others = (node + 1..len).filter(|other| picked[node * len + other]);
                others.map(|other| u32::try_from(other).unwrap()).collect()
            };
            (0..len).map(needs).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reachability_is_what_a_second_way_finds(needs in graphs(), a in 0..12u32, b in 0..12u32) {
        let len = u32::try_from(needs.len()).unwrap();
        let (a, b) = (a % len, b % len);
        let reaches = reaches(&needs);
        let reaches = |from: u32, to: u32| reaches[from as usize][to as usize];
        let universe = Numbers(Links::new(needs));
        let ask = |question: String| answer(&Expression::parse(&question).unwrap(), &universe).unwrap();
        let set = |member: &dyn Fn(u32) -> bool| Answer::Set((0..len).filter(|node| member(*node)).collect());
        prop_assert_eq!(ask(format!("deps(n{a})")), set(&|node| reaches(a, node)));
        prop_assert_eq!(ask(format!("rdeps(n{a})")), set(&|node| reaches(node, a)));
        let below_b = |node: u32| reaches(node, a) && reaches(b, node);
        let expected = if reaches(b, a) { set(&below_b) } else { set(&|_| false) };
        prop_assert_eq!(ask(format!("rdeps(n{b}, n{a})")), expected.clone());
        prop_assert_eq!(ask(format!("allpaths(n{b}, n{a})")), expected);
        let Answer::Path(path) = ask(format!("somepath(n{b}, n{a})")) else { panic!("a path") };
        prop_assert_eq!(path.is_empty(), !reaches(b, a));
        prop_assert!(path.windows(2).all(|step| universe.links().needs(step[0]).contains(&step[1])));
        prop_assert!(path.is_empty() || (path[0] == b && path[path.len() - 1] == a));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z0-9/:(),+^|'\" .*-]{0,40}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(error.place.end <= text.len());
        }
    }
}
