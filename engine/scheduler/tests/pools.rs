//! What actions say they need is never more than there is, however they come.

use std::sync::Mutex;

use proptest::prelude::*;
use wiz_base::reapi::ActionResult;
use wiz_base::{Node, RelPath};
use wiz_graph::key::Inputs;
use wiz_graph::{Action, ActionGraph, ActionId, ActionKind};
use wiz_scheduler::{
    CancelToken, Execution, Executor, Lookup, NoHistory, Options, Parties, Probe, Setback, Silent, build,
};
use wiz_testkit::fixture::{command, id_of, output};
use wiz_testkit::{FakeExecutor, StandingClock};

/// Cores and memory in use.
#[derive(Debug, Clone, Copy, Default)]
struct Gauge {
    cores: u64,
    memory: u64,
}

/// Watches what runs at once.
struct Watched {
    executor: FakeExecutor,
    now_and_most: Mutex<(Gauge, Gauge)>,
}

fn need(action: &Action) -> Gauge {
    let ActionKind::Run(run) = &action.kind else { return Gauge::default() };
    Gauge { cores: run.limits.cores.unwrap_or(1).into(), memory: run.limits.memory.unwrap_or(0) }
}

impl Executor for Watched {
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
        self.executor.probe(graph, id, inputs, lookup)
    }

    fn execute(&self, execution: &Execution<'_>) -> Result<ActionResult, Setback> {
        let need = need(execution.graph.action(execution.id));
        {
            let (now, most) = &mut *self.now_and_most.lock().expect("no holder panics");
            *now = Gauge { cores: now.cores + need.cores, memory: now.memory + need.memory };
            *most = Gauge { cores: most.cores.max(now.cores), memory: most.memory.max(now.memory) };
        }
        std::thread::yield_now();
        let result = self.executor.execute(execution);
        let (now, _) = &mut *self.now_and_most.lock().expect("no holder panics");
        *now = Gauge { cores: now.cores - need.cores, memory: now.memory - need.memory };
        result
    }

    fn deliver(&self, graph: &ActionGraph, id: ActionId, result: &ActionResult) -> Result<(), Setback> {
        self.executor.deliver(graph, id, result)
    }

    fn is_intact(&self, result: &ActionResult) -> bool {
        self.executor.is_intact(result)
    }
}

fn needing(name: &str, cores: Option<u32>, memory: Option<u64>) -> Action {
    let mut action = command(name, &["const", name], &[]);
    if let ActionKind::Run(run) = &mut action.kind {
        (run.limits.cores, run.limits.memory) = (cores, memory);
    }
    action
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_more_is_in_use_than_there_is(
        needs in prop::collection::vec((prop::option::of(1..=4u32), prop::option::of(0..=8u64)), 1..30),
    ) {
        let names: Vec<String> = (0..needs.len()).map(|number| format!("a{number}")).collect();
        let mut actions: Vec<Action> =
            names.iter().zip(&needs).map(|(name, (cores, memory))| needing(name, *cores, *memory)).collect();
        let outputs: Vec<_> = names.iter().map(|name| output(name)).collect();
        actions.push(command("all", &["concat"], &outputs));
        let graph = ActionGraph::build(actions).unwrap();
        let watched = Watched { executor: FakeExecutor::default(), now_and_most: Mutex::default() };
        let parties = Parties {
            executor: &watched,
            events: &Silent,
            clock: &StandingClock,
            history: &NoHistory,
            cancel: &CancelToken::new(),
        };
        let options = Options { jobs: 4, memory: 8, ..Options::default() };
        let outcome = build(&graph, &[id_of(&graph, "all")], &parties, &options);
        prop_assert!(outcome.succeeded());
        let (now, most) = *watched.now_and_most.lock().unwrap();
        prop_assert!(most.cores <= 4 && most.memory <= 8, "{most:?}");
        prop_assert_eq!((now.cores, now.memory), (0, 0));
    }
}

#[test]
fn what_needs_more_than_there_is_runs_alone() {
    let graph = ActionGraph::build([needing("huge", Some(64), Some(u64::MAX))]).unwrap();
    let executor = FakeExecutor::default();
    let parties = Parties {
        executor: &executor,
        events: &Silent,
        clock: &StandingClock,
        history: &NoHistory,
        cancel: &CancelToken::new(),
    };
    let options = Options { jobs: 2, memory: 1024, ..Options::default() };
    assert!(build(&graph, &[id_of(&graph, "huge")], &parties, &options).succeeded());
}
