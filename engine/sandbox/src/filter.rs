//! The system call filter: which calls a sandboxed program is refused, and how, as
//! a classic BPF program for seccomp(2). Unaware of namespaces and mounts.
//!
//! The list is short on purpose. A program without capabilities that cannot make
//! a user namespace is already refused what mounts, modules or clocks need; named
//! here are doors around that, parts of the kernel with a long record of holes,
//! and what would let the machine's state into a result. The errors are those that
//! kernels built without the feature return, so that programs fall back.

use std::sync::OnceLock;

use libc::{c_long, sock_filter};

/// The program for this machine, made on first use.
pub(crate) fn program() -> &'static [sock_filter] {
    static PROGRAM: OnceLock<Vec<sock_filter>> = OnceLock::new();
    PROGRAM.get_or_init(assemble)
}

/// What a filter answers instead of making the call.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// Make the call.
    Allow,
    /// Return this error; 0 pretends success without doing anything.
    Errno(i32),
    /// End the process with `SIGSYS`.
    Kill,
}

/// Calls refused whatever their arguments.
#[rustfmt::skip]
const REFUSED: &[(c_long, i32)] = &[
    // Work in the kernel's name that no filter sees.
    (libc::SYS_io_uring_setup, libc::ENOSYS),
    (libc::SYS_io_uring_enter, libc::ENOSYS),
    (libc::SYS_io_uring_register, libc::ENOSYS),
    // Its flags lie in memory, where a filter cannot see a new user namespace; C
    // libraries fall back to `clone`.
    (libc::SYS_clone3, libc::ENOSYS),
    // Large, and seldom without a hole.
    (libc::SYS_bpf, libc::EPERM),
    (libc::SYS_perf_event_open, libc::EPERM),
    (libc::SYS_userfaultfd, libc::EPERM),
    (libc::SYS_fanotify_init, libc::EPERM),
    // Keyrings are the user's, not the namespace's.
    (libc::SYS_add_key, libc::ENOSYS),
    (libc::SYS_request_key, libc::ENOSYS),
    (libc::SYS_keyctl, libc::ENOSYS),
    // Roads to other namespaces and file systems.
    (libc::SYS_setns, libc::EPERM),
    (libc::SYS_mount, libc::EPERM),
    (libc::SYS_umount2, libc::EPERM),
    (libc::SYS_pivot_root, libc::EPERM),
    (libc::SYS_open_tree, libc::EPERM),
    (libc::SYS_move_mount, libc::EPERM),
    (libc::SYS_fsopen, libc::EPERM),
    (libc::SYS_fsconfig, libc::EPERM),
    (libc::SYS_fsmount, libc::EPERM),
    (libc::SYS_fspick, libc::EPERM),
    (libc::SYS_mount_setattr, libc::EPERM),
    (libc::SYS_open_by_handle_at, libc::EPERM),
    // The machine as a whole: its log, quotas, modules, kernel.
    (libc::SYS_syslog, libc::EPERM),
    (libc::SYS_acct, libc::EPERM),
    (libc::SYS_quotactl, libc::EPERM),
    (libc::SYS_quotactl_fd, libc::EPERM),
    (libc::SYS_swapon, libc::EPERM),
    (libc::SYS_swapoff, libc::EPERM),
    (libc::SYS_reboot, libc::EPERM),
    (libc::SYS_init_module, libc::EPERM),
    (libc::SYS_finit_module, libc::EPERM),
    (libc::SYS_delete_module, libc::EPERM),
    (libc::SYS_kexec_load, libc::EPERM),
    // The caller's supplementary groups cannot be dropped in a user namespace, so
    // every sandbox is told that there are none.
    (libc::SYS_getgroups, 0),
];

/// The architecture's number in audit(7), which a filter sees.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Calls of the x32 ABI have this bit set and the same architecture.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

// Offsets in `struct seccomp_data`; the low halves of the arguments, since the
// kernel ignores the high ones.
const NUMBER: u32 = 0;
const ARCHITECTURE_FIELD: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;
const THIRD_ARGUMENT: u32 = 32;

// Terminal requests that type on somebody else's keyboard.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

