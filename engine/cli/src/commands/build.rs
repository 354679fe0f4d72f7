//! `wiz build` and `wiz test`: analyse, bring actions up to date, link what was asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use wiz_base::{RelPath, TargetPattern};
use wiz_exec::Disagreement;
use wiz_graph::{ActionId, AnalyzedTarget, Artifact};
use wiz_recall::Receipt;
use wiz_scheduler::{BuildEvent, BuildOutcome, Clock as _, Counts, Events as _, FailureKind, Phase};

use crate::arguments::{Build, BuildOptions};
use crate::config::{self, Config};
use crate::error::{CliError, Kind};
use crate::output;
use crate::progress::{Progress, Stopwatch, View, duration};
use crate::session::deliver::{DeliveredOutput, DeliveredTarget, passed};
use crate::session::rebuild::Rebuilt;
use crate::session::receipt::Kept;
use crate::session::{Built, Session, Work, policy, receipt, tests_of};

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
    let events = create(config, "--events", build.events.as_deref())?;
    let profile = create(config, "--profile", build.profile.as_deref())?;
    let progress = Progress::new(view(config), events, profile);
    let request = receipt::request(config, goal, &build.labels, &build.options);
    let mut kept = None;
    if build.output.is_none() && !build.rebuild {
        let found = during(Phase::Recall, &progress, &clock, || Kept::find(config, &request, &build.options));
        match found.map(Kept::whole) {
            Some(Ok(receipt)) => return nothing_to_do(receipt, build, goal, &progress, &clock),
            Some(Err(changed)) => kept = Some(*changed),
            None => {}
        }
    }
    let session = Session::open(config, &build.options)?;
    let patterns = patterns(&build.labels)?;
    let (built, work) = make(&session, &patterns, goal, kept, &progress, &clock)?;
    let copies = build.output.as_deref();
    let (delivered, outcome) =
        during(Phase::Deliver, &progress, &clock, || finish(&session, built, work, goal, copies, request))?;
    let wall = millis(&clock);
    print_results(&delivered, &outcome.counts, wall, build, goal);
    summarize(&outcome, wall)?;
    if build.rebuild { again(&session, &patterns, goal, &progress, &clock) } else { Ok(()) }
}

/// Builds the requested targets a second time, otherwise, and compares.
fn again(
    session: &Session<'_>,
    patterns: &[TargetPattern],
    goal: Goal,
    progress: &Progress,
    clock: &Stopwatch,
) -> Result<(), CliError> {
    let built = from_nothing(session, patterns, goal)?;
    let folders: BTreeSet<RelPath> =
        built.requested().map(|target| target.id.label.package().clone()).collect();
    let wanted = wanted(&built, goal);
    let artifacts = wanted.iter().flat_map(|(_, artifacts)| artifacts);
    let roots: BTreeSet<ActionId> = artifacts.filter_map(|artifact| built.graph.producer(artifact)).collect();
    let Rebuilt { outcome, disagreements } = session.rebuild(&built, &roots, folders, progress, clock)?;
    summarize(&outcome, millis(clock))?;
    if disagreements.is_empty() {
        output::note(&format!("built again: all of {} actions came out the same", outcome.counts.executed));
        return Ok(());
    }
    let differ = |disagreement: &Disagreement| {
        let paths: Vec<String> = disagreement.paths.iter().map(|path| format!("`{path}`")).collect();
        let message = format!("`{}` came out differently: {}", disagreement.action, paths.join(", "));
        wiz_base::Diagnostic::error("WIZ2031", message).hint(
            "clock, processors, order of files or the place they lie at are in it; diffoscope shows where",
        )
    };
    Err(CliError::failed(disagreements.iter().map(differ).collect()))
}

/// Builds the default outputs of one target for a command that goes on with them.
///
/// # Errors
/// As [`run`].
pub(crate) fn outputs(
    config: &Config,
    session: &Session<'_>,
    label: &str,
    options: &BuildOptions,
) -> Result<DeliveredTarget, CliError> {
    let clock = Stopwatch::start();
    let progress = Progress::new(view(config), None, None);
    let target = session.target(label)?;
    let patterns = vec![TargetPattern::Single(target.label)];
    let (built, work) = make(session, &patterns, Goal::Outputs, None, &progress, &clock)?;
    let request = receipt::request(config, Goal::Outputs, &[label.to_owned()], options);
    let (delivered, outcome) = finish(session, built, work, Goal::Outputs, None, request)?;
    summarize(&outcome, millis(&clock))?;
    let target = delivered.into_iter().next();
    target.ok_or_else(|| CliError::new(Kind::User, "WIZ2024", format!("`{label}` has no outputs")))
}

/// Makes one file of a target, which need not be among its outputs, and reads it.
///
/// # Errors
/// If an action fails, or it is no file.
pub(crate) fn read(
    config: &Config,
    session: &Session<'_>,
    built: &Built,
    artifact: &Artifact,
) -> Result<Vec<u8>, CliError> {
    let clock = Stopwatch::start();
    let progress = Progress::new(view(config), None, None);
    let roots = built.graph.producer(artifact).into_iter().collect();
    let work = session.build(built, &roots, &progress, &clock)?;
    summarize(&work.outcome, millis(&clock))?;
    work.read(built, artifact)
}

/// How progress is shown here.
pub(crate) fn view(config: &Config) -> View {
    if config.live { View::Live } else { View::Plain }
}

