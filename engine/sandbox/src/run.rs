//! Starts a sandbox, watches over it, and gives back how it ended once nothing of
//! it is left. Unaware of how it is built.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::cancel::CancelToken;
use crate::confinement::Confinement;
use crate::descriptors::Descriptors;
use crate::error::{OnHost, Refusal, SandboxError};
use crate::init::{self, REPORT_LEN, Report};
use crate::kernel::KernelFacts;
use crate::launch::{Child, Launched, NAMESPACES, launch};
use crate::mounts::OverlayCall;
use crate::plan::{self, Plan};
use crate::probe;
use crate::set_up::{Session, Surroundings, set_up};
use crate::spec::Spec;
use crate::step::Failure;
use crate::sys::{self, Vector, Waited};
use crate::watch::{Excess, INTERVAL, Watch};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// It took longer than [`crate::Limits::wall`].
    TimedOut,
    /// It took more than [`crate::Limits::memory_bytes`].
    OutOfMemory,
    /// It made more than [`crate::Limits::processes`], where `fork` could not be made to fail.
    TooManyProcesses,
    /// By [`CancelToken::cancel`].
    Cancelled,
}

/// A run that took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// How the program ended.
    pub ending: Ending,
    /// From the start of the set-up until all processes were gone.
    pub wall: Duration,
    /// Processor time in user mode, of the program and all it waited for.
    pub user: Duration,
    /// The same in the kernel.
    pub system: Duration,
    /// The largest resident set of a single process, in bytes; unknown if the
    /// program was ended from outside.
    pub max_rss: Option<u64>,
}

/// Runs `spec` with standard output and error going to `log` and nothing to read;
/// blocks until every process of the sandbox is gone. If the calling process dies, so
/// does the sandbox. May be called from many threads at once.
///
/// # Errors
/// [`SandboxError`] if the program was not run. A program that failed is no error.
pub fn run(spec: &Spec, log: &File, cancel: &CancelToken) -> Result<Finished, SandboxError> {
    let nothing = File::open("/dev/null").on_host("open `/dev/null`")?;
    let standard = [nothing.as_raw_fd(), log.as_raw_fd(), log.as_raw_fd()];
    Run { standard, session: Session::Own, overlay_call: OverlayCall::Best }.run(spec, cancel)
}

/// Runs `spec`, a shell as a rule, in the same sandbox with the caller's standard
/// input, output and error, and in the foreground of the caller's terminal if they
/// are one. With the scratch folder of an earlier run, it finds the root as that run
/// left it.
///
/// # Errors
/// As [`run`].
pub fn interactive(spec: &Spec, cancel: &CancelToken) -> Result<Finished, SandboxError> {
    let (input, output, error) = (io::stdin(), io::stdout(), io::stderr());
    let standard = [input.as_raw_fd(), output.as_raw_fd(), error.as_raw_fd()];
    let finished =
        Run { standard, session: Session::Callers, overlay_call: OverlayCall::Best }.run(spec, cancel);
    let mask = sys::block_signals();
    let back = sys::take_foreground(input.as_raw_fd());
    sys::restore_signals(&mask);
    let finished = finished?;
    back.on_host("take the terminal back")?;
    Ok(finished)
}

/// What differs between runs for a user and runs for a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Standard input, output and error.
    pub(crate) standard: [i32; 3],
    /// The relation to the terminal.
    pub(crate) session: Session,
    /// How overlays are mounted.
    pub(crate) overlay_call: OverlayCall,
}

impl Run {
    /// Starts the sandbox and waits for its end.
    pub(crate) fn run(&self, spec: &Spec, cancel: &CancelToken) -> Result<Finished, SandboxError> {
        let started = Instant::now();
        let plan = Plan::new(spec)?;
        plan::clear_work(&spec.scratch)?;
        let confinement = Confinement::new(&spec.limits);
        let (report, child) = self.start(&plan, &confinement)?;
        let deadline = spec.limits.wall.and_then(|wall| started.checked_add(wall));
        let ended_by = supervise(&child, &confinement, deadline, cancel);
        if !matches!(ended_by, Ok(None)) {
            // It can only be gone already, which is as well.
            let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
        }
        // The kernel lets the init be waited for once it has ended all other processes.
        let waited = sys::wait_for(child.pid).on_host("wait for the sandbox")?;
        let ended_by = ended_by.on_host("watch the sandbox")?;
        let report = read_report(&report).on_host("read the report of the sandbox")?;
        if let (None, Some(Report::NotStarted(errno))) = (ended_by, report) {
            let program = spec.argv.first().map(|program| program.to_string_lossy().into_owned());
            return Err(SandboxError::Program { program: program.unwrap_or_default(), source: errno.into() });
        }
        let out_of_memory = confinement.ran_out_of_memory().then_some(Ending::OutOfMemory);
        Ok(finished(ended_by.or(out_of_memory), report, waited, started.elapsed()))
    }

    /// Starts the sandbox; gives the pipe with its report.
    fn start(&self, plan: &Plan, confinement: &Confinement) -> Result<(OwnedFd, Child), SandboxError> {
        let init = init::program().on_host("keep a program in memory")?;
        let (report, write_end) = pipe_with(PipeFlags::CLOEXEC).on_host("make a pipe")?;
        let parent = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())
            .on_host("watch the own process from the sandbox")?;
        let argv = Vector::new(plan.argv.iter().map(|argument| &**argument));
        let env = Vector::new(plan.env.iter().map(|variable| &**variable));
        let entrances = confinement.entrances();
        let around = Surroundings {
            parent: parent.as_fd(),
            entrances: &entrances,
            process_limit: confinement.process_limit,
            descriptors: Descriptors {
                standard: self.standard,
                report: write_end.as_raw_fd(),
                inherited: &plan.inherited,
                init: init.as_raw_fd(),
            },
            session: self.session,
            overlay_call: self.overlay_call,
            argv: &argv,
            env: &env,
        };
        match launch(NAMESPACES, || set_up(plan, &around)) {
            Ok(Launched::Running(child)) => Ok((report, child)),
            Ok(Launched::Failed(failure)) => Err(refusal(failure, plan)),
            Err(errno) => {
                let failure = probe::refused_namespace(errno);
                Err(refusal(failure, plan))
            }
        }
    }
}

