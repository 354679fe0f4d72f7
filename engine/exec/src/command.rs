//! A sandboxed command from its inputs to its result. Unaware of keys' making and of
//! what else runs.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wiz_base::Digest;
use wiz_base::reapi::ActionResult;
use wiz_cas::{Scratch, Store, StoreError, Transfer};
use wiz_graph::{Action, Run};
use wiz_sandbox::{Ending, Finished, Limits, SandboxError};
use wiz_scheduler::{ActionFailure, CancelToken, Execution, FailureKind, LogTail, Setback};

use crate::executor::RunLimits;
use crate::failed::{self, FailedRun};
use crate::failure::{failure, store_setback};
use crate::jobserver::{self, Jobserver, Seat};
use crate::layers::Layers;
use crate::outputs::{self, Made};
use crate::sandbox_plan::{PlanError, SandboxPlan};

/// Lines of a log that a failure shows.
const TAIL_LINES: usize = 40;
/// Bytes of a log that its last lines are looked for in.
const TAIL_BYTES: u64 = 16 * 1024;

/// What programs print that look for the network.
const NETWORK_SIGNS: [&str; 8] = [
    "ould not resolve host",
    "emporary failure in name resolution",
    "ame or service not known",
    "nable to resolve host",
    "ailed to lookup address",
    "ailure in name resolution",
    "etwork is unreachable",
    "no such host",
];

/// What programs print that find no room for what they write; all they can write is on
/// the cache's disk.
const FULL_DISK_SIGN: &str = "No space left on device";
/// Bytes below which a disk is full.
const NO_ROOM: u64 = 1 << 20;

/// What commands need beside their inputs.
#[derive(Debug)]
pub(crate) struct Commands {
    pub(crate) store: Store,
    pub(crate) cache: PathBuf,
    pub(crate) limits: RunLimits,
    pub(crate) keep_failed: bool,
    pub(crate) jobserver: Jobserver,
    pub(crate) layers: Layers,
}

/// How a command ended that was no success.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("the command exited with status {0}")]
    Exited(i32),
    #[error("the command was killed by signal {}", signal_name(*.0))]
    Signaled(i32),
    #[error("the command took longer than its limit of {}\nhint: if it is right, give the action a longer `timeout`", duration(*.0))]
    TimedOut(Duration),
    #[error("the command ran out of memory{}\nhint: give the action more `memory`, or run fewer jobs at once", limit(*.0))]
    OutOfMemory(Option<u64>),
    #[error(
        "the command started more than {0} processes\nhint: its log may say what starts processes without end"
    )]
    TooManyProcesses(u32),
}

impl CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Exited(_) => "WIZ1001",
            Self::Signaled(_) => "WIZ1002",
            Self::TimedOut(_) => "WIZ1003",
            Self::OutOfMemory(_) => "WIZ1004",
            Self::TooManyProcesses(_) => "WIZ1005",
        }
    }
}

/// One command about to run.
struct Attempt<'a> {
    execution: &'a Execution<'a>,
    action: &'a Action,
    run: &'a Run,
    plan: SandboxPlan,
    limits: Limits,
    scratch: Scratch,
}

impl Attempt<'_> {
    /// The sandbox's scratch folder.
    fn sandbox(&self) -> PathBuf {
        self.scratch.path().join("sandbox")
    }

    fn out(&self) -> PathBuf {
        self.sandbox().join("out")
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }
}

impl Commands {
    /// The sandbox of a command whose inputs are known.
    pub(crate) fn plan(&self, execution: &Execution<'_>, run: &Run) -> Result<SandboxPlan, Setback> {
        let command = &execution.prepared.command;
        SandboxPlan::new(&self.store, &self.layers, run, execution.inputs, command).map_err(plan_setback)
    }

