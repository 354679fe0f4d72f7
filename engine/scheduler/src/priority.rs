//! Critical paths: how long it takes from the start of an action to the end of the
//! build if nothing else is in the way. Unaware of what is running.

use std::collections::BTreeMap;

use wiz_graph::{ActionGraph, ActionId};

use crate::executor::Past;

/// What an action of unknown duration counts for, in milliseconds. Where nothing is
/// known at all, the critical path is the depth.
const UNKNOWN_MS: u64 = 1000;

/// For each of `ids` its own duration and the longest chain of dependants after it,
/// in milliseconds. `ids` is closed under dependencies.
pub(crate) fn critical_paths(
    graph: &ActionGraph,
    ids: &[ActionId],
    past: &BTreeMap<ActionId, Past>,
) -> BTreeMap<ActionId, u64> {
    let mut paths: BTreeMap<ActionId, u64> = BTreeMap::new();
    let mut after: BTreeMap<ActionId, u64> = BTreeMap::new();
    for id in dependants_first(graph, ids) {
        let own = past.get(&id).and_then(|past| past.wall_ms).unwrap_or(UNKNOWN_MS);
        let path = own.saturating_add(after.get(&id).copied().unwrap_or(0));
        paths.insert(id, path);
        for dependency in graph.dependencies(id) {
            let longest = after.entry(dependency).or_default();
            *longest = (*longest).max(path);
        }
    }
    paths
}

/// A topological order of `ids` that starts with those nobody of them reads from.
fn dependants_first(graph: &ActionGraph, ids: &[ActionId]) -> Vec<ActionId> {
    let mut readers: BTreeMap<ActionId, usize> = ids.iter().map(|id| (*id, 0)).collect();
    for id in ids {
        for dependency in graph.dependencies(*id) {
            *readers.entry(dependency).or_default() += 1;
        }
    }
    let mut order: Vec<_> = ids.iter().copied().filter(|id| readers[id] == 0).collect();
    let mut next = 0;
    while let Some(id) = order.get(next).copied() {
        next += 1;
        for dependency in graph.dependencies(id) {
            let left = readers.entry(dependency).or_default();
            *left -= 1;
            if *left == 0 {
                order.push(dependency);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use wiz_testkit::fixture::{command, id_of, output};

    use super::*;

    fn check(known: &[(&str, u64)], expected: &[(&str, u64)]) {
        let graph = ActionGraph::build([
            command("short", &["const", "1"], &[]),
            command("deep", &["const", "2"], &[]),
            command("deeper", &["concat"], &[output("deep")]),
            command("all", &["concat"], &[output("short"), output("deeper")]),
        ])
        .unwrap();
        let past = |wall_ms| Past { wall_ms: Some(wall_ms), output: None };
        let past = known.iter().map(|(name, wall_ms)| (id_of(&graph, name), past(*wall_ms))).collect();
        let ids: Vec<_> = graph.ids().collect();
        let expected = expected.iter().map(|(name, path)| (id_of(&graph, name), *path)).collect();
        assert_eq!(critical_paths(&graph, &ids, &past), expected);
    }

    #[test]
    fn where_nothing_is_known_the_depth_counts() {
        check(&[], &[("short", 2000), ("deep", 3000), ("deeper", 2000), ("all", 1000)]);
    }

    #[test]
    fn a_long_action_outweighs_depth() {
        check(&[("short", 9000)], &[("short", 10_000), ("deep", 3000), ("deeper", 2000), ("all", 1000)]);
    }
}
