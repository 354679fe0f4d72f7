//! Random graphs under random edits, failures, losses and cancellations: an
//! incremental build equals one from scratch, and every build ends.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wiz_graph::{Action, ActionGraph, ActionId};
use wiz_scheduler::{
    BuildEvent, BuildOutcome, CancelToken, Events, Options, Outcome, Parties, Silent, build,
};
use wiz_testkit::fixture::{command, output, path, source};
use wiz_testkit::{FakeExecutor, StandingClock};

const SOURCES: usize = 4;

/// One action: its program, and numbers that choose its inputs among earlier ones.
type Shape = (usize, Vec<usize>);

/// What happens before one build.
#[derive(Debug, Clone)]
enum Step {
    Edit { source: usize, bytes: Vec<u8> },
    Change { action: usize, program: usize },
    Fail { actions: Vec<usize> },
    Lose { action: usize },
    CancelAfter { events: usize },
}

fn actions(shapes: &[Shape]) -> Vec<Action> {
    let action = |(number, (program, inputs)): (usize, &Shape)| {
        let program = [&["concat"][..], &["count"], &["const", "x"], &["concat", "again"]][program % 4];
        let inputs = inputs.iter().map(|input| match input % (SOURCES + number) {
            input if input < SOURCES => source(&format!("s{input}")),
            input => output(&format!("a{}", input - SOURCES)),
        });
        command(&format!("a{number}"), program, &inputs.collect::<Vec<_>>())
    };
    shapes.iter().enumerate().map(action).collect()
}

fn workspace(sources: &BTreeMap<usize, Vec<u8>>) -> FakeExecutor {
    let executor = FakeExecutor::default();
    write_sources(&executor, sources);
    executor
}

fn write_sources(executor: &FakeExecutor, sources: &BTreeMap<usize, Vec<u8>>) {
    for (number, bytes) in sources {
        executor.write(&path(&format!("s{number}")), bytes);
    }
}

/// Cancels after so many events.
struct Impatient<'a> {
    left: std::sync::atomic::AtomicUsize,
    cancel: &'a CancelToken,
}

impl Events for Impatient<'_> {
    fn emit(&self, _: BuildEvent) {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            self.cancel.cancel();
        }
    }
}

fn build_all(
    executor: &FakeExecutor,
    graph: &ActionGraph,
    events: &dyn Events,
    cancel: &CancelToken,
    options: &Options,
) -> BuildOutcome {
    let parties = Parties { executor, events, clock: &StandingClock, history: executor, cancel };
    build(graph, &graph.ids().collect::<Vec<_>>(), &parties, options)
}

/// The bytes of every output, by place.
fn outputs(executor: &FakeExecutor, outcome: &BuildOutcome) -> BTreeMap<ActionId, Vec<u8>> {
    let bytes = |(id, outcome): (&ActionId, &Outcome)| match outcome {
        Outcome::Done { result, .. } => Some((*id, executor.bytes(result))),
        _ => None,
    };
    outcome.actions.iter().filter_map(bytes).collect()
}

fn from_scratch(graph: &ActionGraph, sources: &BTreeMap<usize, Vec<u8>>) -> BTreeMap<ActionId, Vec<u8>> {
    let executor = workspace(sources);
    let outcome = build_all(&executor, graph, &Silent, &CancelToken::new(), &Options::default());
    assert!(outcome.succeeded());
    outputs(&executor, &outcome)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..SOURCES, prop::collection::vec(0u8..3, 0..3))
            .prop_map(|(source, bytes)| Step::Edit { source, bytes }),
        (0usize..30, 0usize..4).prop_map(|(action, program)| Step::Change { action, program }),
        prop::collection::vec(0usize..30, 0..3).prop_map(|actions| Step::Fail { actions }),
        (0usize..30).prop_map(|action| Step::Lose { action }),
        (1usize..40).prop_map(|events| Step::CancelAfter { events }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_from_scratch(
        mut shapes in prop::collection::vec((0usize..4, prop::collection::vec(0usize..64, 0..4)), 1..30),
        steps in prop::collection::vec(step(), 1..12),
        jobs in 1usize..4,
        keep_going: bool,
    ) {
        let mut sources: BTreeMap<_, _> = (0..SOURCES).map(|number| (number, vec![7])).collect();
        let executor = workspace(&sources);
        let options = Options { jobs, keep_going, ..Options::default() };
        let mut last: Option<BuildOutcome> = None;
        for step in steps {
            executor.fail([]);
            let cancel = CancelToken::new();
            let mut impatient = Impatient { left: usize::MAX.into(), cancel: &cancel };
            match step {
                Step::Edit { source, bytes } => {
                    sources.insert(source, bytes);
                    write_sources(&executor, &sources);
                }
                Step::Change { action, program } => {
                    let number = action % shapes.len();
                    shapes[number].0 = program;
                }
                Step::Fail { actions } => {
                    executor.fail(actions.iter().map(|number| format!("//:a{number}")));
                }
                Step::Lose { action } => {
                    let results = last.iter().flat_map(|last| last.actions.values());
                    let result = results.filter_map(|outcome| match outcome {
                        Outcome::Done { result, .. } => Some(result),
                        _ => None,
                    }).nth(action);
                    result.into_iter().for_each(|result| executor.lose(result));
                }
                Step::CancelAfter { events } => impatient.left = events.into(),
            }
            let graph = ActionGraph::build(actions(&shapes)).unwrap();
            let outcome = build_all(&executor, &graph, &impatient, &cancel, &options);
            let expected = from_scratch(&graph, &sources);
            if outcome.succeeded() {
                prop_assert_eq!(outputs(&executor, &outcome), expected);
            } else {
                prop_assert!(outcome.cancelled || outcome.counts.failed > 0);
            }
            last = Some(outcome);
        }
        executor.fail([]);
        let graph = ActionGraph::build(actions(&shapes)).unwrap();
        let outcome = build_all(&executor, &graph, &Silent, &CancelToken::new(), &options);
        prop_assert!(outcome.succeeded());
        prop_assert_eq!(outputs(&executor, &outcome), from_scratch(&graph, &sources));
        let again = build_all(&executor, &graph, &Silent, &CancelToken::new(), &options);
        prop_assert_eq!(again.counts.local_hits, again.counts.total);
    }
}
