//! All actions of a build as a directed acyclic graph, fixed once analysis ended.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use wiz_base::RelPath;

use crate::action::Action;
use crate::artifact::Artifact;
use crate::target::ConfiguredTarget;

/// An action's place in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(u32);

impl ActionId {
    /// The place as an index into a dense table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    fn node(self) -> NodeIndex<u32> {
        NodeIndex::new(self.index())
    }
}

impl From<NodeIndex<u32>> for ActionId {
    fn from(node: NodeIndex<u32>) -> Self {
        Self(u32::try_from(node.index()).expect("the graph's indices are 32 bits wide"))
    }
}

/// Whether an action's result is known before a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has to be looked up or carried out.
    Open,
    /// It is known.
    Settled,
}

/// The actions and who reads whose outputs. Edges run from producer to reader.
#[derive(Debug, Default)]
pub struct ActionGraph {
    graph: DiGraph<Action, (), u32>,
    producers: BTreeMap<(ConfiguredTarget, RelPath), ActionId>,
}

impl ActionGraph {
    /// Connects `actions` by the outputs they declare and read.
    ///
    /// # Errors
    /// [`GraphError`] if an output has two producers or none, or actions form a cycle.
    pub fn build(actions: impl IntoIterator<Item = Action>) -> Result<Self, GraphError> {
        Self::build_upon(actions.into_iter().map(|action| (action, Standing::Open)))
    }

    /// The same where some actions have results already: nobody asks what they read.
    ///
    /// # Errors
    /// As [`ActionGraph::build`], for the others.
    pub fn build_upon(actions: impl IntoIterator<Item = (Action, Standing)>) -> Result<Self, GraphError> {
        let mut this = Self::default();
        let mut open = Vec::new();
        for (action, standing) in actions {
            let id = this.add(action)?;
            if standing == Standing::Open {
                open.push(id);
            }
        }
        for id in open {
            for producer in this.producers_of_inputs(id)? {
                this.graph.add_edge(producer.node(), id.node(), ());
            }
        }
        match petgraph::algo::toposort(&this.graph, None) {
            Ok(_) => Ok(this),
            Err(cycle) => {
                Err(GraphError::Cycle { action: this.action(cycle.node_id().into()).display_name() })
            }
        }
    }

    fn add(&mut self, action: Action) -> Result<ActionId, GraphError> {
        let id = ActionId::from(NodeIndex::new(self.graph.node_count()));
        for path in action.outputs.keys() {
            let output = (action.owner.clone(), path.clone());
            if let Some(first) = self.producers.insert(output, id) {
                return Err(GraphError::TwoProducers {
                    target: action.owner.clone(),
                    path: path.clone(),
                    first: self.action(first).display_name(),
                    second: action.display_name(),
                });
            }
        }
        self.graph.add_node(action);
        Ok(id)
    }

    fn producers_of_inputs(&self, id: ActionId) -> Result<BTreeSet<ActionId>, GraphError> {
        let action = self.action(id);
        let mut producers = BTreeSet::new();
        for input in action.inputs() {
            if let Artifact::Output { .. } = input {
                let missing =
                    || GraphError::NoProducer { artifact: input.clone(), reader: action.display_name() };
                producers.insert(self.producer(input).ok_or_else(missing)?);
            }
        }
        Ok(producers)
    }

    /// Number of actions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there is no action.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// All actions' places.
    pub fn ids(&self) -> impl Iterator<Item = ActionId> + use<> {
        (0..self.graph.node_count()).map(|index| NodeIndex::new(index).into())
    }

    /// The action at a place of this graph.
    #[must_use]
    pub fn action(&self, id: ActionId) -> &Action {
        &self.graph[id.node()]
    }

    /// Who makes an output; `None` for a source and for what nobody makes.
    #[must_use]
    pub fn producer(&self, artifact: &Artifact) -> Option<ActionId> {
        match artifact {
            Artifact::Source { .. } => None,
            Artifact::Output { target, path, .. } => {
                self.producers.get(&(target.clone(), path.clone())).copied()
            }
        }
    }

    /// The actions whose outputs `id` reads, each once.
    pub fn dependencies(&self, id: ActionId) -> impl Iterator<Item = ActionId> {
        self.graph.edges_directed(id.node(), Direction::Incoming).map(|edge| edge.source().into())
    }

    /// The actions that read an output of `id`, each once.
    pub fn dependants(&self, id: ActionId) -> impl Iterator<Item = ActionId> {
        self.graph.edges_directed(id.node(), Direction::Outgoing).map(|edge| edge.target().into())
    }

    /// `roots` and everything they need, ordered by place.
    #[must_use]
    pub fn closure(&self, roots: impl IntoIterator<Item = ActionId>) -> BTreeSet<ActionId> {
        let mut closure = BTreeSet::new();
        let mut pending: Vec<_> = roots.into_iter().collect();
        while let Some(id) = pending.pop() {
            if closure.insert(id) {
                pending.extend(self.dependencies(id));
            }
        }
        closure
    }
}

/// Actions that do not form a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two actions declare one output.
    #[error("output `{path}` of `{target}` is made by both `{first}` and `{second}`")]
    TwoProducers {
        /// The declaring target.
        target: ConfiguredTarget,
        /// The output's path.
        path: RelPath,
        /// The action added first.
        first: String,
        /// The other one.
        second: String,
    },
    /// An action reads what nobody makes.
    #[error("`{reader}` reads `{artifact}`, which no action makes")]
    NoProducer {
        /// What is read.
        artifact: Artifact,
        /// Who reads it.
        reader: String,
    },
    /// Actions wait for each other.
    #[error("`{action}` depends on its own output")]
    Cycle {
        /// One of the actions.
        action: String,
    },
}

#[cfg(test)]
mod tests;
