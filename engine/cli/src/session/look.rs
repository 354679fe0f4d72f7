//! Looks results up and carries nothing out. Unaware of what is done with what is found.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use wiz_base::reapi::ActionResult;
use wiz_base::{Node, RelPath};
use wiz_exec::LocalExecutor;
use wiz_graph::key::manifest::Manifest;
use wiz_graph::key::{Inputs, Key};
use wiz_graph::{ActionGraph, ActionId};
use wiz_scheduler::{
    ActionFailure, BuildOutcome, CancelToken, Execution, Executor, FailureKind, Lookup, NoHistory, Options,
    Parties, Probe, Setback, Silent,
};

use crate::progress::Stopwatch;

/// Keys of actions, and what goes into them.
pub(super) type Keys = BTreeMap<ActionId, (Key, Manifest)>;

/// Looks up `roots` and all they need, as far as there are results to go on from.
pub(super) fn look_up(
    executor: &LocalExecutor,
    graph: &ActionGraph,
    roots: &[ActionId],
) -> (BuildOutcome, Keys) {
    let look = LookOnly { executor, keys: Mutex::default() };
    let (cancel, clock) = (CancelToken::new(), Stopwatch::start());
    let parties =
        Parties { executor: &look, events: &Silent, clock: &clock, history: &NoHistory, cancel: &cancel };
    let options = Options { keep_going: true, ..Options::default() };
    let outcome = wiz_scheduler::build(graph, roots, &parties, &options);
    (outcome, look.keys.into_inner().unwrap_or_else(PoisonError::into_inner))
}

struct LookOnly<'a> {
    executor: &'a LocalExecutor,
    keys: Mutex<Keys>,
}

impl Executor for LookOnly<'_> {
    fn source_node(&self, path: &RelPath) -> Result<Node, Setback> {
        self.executor.source_node(path)
    }

    fn output_node(&self, result: &ActionResult, output: &RelPath, inner: &RelPath) -> Result<Node, Setback> {
        self.executor.output_node(result, output, inner)
    }

    fn probe(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        inputs: &Inputs<'_>,
        lookup: Lookup,
    ) -> Result<Probe, Setback> {
        let explained = self.executor.explain(graph.action(id), inputs)?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(id, explained);
        self.executor.probe(graph, id, inputs, lookup)
    }

    fn execute(&self, _: &Execution<'_>) -> Result<ActionResult, Setback> {
        Err(ActionFailure::new(FailureKind::User, "WIZ2062", "there is no result yet").into())
    }

    fn deliver(&self, _: &ActionGraph, _: ActionId, _: &ActionResult) -> Result<(), Setback> {
        Ok(())
    }

    fn is_intact(&self, result: &ActionResult) -> bool {
        self.executor.is_intact(result)
    }
}
