//! Random package sets: what the solver answers is compared with all there is.

use proptest::prelude::*;
use wiz_apk::{Dependency, Record};

use super::records;
use crate::{Request, Solution, solve};

/// Whether some chosen package is what the dependency names, a leading `!` aside.
fn is_provided(dependency: &Dependency, chosen: &[&Record], except: Option<&Record>) -> bool {
    chosen.iter().filter(|record| Some(**record) != except).any(|record| {
        let own = record.name == dependency.name
            && dependency.matches(Some(&record.version), record.identity.as_ref());
        own || record.provides.iter().any(|provide| {
            provide.name == dependency.name
                && dependency.matches(provide.version.as_ref(), record.identity.as_ref())
        })
    })
}

fn holds(world: &[Dependency], chosen: &[&Record]) -> bool {
    let fits = |dependency: &Dependency, of: Option<&Record>| {
        is_provided(dependency, chosen, of.filter(|_| dependency.conflict)) != dependency.conflict
    };
    world.iter().all(|dependency| fits(dependency, None))
        && chosen.iter().all(|record| record.depends.iter().all(|dependency| fits(dependency, Some(record))))
        && chosen
            .iter()
            .enumerate()
            .all(|(index, record)| chosen[..index].iter().all(|other| other.name != record.name))
}

/// Every dependency is met and every conflict kept.
pub(super) fn assert_sound(world: &[Dependency], solution: &Solution<'_>) {
    let chosen: Vec<&Record> = solution.packages.iter().map(|selected| selected.record).collect();
    assert!(holds(world, &chosen), "{chosen:#?}");
}

/// Six names with up to two versions, depending on each other at random.
fn package_lines() -> impl Strategy<Value = String> {
    let dependency = ("!?", "[a-f]", prop::sample::select(vec!["", "=1", "=2", ">1", "<2"]))
        .prop_map(|(mark, name, bound)| format!("{mark}{name}{bound}"));
    let depends = prop::collection::vec(dependency, 0..3);
    prop::collection::btree_map(("[a-f]", 1..3u8), depends, 1..9).prop_map(|packages| {
        let line = |((name, version), depends): ((String, u8), Vec<String>)| {
            let field = if depends.is_empty() { String::new() } else { format!("D:{}", depends.join(",")) };
            format!("{name} {version} {field}\n")
        };
        packages.into_iter().map(line).collect()
    })
}

/// Whether any subset of the records would do, found by trying all of them.
fn has_solution(world: &[Dependency], records: &[Record]) -> bool {
    (0..1u32 << records.len()).any(|mask| {
        let is_in = |index: &usize| mask >> index & 1 == 1;
        let chosen: Vec<&Record> = (0..records.len()).filter(is_in).map(|index| &records[index]).collect();
        holds(world, &chosen)
    })
}

proptest! {
    #[test]
    fn solutions_are_sound_and_found_where_there_are_any(lines in package_lines(), wishes in "[a-f]( [a-f])?") {
        let records = records(&lines);
        let world: Vec<Dependency> = wiz_apk::dependency::parse_list(&wishes).unwrap();
        let found = solve(&Request { world: &world, candidates: &records, arch: None });
        if let Ok(solution) = &found {
            assert_sound(&world, solution);
        }
        prop_assert_eq!(found.is_ok(), has_solution(&world, &records));
        let shuffled: Vec<Record> = records.iter().rev().cloned().collect();
        let again = solve(&Request { world: &world, candidates: &shuffled, arch: None });
        prop_assert_eq!(again, found);
    }
}
