//! `wiz build` and `wiz test`: analyse, bring actions up to date, link what was asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;

use wiz_base::TargetPattern;
use wiz_graph::{ActionId, AnalyzedTarget, Artifact, Value};
use wiz_recall::Receipt;
use wiz_scheduler::{BuildEvent, BuildOutcome, Clock as _, Counts, Events as _, FailureKind};

use crate::arguments::Build;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::progress::{Progress, Stopwatch, View, duration};
use crate::session::deliver::{DeliveredOutput, DeliveredTarget, passed};
use crate::session::{Built, Session, receipt};

/// What is wanted of the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Their default outputs.
    Outputs,
    /// Their tests.
    Tests,
}

/// Builds or tests targets.
///
/// # Errors
/// If definitions are wrong, an action fails, or results cannot be linked.
pub(crate) fn run(config: &Config, build: &Build, goal: Goal) -> Result<(), CliError> {
    let clock = Stopwatch::start();
    let events = build.events.as_ref().map(File::create).transpose().map_err(|error| {
        CliError::new(Kind::User, "WIZ2020", format!("the event file cannot be written: {error}"))
    })?;
    let progress = Progress::new(if config.live { View::Live } else { View::Plain }, events);
    let request = receipt::request(goal, &build.labels, build.options.platform.as_deref());
    if build.output.is_none()
        && let Some(receipt) = receipt::standing(config, &request)
    {
        return nothing_to_do(receipt, build, goal, &progress, &clock);
    }
    let session = Session::open(config, &build.options)?;
    let mut built = session.analyse(&patterns(&build.labels)?)?;
    if goal == Goal::Tests {
        built = with_test_targets(&session, built, &build.labels)?;
    }
    let wanted = wanted(&built, goal);
    if goal == Goal::Tests && wanted.iter().all(|(_, artifacts)| artifacts.is_empty()) {
        return Err(CliError::new(Kind::User, "WIZ2021", "none of these targets has tests"));
    }
    let roots: BTreeSet<ActionId> = wanted
        .iter()
        .flat_map(|(_, artifacts)| artifacts)
        .filter_map(|artifact| built.graph.producer(artifact))
        .collect();
    let work = session.build(&built, &roots, &progress, &clock)?;
    let delivered = match goal {
        Goal::Outputs => session.deliver(&built, &wanted, &work, build.output.as_deref())?,
        Goal::Tests => passed(&built, &wanted, &work),
    };
    if work.outcome.succeeded() {
        session.keep_receipt(request, &built, &work, &delivered);
    }
    let wall = millis(&clock);
    print_results(&delivered, &work.outcome.counts, wall, build, goal);
    summarize(&work.outcome, wall)
}

/// Says what an earlier build of the same request made: all of it is still there.
fn nothing_to_do(
    receipt: Receipt,
    build: &Build,
    goal: Goal,
    progress: &Progress,
    clock: &Stopwatch,
) -> Result<(), CliError> {
    let delivered: Vec<DeliveredTarget> = receipt.targets.into_iter().map(DeliveredTarget::from).collect();
    let total = usize::try_from(receipt.actions).unwrap_or(usize::MAX);
    let counts = Counts { total, local_hits: total, ..Counts::default() };
    progress.emit(BuildEvent::BuildStarted { total, at_ms: millis(clock) });
    progress.emit(BuildEvent::BuildFinished { counts, at_ms: millis(clock) });
    let wall = millis(clock);
    print_results(&delivered, &counts, wall, build, goal);
    output::note(&format!("nothing to do for {total} actions  {}", duration(wall)));
    Ok(())
}

fn print_results(delivered: &[DeliveredTarget], counts: &Counts, wall: u64, build: &Build, goal: Goal) {
    if build.json {
        output::result(&json(delivered, counts, wall).to_string());
        return;
    }
    let mut lines = String::new();
    for target in delivered {
        for output in &target.outputs {
            let _ = match goal {
                Goal::Outputs => writeln!(lines, "{}\t{}", target.label, output.path),
                Goal::Tests => writeln!(lines, "{}\tpassed\t{}", target.label, output.name),
            };
        }
    }
    output::results(&lines);
}

