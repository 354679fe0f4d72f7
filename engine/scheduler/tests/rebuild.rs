//! What runs again after which change, asserted on the log of events.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};
use wiz_graph::{Action, ActionGraph};
use wiz_scheduler::{BuildOutcome, CancelToken, Options, Parties, build};
use wiz_testkit::fixture::{command, id_of, output, path, source};
use wiz_testkit::{EventLog, FakeExecutor, StandingClock};

fn build_with(
    executor: &FakeExecutor,
    graph: &ActionGraph,
    root: &str,
    options: &Options,
) -> (BuildOutcome, EventLog) {
    let log = EventLog::default();
    let parties = Parties {
        executor,
        events: &log,
        clock: &StandingClock,
        history: executor,
        cancel: &CancelToken::new(),
    };
    let outcome = build(graph, &[id_of(graph, root)], &parties, options);
    (outcome, log)
}

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(executor: &FakeExecutor, graph: &ActionGraph, root: &str, expected: Expect) -> BuildOutcome {
    let options = Options { jobs: 3, keep_going: true, ..Options::default() };
    let (outcome, log) = build_with(executor, graph, root, &options);
    expected.assert_eq(&log.ends());
    outcome
}

/// `image` reads `count` and `busybox`; `count` counts the bytes of `zlib`.
fn distro() -> Vec<Action> {
    vec![
        command("zlib", &["concat"], &[source("zlib.c")]),
        command("count", &["count"], &[output("zlib")]),
        command("busybox", &["concat"], &[source("busybox.c"), source("busybox.c")]),
        command("image", &["concat"], &[output("count"), output("busybox")]),
    ]
}

fn workspace() -> FakeExecutor {
    let executor = FakeExecutor::default();
    executor.write(&path("zlib.c"), b"abc");
    executor.write(&path("busybox.c"), b"def");
    executor
}

#[test]
fn nothing_runs_twice_and_an_edit_reaches_only_its_readers() {
    let (executor, graph) = (workspace(), ActionGraph::build(distro()).unwrap());
    check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox executed
            //:count executed
            //:image executed
            //:zlib executed
        "#]],
    );
    check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox local hit
            //:count local hit
            //:image local hit
            //:zlib local hit
        "#]],
    );
    executor.write(&path("busybox.c"), b"other");
    let outcome = check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox executed
            //:count local hit
            //:image executed
            //:zlib local hit
        "#]],
    );
    assert_eq!(executor.bytes(outcome.result(id_of(&graph, "image")).unwrap()), b"3otherother");
}

#[test]
fn an_unchanged_output_cuts_its_readers_off() {
    let (executor, graph) = (workspace(), ActionGraph::build(distro()).unwrap());
    let _ = build_with(&executor, &graph, "image", &Options::default());
    executor.write(&path("zlib.c"), b"xyz");
    let outcome = check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox local hit
            //:count cut off
            //:image local hit
            //:zlib executed
        "#]],
    );
    assert_eq!((outcome.counts.executed, outcome.counts.cut_off), (2, 1));
}

#[test]
fn a_failure_skips_what_needs_it_and_nothing_else() {
    let (executor, graph) = (workspace(), ActionGraph::build(distro()).unwrap());
    executor.fail(["//:zlib".to_owned()]);
    let outcome = check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox executed
            //:zlib failed: //:zlib was told to fail
        "#]],
    );
    assert_eq!((outcome.counts.failed, outcome.counts.not_started), (1, 2));
}

#[test]
fn without_keep_going_nothing_starts_after_a_failure() {
    let mut actions = vec![command("a", &["fail"], &[])];
    actions.extend((0..20).map(|number| command(&format!("b{number:02}"), &["const", "x"], &[])));
    let all: Vec<_> = actions.iter().map(|action| output(action.owner.label.name())).collect();
    actions.push(command("all", &["concat"], &all));
    let graph = ActionGraph::build(actions).unwrap();
    let (outcome, log) = build_with(&FakeExecutor::default(), &graph, "all", &Options::default());
    assert_eq!(log.started()[0], "//:a");
    assert_eq!(outcome.counts.failed, 1);
    assert!(outcome.counts.not_started > outcome.counts.executed);
}

#[test]
fn a_missing_source_and_a_panic_are_failures() {
    let graph = ActionGraph::build([
        command("bad", &["concat"], &[source("nowhere")]),
        command("worse", &["panic"], &[]),
        command("all", &["concat"], &[output("bad"), output("worse")]),
    ])
    .unwrap();
    check(
        &FakeExecutor::default(),
        &graph,
        "all",
        expect![[r#"
            //:bad failed: `nowhere` does not exist
            //:worse failed: the engine panicked: told to panic
        "#]],
    );
}

#[test]
fn what_the_store_lost_is_made_again() {
    let (executor, graph) = (workspace(), ActionGraph::build(distro()).unwrap());
    let (outcome, _) = build_with(&executor, &graph, "image", &Options::default());
    executor.lose(outcome.result(id_of(&graph, "zlib")).unwrap());
    executor.lose(outcome.result(id_of(&graph, "busybox")).unwrap());
    executor.lose(outcome.result(id_of(&graph, "image")).unwrap());
    check(
        &executor,
        &graph,
        "image",
        expect![[r#"
            //:busybox cut off
            //:busybox local hit
            //:busybox rewound
            //:count local hit
            //:image cut off
            //:image local hit
            //:image rewound
            //:zlib local hit
        "#]],
    );
}

#[test]
fn what_is_distrusted_is_made_again() {
    let (executor, graph) = (workspace(), ActionGraph::build(distro()).unwrap());
    let _ = build_with(&executor, &graph, "image", &Options::default());
    let distrust = BTreeSet::from([id_of(&graph, "zlib")]);
    let (_, log) = build_with(&executor, &graph, "image", &Options { distrust, ..Options::default() });
    assert_eq!(log.started(), ["//:zlib"]);
}

#[test]
fn two_actions_with_one_key_run_once() {
    let graph = ActionGraph::build([
        command("a", &["const", "x"], &[]),
        command("b", &["const", "x"], &[]),
        command("all", &["concat"], &[output("a"), output("b")]),
    ])
    .unwrap();
    let options = Options { jobs: 2, ..Options::default() };
    let (outcome, _) = build_with(&FakeExecutor::default(), &graph, "all", &options);
    assert_eq!((outcome.counts.executed, outcome.counts.local_hits), (2, 1));
}

#[test]
fn cancelling_stops_and_says_so() {
    let graph =
        ActionGraph::build([command("a", &["cancel"], &[]), command("all", &["concat"], &[output("a")])])
            .unwrap();
    let (outcome, log) = build_with(&FakeExecutor::default(), &graph, "all", &Options::default());
    assert!(outcome.cancelled);
    assert_eq!(outcome.counts.not_started, 2);
    assert_eq!(log.ends(), "//:a stopped\n");
}
