//! What the child does between its birth and its first exec: it builds the sandbox
//! around itself. Runs on borrowed memory: system calls on prepared strings only,
//! no allocation, no lock. Unaware of how it was started and who watches it.

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, Result};
use rustix::process::{
    Resource, Rlimit, Signal, chdir, getrlimit, set_parent_process_death_signal, setpgid, setrlimit, setsid,
    umask,
};
use rustix::system::{setdomainname, sethostname};

use crate::descriptors::Descriptors;
use crate::filter;
use crate::mounts::{OverlayCall, enter_root};
use crate::plan::Plan;
use crate::step::{Failure, InStep, Step};
use crate::sys::{self, Vector};

/// What the child needs beside the plan.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    /// Stands for the process that starts the sandbox.
    pub(crate) parent: BorrowedFd<'a>,
    /// Files by which control groups are joined.
    pub(crate) entrances: &'a [RawFd],
    /// The bound on processes.
    pub(crate) process_limit: Option<u64>,
    /// What to leave open.
    pub(crate) descriptors: Descriptors<'a>,
    /// Whether the program talks to a user.
    pub(crate) session: Session,
    /// How overlays are mounted.
    pub(crate) overlay_call: OverlayCall,
    /// The program's arguments, ready for exec.
    pub(crate) argv: &'a Vector<'a>,
    /// The program's environment, ready for exec.
    pub(crate) env: &'a Vector<'a>,
}

/// How the program relates to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// It has none.
    Own,
    /// It keeps the caller's; if standard input is that terminal, it comes to the
    /// foreground.
    Callers,
}

/// Builds the sandbox and becomes its init; returns only a failure.
pub(crate) fn set_up(plan: &Plan, around: &Surroundings<'_>) -> std::result::Result<Infallible, Failure> {
    die_with(around.parent).in_step(Step::ParentWatch)?;
    write_id_maps(plan).in_step(Step::IdMap)?;
    for (index, &entrance) in around.entrances.iter().enumerate() {
        join_group(entrance).in_step_at(Step::ControlGroup, index)?;
    }
    // Early, so that files other threads are about to let go of are not held here: the
    // last to close a removed folder waits for the disk.
    let init = around.descriptors.arrange().in_step(Step::Descriptors)?;
    sys::unshare_control_groups().in_step(Step::ControlGroupNamespace)?;
    sys::bring_loopback_up().in_step(Step::Loopback)?;
    sethostname(b"wiz").in_step(Step::HostName)?;
    setdomainname(b"(none)").in_step(Step::HostName)?;
    umask(Mode::empty());
    enter_root(plan, around.overlay_call)?;
    umask(Mode::from_raw_mode(0o022));
    chdir(&*plan.working_directory).in_step(Step::WorkingDirectory)?;
    settle_session(around)?;
    sys::fix_addresses().in_step(Step::Personality)?;
    limit_resources(around.process_limit).in_step(Step::ResourceLimits)?;
    rustix::thread::set_no_new_privs(true).in_step(Step::NoNewPrivileges)?;
    sys::install_filter(filter::program()).in_step(Step::Filter)?;
    sys::reset_signals();
    sys::unblock_signals();
    Err(sys::execute(init, around.argv, around.env)).in_step(Step::Init)
}

/// Ends the sandbox with its parent, even if that died before it could be asked for.
///
/// The kernel ties this to the thread that started the child, which is the one that
/// waits for its end.
fn die_with(parent: BorrowedFd<'_>) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut ended = [PollFd::new(&parent, PollFlags::IN)];
    if poll(&mut ended, Some(&Timespec::default()))? > 0 {
        return Err(Errno::SRCH);
    }
    Ok(())
}

fn write_id_maps(plan: &Plan) -> Result<()> {
    // An ordinary user may map groups only once nobody can drop any.
    write_file(c"/proc/self/setgroups", b"deny")?;
    write_file(c"/proc/self/gid_map", &plan.gid_map)?;
    write_file(c"/proc/self/uid_map", &plan.uid_map)
}

fn write_file(path: &std::ffi::CStr, content: &[u8]) -> Result<()> {
    let file = openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file.as_fd(), content).map(drop)
}

fn join_group(entrance: RawFd) -> Result<()> {
    sys::write(entrance, b"0")
}

fn settle_session(around: &Surroundings<'_>) -> std::result::Result<(), Failure> {
    if around.session == Session::Own {
        return setsid().map(drop).in_step(Step::Session);
    }
    // A process group of the sandbox's own, since numbers of groups outside cannot
    // be named inside, and shells need to.
    setpgid(None, None).in_step(Step::Session)?;
    sys::take_foreground(0).in_step(Step::Terminal)
}

/// The same for every user, as far as the user's own limits allow; what is not named
/// stays as it is, since programs do not see it.
fn limit_resources(processes: Option<u64>) -> Result<()> {
    const MIB: u64 = 1 << 20;
    limit(Resource::Core, Some(0), Some(0))?;
    limit(Resource::Nofile, Some(1024), Some(65536))?;
    limit(Resource::Stack, Some(8 * MIB), None)?;
    limit(Resource::Nproc, processes, processes)
}

/// Lowers a limit; `None` is without one.
fn limit(resource: Resource, current: Option<u64>, maximum: Option<u64>) -> Result<()> {
    let lower = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let maximum = lower(maximum, getrlimit(resource).maximum);
    setrlimit(resource, Rlimit { current: lower(current, maximum), maximum })
}