fn millis(clock: &Stopwatch) -> u64 {
    u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Parses labels and patterns.
///
/// # Errors
/// All that are not, at once.
pub(crate) fn patterns(labels: &[String]) -> Result<Vec<TargetPattern>, CliError> {
    let mut patterns = Vec::new();
    let mut diagnostics = Vec::new();
    for label in labels {
        match TargetPattern::parse(label) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => diagnostics.push(
                wiz_base::Diagnostic::error("WIZ2022", error.to_string())
                    .hint("labels look like `//images:base`, patterns like `//pkgs/...` and `//images:all`"),
            ),
        }
    }
    if diagnostics.is_empty() { Ok(patterns) } else { Err(CliError::definitions(diagnostics)) }
}

/// Targets that test the requested ones are analysed beside them.
fn with_test_targets(session: &Session<'_>, built: Built, labels: &[String]) -> Result<Built, CliError> {
    let mut all: BTreeSet<String> = labels.iter().cloned().collect();
    for target in built.requested() {
        let tests = target.provider("TestInfo").and_then(|tests| tests.fields.get("labels"));
        if let Some(Value::List(tests)) = tests {
            all.extend(tests.iter().filter_map(|test| match test {
                Value::Label(label) => Some(label.to_string()),
                _ => None,
            }));
        }
    }
    if all.len() == labels.len() {
        return Ok(built);
    }
    session.analyse(&patterns(&all.into_iter().collect::<Vec<_>>())?)
}

/// What is to be made of each requested target.
fn wanted(built: &Built, goal: Goal) -> Vec<(&AnalyzedTarget, Vec<Artifact>)> {
    let of = |target: &AnalyzedTarget| match goal {
        Goal::Outputs => default_outputs(target),
        Goal::Tests => {
            let tests = target.provider("TestInfo");
            tests.map_or_else(Vec::new, |tests| tests.artifacts("results").into_iter().cloned().collect())
        }
    };
    built.requested().map(|target| (target, of(target))).collect()
}

/// The artifacts of a target's `DefaultInfo`.
pub(crate) fn default_outputs(target: &AnalyzedTarget) -> Vec<Artifact> {
    let Some(info) = target.provider("DefaultInfo") else { return Vec::new() };
    let mut outputs: Vec<Artifact> = info.artifacts("default_output").into_iter().cloned().collect();
    for output in info.artifacts("default_outputs") {
        if !outputs.contains(output) {
            outputs.push(output.clone());
        }
    }
    outputs
}

fn json(delivered: &[DeliveredTarget], counts: &Counts, wall_ms: u64) -> serde_json::Value {
    let output = |output: &DeliveredOutput| serde_json::json!({"name": output.name, "path": output.path, "digest": output.digest});
    let target = |target: &DeliveredTarget| {
        let outputs: Vec<_> = target.outputs.iter().map(output).collect();
        serde_json::json!({"label": target.label, "outputs": outputs})
    };
    serde_json::json!({
        "targets": delivered.iter().map(target).collect::<Vec<_>>(),
        "actions": {
            "total": counts.total,
            "executed": counts.executed,
            "local_hits": counts.local_hits,
            "remote_hits": counts.remote_hits,
            "cut_off": counts.cut_off,
        },
        "wall_ms": wall_ms,
    })
}

/// Says how it went, and fails if something did.
fn summarize(outcome: &BuildOutcome, wall: u64) -> Result<(), CliError> {
    let counts = &outcome.counts;
    let mut text = match counts.executed {
        0 if outcome.succeeded() => format!("nothing to do for {} actions", counts.total),
        executed => format!("{executed} of {} actions executed", counts.total),
    };
    if counts.failed > 0 {
        text.push_str(&format!(", {} failed", counts.failed));
    }
    if counts.not_started > 0 {
        text.push_str(&format!(", {} not started", counts.not_started));
    }
    output::note(&format!("{text}  {}", duration(wall)));
    if outcome.cancelled {
        return Err(CliError::new(Kind::Failed, "WIZ2023", "interrupted"));
    }
    let kind = outcome.failures().map(|(_, failure)| match failure.kind {
        FailureKind::Build => Kind::Failed,
        FailureKind::User => Kind::User,
        FailureKind::Surroundings => Kind::Surroundings,
        FailureKind::Bug => Kind::Bug,
    });
    kind.max().map_or(Ok(()), |kind| Err(CliError::shown(kind)))
}