fn refusal(failure: Failure, plan: &Plan) -> SandboxError {
    let object = plan::object_of(failure, plan);
    Refusal::new(failure, object.as_deref(), &KernelFacts::read()).into()
}

/// Waits until the sandbox has ended by itself, or has to be ended.
fn supervise(
    child: &Child,
    confinement: &Confinement,
    deadline: Option<Instant>,
    cancel: &CancelToken,
) -> Result<Option<Ending>, Errno> {
    let bounds = confinement.watched;
    let mut watch = None;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let until_look = (!bounds.is_empty()).then_some(INTERVAL);
        let patience = left.into_iter().chain(until_look).min();
        match wait_for_event(child.pidfd.as_fd(), cancel.event(), patience)? {
            Event::Ended => return Ok(None),
            Event::Cancelled => return Ok(Some(Ending::Cancelled)),
            Event::Nothing => {}
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Some(Ending::TimedOut));
        }
        if watch.is_none() && !bounds.is_empty() {
            watch = Watch::new(child.pid, bounds)?;
        }
        match watch.as_ref().and_then(Watch::excess) {
            Some(Excess::Memory) => return Ok(Some(Ending::OutOfMemory)),
            Some(Excess::Processes) => return Ok(Some(Ending::TooManyProcesses)),
            None => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Ended,
    Cancelled,
    Nothing,
}

fn wait_for_event(
    child: BorrowedFd<'_>,
    cancel: BorrowedFd<'_>,
    patience: Option<Duration>,
) -> Result<Event, Errno> {
    let timeout = patience.map(|patience| Timespec {
        tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    });
    let mut events = [PollFd::new(&child, PollFlags::IN), PollFd::new(&cancel, PollFlags::IN)];
    match poll(&mut events, timeout.as_ref()) {
        Err(Errno::INTR) => return Ok(Event::Nothing),
        polled => polled?,
    };
    let [child, cancel] = events.map(|event| !event.revents().is_empty());
    Ok(match (child, cancel) {
        (true, _) => Event::Ended,
        (false, true) => Event::Cancelled,
        (false, false) => Event::Nothing,
    })
}

/// Reads what the init left, without waiting: nobody can add to it any more, though
/// a child that is just being started elsewhere may still hold the other end.
fn read_report(report: &OwnedFd) -> Result<Option<Report>, Errno> {
    rustix::io::ioctl_fionbio(report, true)?;
    let mut bytes = [0; REPORT_LEN];
    match rustix::io::read(report, &mut bytes) {
        Ok(length) => Ok(bytes.get(..length).and_then(Report::decode)),
        Err(Errno::AGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn finished(ended_by: Option<Ending>, report: Option<Report>, waited: Waited, wall: Duration) -> Finished {
    match report {
        Some(Report::Ended { wait_status, user, system, max_rss }) => {
            let ending = ended_by.unwrap_or_else(|| ending_of(wait_status));
            Finished { ending, wall, user, system, max_rss: Some(max_rss) }
        }
        _ => {
            let ending = ended_by.unwrap_or_else(|| ending_of(waited.status));
            Finished { ending, wall, user: waited.user, system: waited.system, max_rss: None }
        }
    }
}

fn ending_of(wait_status: i32) -> Ending {
    if libc::WIFSIGNALED(wait_status) {
        Ending::Signaled(libc::WTERMSIG(wait_status))
    } else {
        Ending::Exited(libc::WEXITSTATUS(wait_status))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use wiz_base::RelPath;

    use super::*;
    use crate::spec::Limits;

    /// What older kernels need is tried on this one.
    #[test]
    fn overlays_can_be_mounted_by_one_call() {
        let home = tempfile::tempdir().unwrap();
        let layers_dir = home.path().join("lay:ers");
        for layer in ["a,b", "c\\d:e"] {
            std::fs::create_dir_all(layers_dir.join(layer)).unwrap();
        }
        let scratch = home.path().join("scra,tch:");
        std::fs::create_dir(&scratch).unwrap();
        let mut spec = Spec {
            layers: ["a,b", "c\\d:e"].map(|layer| RelPath::new(layer).unwrap()).to_vec(),
            source: Some(layers_dir.join("a,b")),
            layers_dir,
            scratch,
            binds: Vec::new(),
            argv: vec!["/no-such-program".into()],
            env: Vec::new(),
            working_directory: RelPath::new("build").unwrap(),
            limits: Limits::default(),
            user: crate::BUILD_USER,
            inherited: Vec::new(),
        };
        let log = tempfile::tempfile().unwrap();
        let run =
            Run { standard: [log.as_raw_fd(); 3], session: Session::Own, overlay_call: OverlayCall::Mount };
        let cancel = CancelToken::new().unwrap();
        let built = run.run(&spec, &cancel);
        assert!(matches!(built, Err(SandboxError::Program { .. })), "{built:?}");
        // With hundreds of long names, the options pass one page.
        spec.layers = vec![RelPath::new(&"x".repeat(64)).unwrap(); 100];
        let refused = run.run(&spec, &cancel).unwrap_err().to_string();
        assert!(refused.contains("the root has more layers than one page"), "{refused}");
        crate::remove_tree(home.path()).unwrap();
    }
}