    /// Runs the command and stores its outputs and its log.
    pub(crate) fn execute(&self, execution: &Execution<'_>, run: &Run) -> Result<ActionResult, Setback> {
        let attempt = Attempt {
            execution,
            action: execution.graph.action(execution.id),
            run,
            plan: self.plan(execution, run)?,
            limits: self.limits.of(run),
            scratch: self.store.scratch().map_err(|error| store_setback(&error))?,
        };
        let sandbox = attempt.sandbox();
        let disk = |source| disk_setback("prepare", &sandbox, source);
        std::fs::create_dir(&sandbox).map_err(disk)?;
        outputs::prepare(&attempt.out(), &attempt.action.outputs).map_err(disk)?;
        let finished = self.run(&attempt)?;
        let result = self.judge(&attempt, finished);
        // The folder's own removal does not expect what a program may leave behind.
        let _ = wiz_sandbox::remove_tree(&sandbox);
        result
    }

    fn run(&self, attempt: &Attempt<'_>) -> Result<Finished, Setback> {
        let log = File::create(attempt.log());
        let log = log.map_err(|source| disk_setback("write", &attempt.log(), source))?;
        let seat = self.jobserver.join().map_err(|source| host_setback("share the jobserver", source))?;
        let spec = attempt.plan.spec(&self.store, &attempt.sandbox(), attempt.limits);
        let mut spec = spec.map_err(|error| store_setback(&error))?;
        let (name, value) = jobserver::VARIABLE;
        if !attempt.plan.environment.contains_key(name) {
            spec.inherited = Seat::descriptors(&seat);
            spec.env.push((name.into(), value.into()));
        }
        let (cancel, _subscription) = bridge(attempt.execution.cancel)?;
        match wiz_sandbox::run(&spec, &log, &cancel) {
            Ok(finished) => Ok(finished),
            Err(error) => Err(sandbox_setback(&error)),
        }
    }

    fn judge(&self, attempt: &Attempt<'_>, finished: Finished) -> Result<ActionResult, Setback> {
        let error = match finished.ending {
            // On a full disk a program that does not look has cut short what it wrote.
            Ending::Exited(0) if !has_no_room(&attempt.sandbox()) => {
                return self.succeed(attempt, finished.wall);
            }
            Ending::Cancelled => return Err(Setback::Cancelled),
            Ending::Exited(status) => CommandError::Exited(status),
            Ending::Signaled(signal) => CommandError::Signaled(signal),
            Ending::TimedOut => CommandError::TimedOut(attempt.limits.wall.unwrap_or_default()),
            Ending::OutOfMemory => CommandError::OutOfMemory(attempt.limits.memory_bytes),
            Ending::TooManyProcesses => {
                CommandError::TooManyProcesses(attempt.limits.processes.unwrap_or_default())
            }
        };
        let failure = failure(FailureKind::Build, error.code(), &error);
        Err(self.fail(attempt, failure))
    }

    /// Stores what a command left that exited with status 0.
    fn succeed(&self, attempt: &Attempt<'_>, wall: Duration) -> Result<ActionResult, Setback> {
        match self.collect(attempt) {
            Ok((output_root, log)) => {
                failed::forget(&self.cache, &attempt.action.owner, &attempt.action.display_name());
                let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
                Ok(ActionResult { output_root, log, wall_ms })
            }
            Err(Setback::Failed(failure)) if failure.kind == FailureKind::Build => {
                Err(self.fail(attempt, *failure))
            }
            Err(setback) => Err(setback),
        }
    }

    fn collect(&self, attempt: &Attempt<'_>) -> Result<(Digest, Option<Digest>), Setback> {
        let aside = attempt.scratch.path().join("trees");
        std::fs::create_dir(&aside).map_err(|source| disk_setback("prepare", &aside, source))?;
        let log = self.store.put_file(&attempt.log(), Transfer::Keep);
        let log = log.map_err(|error| store_setback(&error))?;
        let made = Made { out: &attempt.out(), aside: &aside, log };
        let root = outputs::collect(&self.store, &made, attempt.run, &attempt.action.outputs);
        let _ = wiz_sandbox::remove_tree(&aside);
        Ok((root?, Some(log).filter(|log| log.size() > 0)))
    }

