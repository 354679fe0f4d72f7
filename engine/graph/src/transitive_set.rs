//! Transitive sets: data collected along dependencies, shared instead of copied.
//!
//! In memory a set is a shared node over its children's nodes. The stored form is a
//! list of nodes, children before parents, in which each node stands once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Value;

/// A transitive set.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(into = "Vec<StoredNode>", try_from = "Vec<StoredNode>")]
pub struct TransitiveSet(Arc<SetNode>);

/// What one node adds to the sets it is part of.
#[derive(Clone, Debug, PartialEq)]
pub struct SetNode {
    /// The name the set's type was exported under.
    pub name: String,
    /// The file that defines the set's type.
    pub module: String,
    /// Its own value.
    pub value: Option<Value>,
    /// What the type's projections made of the value, by projection.
    pub projections: BTreeMap<String, Value>,
    /// The sets it includes.
    pub children: Vec<TransitiveSet>,
}

impl TransitiveSet {
    /// The set whose top is `node`.
    #[must_use]
    pub fn new(node: SetNode) -> Self {
        Self(Arc::new(node))
    }

    /// The top node.
    #[must_use]
    pub fn node(&self) -> &SetNode {
        &self.0
    }

    /// All nodes in preorder, each once.
    #[must_use]
    pub fn nodes(&self) -> Vec<&SetNode> {
        let mut seen = std::collections::BTreeSet::new();
        let mut nodes = Vec::new();
        let mut pending = vec![self];
        while let Some(set) = pending.pop() {
            if seen.insert(set.address()) {
                nodes.push(set.node());
                pending.extend(set.0.children.iter().rev());
            }
        }
        nodes
    }

    /// Tells shared nodes apart within one process; never stored.
    #[must_use]
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// All sets below and including this one, children before parents, each once.
    #[must_use]
    pub fn postorder(&self) -> Vec<&Self> {
        let mut places = BTreeMap::new();
        let mut order = Vec::new();
        let mut pending = vec![(self, false)];
        while let Some((set, children_done)) = pending.pop() {
            if places.contains_key(&set.address()) {
                continue;
            }
            if children_done {
                places.insert(set.address(), order.len());
                order.push(set);
            } else {
                pending.push((set, true));
                pending.extend(set.0.children.iter().rev().map(|child| (child, false)));
            }
        }
        order
    }
}

impl std::fmt::Debug for TransitiveSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.nodes().iter().map(|node| &node.value)).finish()
    }
}

impl PartialEq for TransitiveSet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || Vec::from(self.clone()) == Vec::from(other.clone())
    }
}

impl Drop for TransitiveSet {
    /// Takes long chains apart in a loop: dropping them by recursion would overflow the stack.
    fn drop(&mut self) {
        let Some(node) = Arc::get_mut(&mut self.0) else { return };
        let mut pending = std::mem::take(&mut node.children);
        while let Some(mut set) = pending.pop() {
            if let Some(node) = Arc::get_mut(&mut set.0) {
                pending.append(&mut node.children);
            }
        }
    }
}

/// One node as it is stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct StoredNode {
    name: String,
    module: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    projections: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<usize>,
}

impl From<TransitiveSet> for Vec<StoredNode> {
    fn from(set: TransitiveSet) -> Self {
        let order = set.postorder();
        let places: BTreeMap<_, _> =
            order.iter().enumerate().map(|(place, set)| (set.address(), place)).collect();
        let stored = |set: &&TransitiveSet| {
            let node = set.node();
            StoredNode {
                name: node.name.clone(),
                module: node.module.clone(),
                value: node.value.clone(),
                projections: node.projections.clone(),
                children: node.children.iter().map(|child| places[&child.address()]).collect(),
            }
        };
        order.iter().map(stored).collect()
    }
}

impl TryFrom<Vec<StoredNode>> for TransitiveSet {
    type Error = SetError;

    fn try_from(nodes: Vec<StoredNode>) -> Result<Self, SetError> {
        let mut sets: Vec<Self> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let child = |&place: &usize| sets.get(place).cloned().ok_or(SetError { place });
            let children = node.children.iter().map(child).collect::<Result<_, _>>()?;
            let StoredNode { name, module, value, projections, .. } = node;
            sets.push(Self::new(SetNode { name, module, value, projections, children }));
        }
        sets.pop().ok_or(SetError { place: 0 })
    }
}

/// Stored nodes that do not form a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stored transitive set lacks node {place}, or names it before it stands")]
pub struct SetError {
    /// The place in the list of nodes.
    pub place: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: i64, children: &[&TransitiveSet]) -> TransitiveSet {
        TransitiveSet::new(SetNode {
            name: "S".to_owned(),
            module: "a.star".to_owned(),
            value: Some(Value::Int(value)),
            projections: BTreeMap::new(),
            children: children.iter().map(|&child| child.clone()).collect(),
        })
    }

    #[test]
    fn shared_nodes_are_visited_and_stored_once() {
        let leaf = set(1, &[]);
        let (left, right) = (set(2, &[&leaf]), set(3, &[&leaf]));
        let top = set(4, &[&left, &right]);
        let values: Vec<_> = top.nodes().iter().map(|node| node.value.clone()).collect();
        assert_eq!(values, [4, 2, 1, 3].map(|value| Some(Value::Int(value))));

        let stored = serde_json::to_string(&top).unwrap();
        assert_eq!(stored.matches("\"value\"").count(), 4);
        let read: TransitiveSet = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, top);
        assert_eq!(read.nodes().len(), 4);
    }

    #[test]
    fn nodes_that_are_not_there_are_refused() {
        for text in ["[]", r#"[{"name":"S","module":"m","children":[0]}]"#] {
            assert!(serde_json::from_str::<TransitiveSet>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_chains_do_not_overflow_the_stack() {
        let mut chain = set(0, &[]);
        for value in 1..200_000 {
            chain = set(value, &[&chain]);
        }
        assert_eq!(chain.nodes().len(), 200_000);
    }
}