fn assemble() -> Vec<sock_filter> {
    let mut code = vec![
        load(ARCHITECTURE_FIELD),
        skip_if_equal(ARCHITECTURE, 1),
        // A foreign ABI reaches the same kernel under other numbers.
        answer(Answer::Kill),
        load(NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    code.extend([unless_at_least(X32_BIT, 1), answer(Answer::Errno(libc::ENOSYS))]);
    let mut calls = calls();
    calls.sort_by_key(|(number, _)| *number);
    for (number, body) in calls {
        code.push(unless_equal(number, body.len()));
        code.extend(body);
    }
    code.push(answer(Answer::Allow));
    code
}

/// Every call that is not simply allowed, with the code that decides on it.
fn calls() -> Vec<(u32, Vec<sock_filter>)> {
    let refused = REFUSED.iter().map(|&(number, errno)| (call(number), vec![answer(Answer::Errno(errno))]));
    let decided = [
        (call(libc::SYS_socket), socket()),
        (call(libc::SYS_socketpair), socket()),
        (call(libc::SYS_clone), no_user_namespace()),
        (call(libc::SYS_unshare), no_user_namespace()),
        (call(libc::SYS_ioctl), no_typing()),
        #[cfg(target_arch = "x86_64")]
        (call(libc::SYS_kexec_file_load), vec![answer(Answer::Errno(libc::EPERM))]),
        #[cfg(target_arch = "x86_64")]
        (call(libc::SYS_iopl), vec![answer(Answer::Errno(libc::EPERM))]),
        #[cfg(target_arch = "x86_64")]
        (call(libc::SYS_ioperm), vec![answer(Answer::Errno(libc::EPERM))]),
    ];
    refused.chain(decided).collect()
}

/// Only families that stay in the network namespace; of netlink only routes.
fn socket() -> Vec<sock_filter> {
    let allowed = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let mut code = vec![load(FIRST_ARGUMENT)];
    for family in allowed {
        code.extend([unless_equal(family.cast_unsigned(), 1), answer(Answer::Allow)]);
    }
    code.extend([
        unless_equal(libc::AF_NETLINK.cast_unsigned(), 4),
        load(THIRD_ARGUMENT),
        unless_equal(libc::NETLINK_ROUTE.cast_unsigned(), 1),
        answer(Answer::Allow),
        answer(Answer::Errno(libc::EPROTONOSUPPORT)),
        answer(Answer::Errno(libc::EAFNOSUPPORT)),
    ]);
    code
}

fn no_user_namespace() -> Vec<sock_filter> {
    vec![
        load(FIRST_ARGUMENT),
        unless_any_bit(libc::CLONE_NEWUSER.cast_unsigned(), 1),
        answer(Answer::Errno(libc::EPERM)),
        answer(Answer::Allow),
    ]
}

fn no_typing() -> Vec<sock_filter> {
    vec![
        load(SECOND_ARGUMENT),
        unless_equal(TIOCSTI, 1),
        answer(Answer::Errno(libc::EPERM)),
        unless_equal(TIOCLINUX, 1),
        answer(Answer::Errno(libc::EPERM)),
        answer(Answer::Allow),
    ]
}

/// A call's number as a filter sees it.
fn call(number: c_long) -> u32 {
    u32::try_from(number).expect("system calls are numbered from 0 on")
}

fn load(offset: u32) -> sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset)
}

fn answer(answer: Answer) -> sock_filter {
    let value = match answer {
        Answer::Allow => libc::SECCOMP_RET_ALLOW,
        Answer::Errno(errno) => libc::SECCOMP_RET_ERRNO | errno.cast_unsigned(),
        Answer::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value)
}

fn skip_if_equal(value: u32, skipped: usize) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, skipped, 0, value)
}

fn unless_equal(value: u32, skipped: usize) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skipped, value)
}

#[cfg(target_arch = "x86_64")]
fn unless_at_least(value: u32, skipped: usize) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, skipped, value)
}

fn unless_any_bit(bits: u32, skipped: usize) -> sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, skipped, bits)
}

fn instruction(code: u32, if_true: usize, if_false: usize, value: u32) -> sock_filter {
    let short = |skipped| u8::try_from(skipped).expect("the code for one call is short");
    sock_filter {
        code: u16::try_from(code).expect("operation codes have 16 bits"),
        jt: short(if_true),
        jf: short(if_false),
        k: value,
    }
}