    /// Keeps what is needed to look into a failure, and adds where it is.
    fn fail(&self, attempt: &Attempt<'_>, mut failure: ActionFailure) -> Setback {
        let lines = tail(&attempt.log());
        let says = |sign: &&str| lines.iter().any(|line| line.contains(sign));
        if NETWORK_SIGNS.iter().any(says) {
            failure.hints.push("actions have no network: declare what it fetches as a source".to_owned());
        }
        let sandbox = attempt.sandbox();
        let is_full = has_no_room(&sandbox);
        if is_full {
            failure.kind = FailureKind::Surroundings;
            failure.code = "WIZ1070".to_owned();
            failure.message += ", and no space is left on the disk of the cache";
            // What it left goes for its log.
            let _ = wiz_sandbox::remove_tree(&sandbox);
        }
        if is_full || says(&FULL_DISK_SIGN) {
            let hint = "free some space, or empty the cache with `wiz clean --cache`, then build again";
            failure.hints.push(hint.to_owned());
        }
        let kept = FailedRun::new(
            attempt.action.owner.clone(),
            attempt.action.display_name(),
            failure.message.clone(),
            attempt.execution.prepared.key.0,
            attempt.plan.clone(),
        );
        let scratch = (self.keep_failed && !is_full).then_some(sandbox.as_path());
        match failed::keep(&self.cache, &kept, &attempt.log(), scratch) {
            Ok(path) => failure.log = Some(LogTail { path, lines }),
            Err(error) => failure.hints.push(format!("its log could not be kept: {error}")),
        }
        failure.into()
    }
}

/// Whether the disk of a folder is full; a disk that cannot be asked is not.
fn has_no_room(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < NO_ROOM)
}

/// A sandbox's token that is cancelled with the build's.
fn bridge(build: &CancelToken) -> Result<(wiz_sandbox::CancelToken, wiz_scheduler::Subscription), Setback> {
    let cancel =
        wiz_sandbox::CancelToken::new().map_err(|source| host_setback("watch for cancellation", source))?;
    let linked = cancel.clone();
    Ok((cancel, build.on_cancel(move || linked.cancel())))
}

/// The last lines of a file, as text.
fn tail(log: &Path) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(|line| (*line).to_owned()).collect()
}

fn plan_setback(error: PlanError) -> Setback {
    match error {
        PlanError::Store(error) => store_setback(&error),
        error => failure(FailureKind::User, "WIZ1021", &error).into(),
    }
}

/// A failure of the disk that the cache is on.
fn disk_setback(doing: &'static str, path: &Path, source: std::io::Error) -> Setback {
    store_setback(&StoreError::io(doing, path)(source))
}

/// A failure of the machine outside store and sandbox.
pub(crate) fn host_setback(doing: &'static str, source: std::io::Error) -> Setback {
    failure(FailureKind::Surroundings, "WIZ1072", &format!("cannot {doing}: {source}")).into()
}

fn sandbox_setback(error: &SandboxError) -> Setback {
    let (kind, code) = match error {
        SandboxError::Refused(_) => (FailureKind::Surroundings, "WIZ1050"),
        SandboxError::Program { .. } => (FailureKind::Build, "WIZ1006"),
        SandboxError::Invalid(_) => (FailureKind::User, "WIZ1052"),
        _ => (FailureKind::Surroundings, "WIZ1051"),
    };
    failure(kind, code, error).into()
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "illegal instruction",
        6 => "abort",
        7 => "bus error",
        8 => "arithmetic error",
        9 => "kill",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "termination",
        31 => "forbidden system call",
        _ => return signal.to_string(),
    };
    format!("{signal} ({name})")
}

fn duration(limit: Duration) -> String {
    match limit.as_secs() {
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn limit(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(": its limit is {} MiB", bytes / (1 << 20)))
}
