//! How many actions a second are carried out, and found: `cargo bench -p wiz-exec`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/local/workspace.rs"]
mod workspace;

use std::time::Instant;

use wiz_graph::{Action, ActionKind};
use wiz_scheduler::Counts;
use wiz_testkit::fixture::output;

use workspace::{Workspace, run, with};

fn main() {
    let workspace = Workspace::new();
    workspace.write("in", "text");
    let commands = || all((0..1000).map(|number| run(&format!("c{number}"), "cat <in> >out")).collect());
    let texts = || all((0..10_000).map(text).collect());
    measure("trivial commands carried out", &workspace, commands());
    measure("trivial commands found", &workspace, commands());
    measure("texts written", &workspace, texts());
    measure("texts found", &workspace, texts());
}

fn text(number: usize) -> Action {
    let kind = ActionKind::Write { text: number.to_string(), executable: false };
    Action { kind, ..run(&format!("t{number}"), "") }
}

/// The actions and one that needs them all. Each differs from its siblings by its name.
fn all(actions: Vec<Action>) -> Vec<Action> {
    let names: Vec<_> = actions.iter().map(|action| action.owner.label.name().to_owned()).collect();
    let named = |action: Action| match &action.kind {
        ActionKind::Run(_) => {
            let name = wiz_graph::Argument::text(action.owner.label.name());
            let comma = wiz_graph::Argument::text(",");
            with(action, |run| {
                let print = wiz_graph::Argument::text("print");
                run.arguments.extend([comma, print, name]);
            })
        }
        _ => action,
    };
    let mut actions: Vec<_> = actions.into_iter().map(named).collect();
    let last = with(run("all", "print >out , cat >out"), |run| {
        run.hidden = names.iter().map(|name| output(name)).collect();
    });
    actions.push(last);
    actions
}

fn measure(what: &str, workspace: &Workspace, actions: Vec<Action>) {
    let started = Instant::now();
    let built = workspace.build(actions, "all");
    let seconds = started.elapsed().as_secs_f64();
    assert!(built.outcome.succeeded(), "{}", built.failure());
    let Counts { total, executed, .. } = built.outcome.counts;
    let rate = total as f64 / seconds;
    println!("{what}: {total} actions ({executed} carried out) in {seconds:.3} s: {rate:.0} a second");
}