/// Brings what is wanted of the requested targets up to date, going on from the last build
/// where it can.
fn make(
    session: &Session<'_>,
    patterns: &[TargetPattern],
    goal: Goal,
    kept: Option<Kept>,
    progress: &Progress,
    clock: &Stopwatch,
) -> Result<(Built, Work), CliError> {
    let (built, goes_on) =
        during(Phase::Analyse, progress, clock, || match session.again(patterns, goal, kept)? {
            Some(built) => Ok((built, true)),
            None => from_nothing(session, patterns, goal).map(|built| (built, false)),
        })?;
    let work = bring_up_to_date(session, &built, goal, progress, clock)?;
    if !(goes_on && work.outcome.stale) {
        return Ok((built, work));
    }
    tracing::info!("the cache has lost results of earlier builds: beginning from nothing");
    let built = during(Phase::Analyse, progress, clock, || from_nothing(session, patterns, goal))?;
    let work = bring_up_to_date(session, &built, goal, progress, clock)?;
    Ok((built, work))
}

/// Analyses the requested targets, and their tests if those are wanted, from nothing.
fn from_nothing(session: &Session<'_>, patterns: &[TargetPattern], goal: Goal) -> Result<Built, CliError> {
    let built = session.analyse(patterns)?;
    match goal {
        Goal::Outputs => Ok(built),
        Goal::Tests => with_test_targets(session, built, patterns),
    }
}

/// Brings what is wanted of the requested targets up to date.
fn bring_up_to_date(
    session: &Session<'_>,
    built: &Built,
    goal: Goal,
    progress: &Progress,
    clock: &Stopwatch,
) -> Result<Work, CliError> {
    let wanted = wanted(built, goal);
    let nothing = wanted.iter().all(|(_, artifacts)| artifacts.is_empty());
    if goal == Goal::Tests && nothing && !built.stands() {
        return Err(CliError::new(Kind::User, "WIZ2021", "none of these targets has tests")
            .hint("tests are what a rule names in its `TestInfo`"));
    }
    let artifacts = wanted.iter().flat_map(|(_, artifacts)| artifacts);
    let roots: BTreeSet<ActionId> = artifacts.filter_map(|artifact| built.graph.producer(artifact)).collect();
    during(Phase::Build, progress, clock, || session.build(built, &roots, progress, clock))
}

/// Does some work and tells when it began and ended.
fn during<T>(phase: Phase, progress: &Progress, clock: &Stopwatch, work: impl FnOnce() -> T) -> T {
    progress.emit(BuildEvent::PhaseStarted { phase, at_ms: millis(clock) });
    let done = work();
    progress.emit(BuildEvent::PhaseFinished { phase, at_ms: millis(clock) });
    done
}

/// Links or signs what was made, and keeps what was found out.
fn finish(
    session: &Session<'_>,
    mut built: Built,
    work: Work,
    goal: Goal,
    copies: Option<&Path>,
    request: String,
) -> Result<(Vec<DeliveredTarget>, BuildOutcome), CliError> {
    let wanted = wanted(&built, goal);
    if goal == Goal::Tests {
        policy::in_time(built.requested(), &config::today())?;
    }
    let delivered = match goal {
        Goal::Outputs => session.deliver(&built, &wanted, &work, copies)?,
        Goal::Tests => passed(&built, &wanted, &work),
    };
    drop(wanted);
    let delivered = built.complete(delivered);
    if work.outcome.succeeded() {
        session.keep(request, &built, &work, &delivered);
    }
    // Commands end after this: taking a large graph apart would be for nothing.
    std::mem::forget(built);
    Ok((delivered, work.outcome))
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

/// The file that a flag names, relative to where the user stands.
fn create(config: &Config, flag: &str, file: Option<&Path>) -> Result<Option<File>, CliError> {
    let Some(path) = file.map(|file| config.directory.join(file)) else { return Ok(None) };
    File::create(&path).map(Some).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", path.display());
        CliError::new(Kind::User, "WIZ2020", message)
            .hint(format!("`{flag}` takes a file in a folder that is there"))
    })
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
fn with_test_targets(
    session: &Session<'_>,
    built: Built,
    patterns: &[TargetPattern],
) -> Result<Built, CliError> {
    let tests = built.requested().flat_map(tests_of).map(TargetPattern::Single);
    let tests: BTreeSet<TargetPattern> = tests.collect();
    if tests.is_empty() {
        return Ok(built);
    }
    let all: Vec<TargetPattern> = patterns.iter().cloned().chain(tests).collect();
    session.analyse(&all)
}

/// What is to be made of each requested target.
fn wanted(built: &Built, goal: Goal) -> Vec<(&AnalyzedTarget, Vec<Artifact>)> {
    built.requested().map(|target| (target, wanted_of(target, goal))).collect()
}

/// What is to be made of a target.
pub(crate) fn wanted_of(target: &AnalyzedTarget, goal: Goal) -> Vec<Artifact> {
    match goal {
        Goal::Outputs => default_outputs(target),
        Goal::Tests => test_results(target),
    }
}

/// The artifacts whose actions are a target's tests.
pub(crate) fn test_results(target: &AnalyzedTarget) -> Vec<Artifact> {
    let tests = target.provider("TestInfo");
    tests.map_or_else(Vec::new, |tests| tests.artifacts("results").into_iter().cloned().collect())
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
pub(crate) fn summarize(outcome: &BuildOutcome, wall: u64) -> Result<(), CliError> {
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
        return Err(CliError::new(Kind::Failed, "WIZ2023", "interrupted")
            .hint("what was finished is kept: the same command goes on from there"));
    }
    let kind = outcome.failures().map(|(_, failure)| match failure.kind {
        FailureKind::Build => Kind::Failed,
        FailureKind::User => Kind::User,
        FailureKind::Surroundings => Kind::Surroundings,
        FailureKind::Bug => Kind::Bug,
    });
    kind.max().map_or(Ok(()), |kind| Err(CliError::shown(kind)))
}
