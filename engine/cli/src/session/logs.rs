//! Logs of results that are in the cache, found without carrying anything out.

use wiz_base::reapi::ActionResult;
use wiz_base::{Node, RelPath};
use wiz_exec::LocalExecutor;
use wiz_graph::key::Inputs;
use wiz_graph::{ActionGraph, ActionId, ConfiguredTarget};
use wiz_scheduler::{
    ActionFailure, CancelToken, Execution, Executor, FailureKind, Lookup, NoHistory, Options, Parties, Probe,
    Setback, Silent,
};

use super::Session;
use crate::error::CliError;
use crate::progress::Stopwatch;

impl Session<'_> {
    /// What the actions of `target` printed, by action, as far as the cache has their results.
    ///
    /// # Errors
    /// If definitions are wrong, or the store cannot be opened.
    pub(crate) fn logs(&self, target: &ConfiguredTarget) -> Result<Vec<(String, String)>, CliError> {
        let built = self.analyse(&[wiz_base::TargetPattern::Single(target.label.clone())])?;
        let (store, executor) = self.executor()?;
        let graph = &built.graph;
        let own: Vec<ActionId> = graph.ids().filter(|id| graph.action(*id).owner == *target).collect();
        let look = LookOnly(&executor);
        let (cancel, clock) = (CancelToken::new(), Stopwatch::start());
        let parties =
            Parties { executor: &look, events: &Silent, clock: &clock, history: &NoHistory, cancel: &cancel };
        let options = Options { keep_going: true, ..Options::default() };
        let outcome = wiz_scheduler::build(graph, &own, &parties, &options);
        let mut logs = Vec::new();
        for id in own {
            let log = outcome.result(id).and_then(|result| result.log).and_then(|log| store.read(&log).ok());
            logs.extend(
                log.map(|text| {
                    (graph.action(id).display_name(), String::from_utf8_lossy(&text).into_owned())
                }),
            );
        }
        Ok(logs)
    }
}

/// Looks results up and carries nothing out.
struct LookOnly<'a>(&'a LocalExecutor);

impl Executor for LookOnly<'_> {
    fn source_node(&self, path: &RelPath) -> Result<Node, Setback> {
        self.0.source_node(path)
    }

    fn output_node(&self, result: &ActionResult, output: &RelPath, inner: &RelPath) -> Result<Node, Setback> {
        self.0.output_node(result, output, inner)
    }

    fn probe(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        inputs: &Inputs<'_>,
        lookup: Lookup,
    ) -> Result<Probe, Setback> {
        self.0.probe(graph, id, inputs, lookup)
    }

    fn execute(&self, _: &Execution<'_>) -> Result<ActionResult, Setback> {
        Err(ActionFailure::new(FailureKind::User, "WIZ2062", "there is no result yet").into())
    }

    fn deliver(&self, _: &ActionGraph, _: ActionId, _: &ActionResult) -> Result<(), Setback> {
        Ok(())
    }

    fn is_intact(&self, result: &ActionResult) -> bool {
        self.0.is_intact(result)
    }
}
