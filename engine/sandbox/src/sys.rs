//! System calls that no library wraps safely, as safe functions. None of them
//! allocates or locks, so the child may use them while it borrows its parent's
//! memory. Unaware of what they are used for.
#![expect(unsafe_code, reason = "these calls are wrapped nowhere else")]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use libc::{c_char, c_int, c_long, sock_filter};
use rustix::io::{Errno, Result};

/// Turns a C library's answer into a result.
fn checked(answer: impl Into<i64>) -> Result<c_long> {
    match answer.into() {
        -1 => Err(last_error()),
        value => Ok(value),
    }
}

/// The calling thread's last error.
pub(crate) fn last_error() -> Errno {
    // SAFETY: the C library's location of `errno` is valid for the thread's life.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Copies `fd` to the lowest free number from `lowest` on, closed on exec.
pub(crate) fn duplicate_above(fd: RawFd, lowest: RawFd) -> Result<RawFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes integers only.
    let copy = checked(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, lowest) })?;
    Ok(RawFd::try_from(copy).unwrap_or(RawFd::MAX))
}

/// Makes `target` a copy of `fd`, kept open on exec unless `flags` says otherwise.
pub(crate) fn duplicate_to(fd: RawFd, target: RawFd, flags: c_int) -> Result<()> {
    // SAFETY: dup3 takes integers; the caller owns the whole descriptor table.
    checked(unsafe { libc::dup3(fd, target, flags) }).map(drop)
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: RawFd) -> Result<()> {
    // SAFETY: close_range takes integers; the caller owns the whole table.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first.cast_unsigned(), u32::MAX, 0) }).map(drop)
}

/// Gives the calling thread a descriptor table of its own with nothing but standard
/// input, output and error in it. It must own no descriptor.
pub(crate) fn separate_descriptors() -> Result<()> {
    let flags = libc::CLOSE_RANGE_UNSHARE;
    // SAFETY: close_range takes integers; with this flag it leaves the process's table
    // alone.
    checked(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, flags) }).map(drop)
}

/// Writes `bytes`, few enough to be taken at once, to `fd`.
pub(crate) fn write(fd: RawFd, bytes: &[u8]) -> Result<()> {
    // SAFETY: the pointer and the length are those of a slice.
    checked(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) } as i64).map(drop)
}

/// Brings the caller's process group to the foreground of its terminal, if `fd` is
/// that terminal. Signals must be blocked.
pub(crate) fn take_foreground(fd: RawFd) -> Result<()> {
    // SAFETY: getpgrp and tcsetpgrp take integers.
    match checked(unsafe { libc::tcsetpgrp(fd, libc::getpgrp()) }) {
        Err(Errno::NOTTY | Errno::BADF) => Ok(()),
        taken => taken.map(drop),
    }
}

/// Makes the detached mount `tree` read-only, without devices and set-id programs.
pub(crate) fn make_read_only(tree: BorrowedFd<'_>) -> Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path is a C string and the attributes live through the call, which
    // is told their size.
    checked(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Brings the loopback interface of the current network namespace up.
pub(crate) fn bring_loopback_up() -> Result<()> {
    // SAFETY: socket takes integers.
    let socket = checked(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    let socket = c_int::try_from(socket).unwrap_or(-1);
    // SAFETY: all-zero bytes are a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`.
    let answer = checked(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request) });
    // SAFETY: the descriptor was opened above and is used nowhere else.
    unsafe { libc::close(socket) };
    answer.map(drop)
}

/// Gives programs the same addresses in every run.
pub(crate) fn fix_addresses() -> Result<()> {
    // PER_LINUX, the usual one, is 0.
    let personality = libc::ADDR_NO_RANDOMIZE.cast_unsigned().into();
    // SAFETY: personality takes an integer.
    checked(unsafe { libc::personality(personality) }).map(drop)
}

/// Sets every signal back to its default action.
pub(crate) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL runs no code. The C library's own signals, SIGKILL and
        // SIGSTOP are refused, and need no reset.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Blocks every signal for the calling thread; gives what was blocked before.
pub(crate) fn block_signals() -> libc::sigset_t {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises `all`; pthread_sigmask reads it and initialises
    // `before`, and cannot fail with these arguments.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

/// Sets the calling thread's blocked signals.
pub(crate) fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: the mask is initialised.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Lets every signal through to the calling thread.
pub(crate) fn unblock_signals() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    let none = unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        none.assume_init()
    };
    restore_signals(&none);
}

/// Installs a system call filter; needs the ban on new privileges.
pub(crate) fn install_filter(program: &[sock_filter]) -> Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel reads `len` instructions during the call and writes none.
    checked(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter, 0, 0) })
        .map(drop)
}

/// Leaves the view of control groups for one that starts at the process's own.
pub(crate) fn unshare_control_groups() -> Result<()> {
    // SAFETY: this flag changes only what cgroup paths look like.
    checked(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }).map(drop)
}

/// Arguments or environment as exec wants them: C strings and a closing null.
#[derive(Debug)]
pub(crate) struct Vector<'a> {
    pointers: Vec<*const c_char>,
    strings: std::marker::PhantomData<&'a CStr>,
}

impl<'a> Vector<'a> {
    /// Points to `strings`.
    pub(crate) fn new(strings: impl IntoIterator<Item = &'a CStr>) -> Self {
        let mut pointers: Vec<_> = strings.into_iter().map(CStr::as_ptr).collect();
        pointers.push(std::ptr::null());
        Self { pointers, strings: std::marker::PhantomData }
    }
}

/// Replaces the process's image by the open file `program`; returns only an error.
pub(crate) fn execute(program: RawFd, argv: &Vector<'_>, env: &Vector<'_>) -> Errno {
    // SAFETY: both vectors end in a null pointer and point to C strings that outlive
    // them.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program,
            c"".as_ptr(),
            argv.pointers.as_ptr(),
            env.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    last_error()
}

/// What a process that was waited for had used: user and system time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waited {
    /// As `wait` gives it.
    pub(crate) status: c_int,
    /// Processor time in user mode, its own and of what it reaped.
    pub(crate) user: Duration,
    /// The same in the kernel.
    pub(crate) system: Duration,
}

/// Waits for the child `pid` to end.
pub(crate) fn wait_for(pid: libc::pid_t) -> Result<Waited> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are valid for writes of what the call returns.
        let answer = unsafe { libc::wait4(pid, &raw mut status, libc::__WALL, usage.as_mut_ptr()) };
        match checked(answer) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    // SAFETY: zeroed bytes are a valid `rusage`, and the kernel filled it.
    let usage = unsafe { usage.assume_init() };
    Ok(Waited { status, user: duration(usage.ru_utime), system: duration(usage.ru_stime) })
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let micros = u64::try_from(time.tv_usec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
