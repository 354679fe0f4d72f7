//! Starts a child in new namespaces that runs a function of ours in our memory,
//! while the calling thread is suspended, as `vfork` does: what it costs does not
//! depend on how much memory this process has. Unaware of what the child does.
#![expect(unsafe_code, reason = "clone(2) with shared memory has no safe wrapper")]

use std::convert::Infallible;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

use libc::{c_int, pid_t};
use rustix::io::Errno;

use crate::step::Failure;
use crate::sys;

/// Bytes of stack for the child; it uses a fraction and nothing recursive.
const STACK: usize = 128 * 1024;

/// The flags for all namespaces of a sandbox. The one of control groups is left
/// out: it is made once the child is in its own group.
pub(crate) const NAMESPACES: c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

/// A child that has replaced its image, or ended.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its process id.
    pub(crate) pid: pid_t,
    /// A descriptor that stands for it.
    pub(crate) pidfd: OwnedFd,
}

/// How the start went.
#[derive(Debug)]
pub(crate) enum Launched {
    /// The child runs another program now.
    Running(Child),
    /// The child gave up and has been waited for.
    Failed(Failure),
}

/// Runs `body` in a child in new namespaces by `flags` until it replaces its image
/// or fails.
///
/// `body` must not allocate, lock, or leave anything changed in memory on which
/// other threads rely: it runs beside them, with their locks held by them.
///
/// # Errors
/// When the kernel makes no such child.
pub(crate) fn launch<B>(flags: c_int, body: B) -> Result<Launched, Errno>
where
    B: FnOnce() -> Result<Infallible, Failure>,
{
    let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(STACK / size_of::<u128>());
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end;
    let mut errand = Errand { body: Some(body), failure: None };
    let mut pidfd: c_int = -1;
    let before = sys::block_signals();
    // SAFETY: the stack and `errand` outlive the child's use of them, since CLONE_VFORK
    // suspends this thread until the child has another image or is gone. Signals are
    // blocked, so none of our handlers runs in the child.
    let pid = unsafe {
        libc::clone(
            run_errand::<B>,
            top.cast(),
            flags | libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD,
            (&raw mut errand).cast(),
            &raw mut pidfd,
        )
    };
    let errno = sys::last_error();
    sys::restore_signals(&before);
    if pid < 0 {
        return Err(errno);
    }
    // SAFETY: CLONE_PIDFD made this descriptor for us.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    match errand.failure {
        None => Ok(Launched::Running(Child { pid, pidfd })),
        Some(failure) => {
            sys::wait_for(pid)?;
            Ok(Launched::Failed(failure))
        }
    }
}

/// What parent and child share.
struct Errand<B> {
    body: Option<B>,
    failure: Option<Failure>,
}

extern "C" fn run_errand<B>(errand: *mut c_void) -> c_int
where
    B: FnOnce() -> Result<Infallible, Failure>,
{
    // SAFETY: `launch` passes an `Errand<B>` that nothing else touches meanwhile.
    let errand = unsafe { &mut *errand.cast::<Errand<B>>() };
    if let Some(body) = errand.body.take() {
        let Err(failure) = body();
        errand.failure = Some(failure);
    }
    1
}
