//! Who needs whom, in both directions, and what can be reached. Nothing here recurses, and
//! everything takes time in proportion to the links that are looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A directed graph over nodes `0..len`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    needs: Vec<Vec<u32>>,
    needed_by: Vec<Vec<u32>>,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To what a node needs.
    Down,
    /// To what needs it.
    Up,
}

impl Links {
    /// A graph in which node `n` needs the nodes `needs[n]`, all of them below `needs.len()`.
    #[must_use]
    pub fn new(needs: Vec<Vec<u32>>) -> Self {
        let mut needed_by = vec![Vec::new(); needs.len()];
        for (node, all) in (0..).zip(&needs) {
            for needed in all {
                needed_by[*needed as usize].push(node);
            }
        }
        Self { needs, needed_by }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// What a node needs directly.
    #[must_use]
    pub fn needs(&self, node: u32) -> &[u32] {
        &self.needs[node as usize]
    }

    fn next(&self, node: u32, direction: Direction) -> &[u32] {
        match direction {
            Direction::Down => &self.needs[node as usize],
            Direction::Up => &self.needed_by[node as usize],
        }
    }

    /// What can be reached from `starts` in at most `depth` steps without leaving what
    /// `within` allows; the starts themselves included as far as it allows them.
    pub(super) fn reach(
        &self,
        starts: &BTreeSet<u32>,
        direction: Direction,
        depth: usize,
        within: &dyn Fn(u32) -> bool,
    ) -> BTreeSet<u32> {
        let mut reached: BTreeSet<u32> = starts.iter().copied().filter(|node| within(*node)).collect();
        let mut border: Vec<u32> = reached.iter().copied().collect();
        for _ in 0..depth {
            let mut next = Vec::new();
            for node in border {
                for neighbour in self.next(node, direction) {
                    if within(*neighbour) && reached.insert(*neighbour) {
                        next.push(*neighbour);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            border = next;
        }
        reached
    }

    /// A shortest way from one of `from` to one of `to`; none if there is no way. The same for
    /// the same graph, whichever way there are.
    pub(super) fn path(&self, from: &BTreeSet<u32>, to: &BTreeSet<u32>) -> Option<Vec<u32>> {
        let mut came_from: BTreeMap<u32, Option<u32>> = from.iter().map(|node| (*node, None)).collect();
        let mut pending: VecDeque<u32> = from.iter().copied().collect();
        while let Some(node) = pending.pop_front() {
            if to.contains(&node) {
                let mut path: Vec<u32> =
                    std::iter::successors(Some(node), |node| came_from.get(node).copied().flatten())
                        .collect();
                path.reverse();
                return Some(path);
            }
            for neighbour in self.needs(node) {
                came_from.entry(*neighbour).or_insert_with(|| {
                    pending.push_back(*neighbour);
                    Some(node)
                });
            }
        }
        None
    }
}
