//! The first process of every sandbox: a program of some hundred bytes that starts
//! the real one, reaps every orphan, and reports how the real one ended. Unaware
//! of the sandbox around it.
//!
//! It is machine code of its own and no part of this process's image, for two
//! reasons: the sandbox's first process must not hold a copy of our memory, and
//! replacing the image is what releases the memory the child borrowed from us.
//!
//! Its arguments and environment are those of the program to start, whose path is
//! the first argument. It writes to descriptor [`REPORT_FD`] either
//! `[0: u32][errno: u32]`, or `[1: u32][wait status: u32][struct rusage]` of all
//! its children. When it exits, the kernel ends whatever is left in the sandbox.
#![expect(unsafe_code, reason = "the bounds of the machine code are linker symbols")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

/// The descriptor on which the init reports.
pub(crate) const REPORT_FD: i32 = 3;

/// The longest report, in bytes.
pub(crate) const REPORT_LEN: usize = 8 + 144;

/// What the init had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The program could not be executed.
    NotStarted(Errno),
    /// The program ended.
    Ended {
        /// As `wait` gives it.
        wait_status: i32,
        /// Processor time spent in user mode by the program and all it reaped.
        user: Duration,
        /// The same in the kernel.
        system: Duration,
        /// Largest resident set of one process, in bytes.
        max_rss: u64,
    },
}

impl Report {
    /// Reads a report; `None` if it is cut short, as after a kill.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes);
        let long = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
        let time = |at: usize| Some(Duration::from_secs(long(at)?) + Duration::from_micros(long(at + 8)?));
        match word(0)? {
            0 => Some(Self::NotStarted(Errno::from_raw_os_error(word(4)?))),
            _ => Some(Self::Ended {
                wait_status: word(4)?,
                user: time(8)?,
                system: time(24)?,
                max_rss: long(40)?.saturating_mul(1024),
            }),
        }
    }
}

/// The program, as a sealed file in memory, made on first use.
///
/// # Errors
/// When the kernel forbids programs in memory (`vm.memfd_noexec` is 2).
pub(crate) fn program() -> io::Result<BorrowedFd<'static>> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(file) = PROGRAM.get() {
        return Ok(file.as_fd());
    }
    let file = make_program()?;
    Ok(PROGRAM.get_or_init(|| file).as_fd())
}

fn make_program() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match memfd_create(c"wiz-init", flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 do not know the flag and need none.
        Err(Errno::INVAL) => memfd_create(c"wiz-init", flags)?,
        made => made?,
    };
    let image = executable(machine_code());
    let mut rest = &image[..];
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file)
}

/// A static executable with one segment: these headers and `code`, which starts at
/// its first byte. See elf(5).
fn executable(code: &[u8]) -> Vec<u8> {
    const HEADERS: u16 = 64 + 56;
    const BASE: u64 = 0x40_0000;
    let length = u64::from(HEADERS) + code.len() as u64;
    let mut image = Vec::with_capacity(usize::from(HEADERS) + code.len());
    // 64 bits, little-endian, version 1.
    image.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [2, MACHINE] {
        image.extend(u16::to_le_bytes(half));
    }
    image.extend(1u32.to_le_bytes());
    // Entry point, program headers, no section headers.
    for long in [BASE + u64::from(HEADERS), 64, 0] {
        image.extend(u64::to_le_bytes(long));
    }
    image.extend(0u32.to_le_bytes());
    for half in [64, 56, 1, 0, 0, 0] {
        image.extend(u16::to_le_bytes(half));
    }
    // One PT_LOAD, readable and executable: offset, addresses, sizes, alignment.
    for word in [1u32, 5] {
        image.extend(word.to_le_bytes());
    }
    for long in [0, BASE, BASE, length, length, 0x1_0000] {
        image.extend(u64::to_le_bytes(long));
    }
    image.extend(code);
    image
}

unsafe extern "C" {
    static wiz_sandbox_init_start: u8;
    static wiz_sandbox_init_end: u8;
}

fn machine_code() -> &'static [u8] {
    let start = &raw const wiz_sandbox_init_start;
    let end = &raw const wiz_sandbox_init_end;
    // SAFETY: both symbols bound the one block of code below, which is never written.
    unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) }
}

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .text.wiz_sandbox_init, \"ax\", @progbits",
    ".globl wiz_sandbox_init_start, wiz_sandbox_init_end",
    ".hidden wiz_sandbox_init_start, wiz_sandbox_init_end",
    "wiz_sandbox_init_start:",
    "mov rbx, rsp", // argc, argv, 0, envp, 0
    "sub rsp, 256",
    "and rsp, -16", // the report: kind, value, rusage
    // prctl(PR_SET_DUMPABLE, 0): nobody in the sandbox may look into or trace it.
    "mov edi, 4",
    "xor esi, esi",
    "mov eax, 157",
    "syscall",
    // fcntl(report, F_SETFD, FD_CLOEXEC): the program must not have it.
    "mov edi, {report}",
    "mov esi, 2",
    "mov edx, 1",
    "mov eax, 72",
    "syscall",
    "mov eax, 57", // fork
    "syscall",
    "test eax, eax",
    "jz 20f",
    "js 30f",
    "mov r12d, eax",
    "10:", // wait4(-1, &status, __WALL, NULL) until it is the program that ended
    "mov rdi, -1",
    "lea rsi, [rsp + 4]",
    "mov edx, 0x40000000",
    "xor r10d, r10d",
    "mov eax, 61",
    "syscall",
    "cmp eax, r12d",
    "je 40f",
    "cmp eax, -10", // ECHILD
    "je 50f",
    "jmp 10b",
    "20:", // execve(argv[0], argv, envp)
    "mov rax, [rbx]",
    "lea rsi, [rbx + 8]",
    "mov rdi, [rsi]",
    "lea rdx, [rsi + rax * 8 + 8]",
    "mov eax, 59",
    "syscall",
    "30:", // the errno of a failed fork or execve
    "neg eax",
    "mov [rsp + 4], eax",
    "mov dword ptr [rsp], 0",
    "mov edx, 8",
    "jmp 60f",
    "40:", // getrusage(RUSAGE_CHILDREN, &rusage)
    "mov dword ptr [rsp], 1",
    "mov rdi, -1",
    "lea rsi, [rsp + 8]",
    "mov eax, 98",
    "syscall",
    "mov edx, 152",
    "60:", // write(report, &report, length)
    "mov edi, {report}",
    "mov rsi, rsp",
    "mov eax, 1",
    "syscall",
    "50:", // exit_group(127): the report counts, not this
    "mov edi, 127",
    "mov eax, 231",
    "syscall",
    "ud2",
    "wiz_sandbox_init_end:",
    ".popsection",
    report = const REPORT_FD,
);

#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .text.wiz_sandbox_init, \"ax\", %progbits",
    ".balign 4",
    ".globl wiz_sandbox_init_start",
    ".globl wiz_sandbox_init_end",
    ".hidden wiz_sandbox_init_start",
    ".hidden wiz_sandbox_init_end",
    "wiz_sandbox_init_start:",
    "mov x19, sp", // argc, argv, 0, envp, 0
    "sub sp, sp, #256",
    // prctl(PR_SET_DUMPABLE, 0): nobody in the sandbox may look into or trace it.
    "mov x0, #4",
    "mov x1, #0",
    "mov x8, #167",
    "svc #0",
    // fcntl(report, F_SETFD, FD_CLOEXEC): the program must not have it.
    "mov x0, #{report}",
    "mov x1, #2",
    "mov x2, #1",
    "mov x8, #25",
    "svc #0",
    // clone(SIGCHLD, 0, 0, 0, 0)
    "mov x0, #17",
    "mov x1, #0",
    "mov x2, #0",
    "mov x3, #0",
    "mov x4, #0",
    "mov x8, #220",
    "svc #0",
    "cmp x0, #0",
    "b.eq 20f",
    "b.lt 30f",
    "mov x20, x0",
    "10:", // wait4(-1, &status, __WALL, NULL) until it is the program that ended
    "mov x0, #-1",
    "add x1, sp, #4",
    "mov x2, #0x40000000",
    "mov x3, #0",
    "mov x8, #260",
    "svc #0",
    "cmp x0, x20",
    "b.eq 40f",
    "cmn x0, #10", // ECHILD
    "b.eq 50f",
    "b 10b",
    "20:", // execve(argv[0], argv, envp)
    "ldr x9, [x19]",
    "add x1, x19, #8",
    "ldr x0, [x1]",
    "add x2, x1, x9, lsl #3",
    "add x2, x2, #8",
    "mov x8, #221",
    "svc #0",
    "30:", // the errno of a failed clone or execve
    "neg w0, w0",
    "str wzr, [sp]",
    "str w0, [sp, #4]",
    "mov x2, #8",
    "b 60f",
    "40:", // getrusage(RUSAGE_CHILDREN, &rusage)
    "mov w9, #1",
    "str w9, [sp]",
    "mov x0, #-1",
    "add x1, sp, #8",
    "mov x8, #165",
    "svc #0",
    "mov x2, #152",
    "60:", // write(report, &report, length)
    "mov x0, #{report}",
    "mov x1, sp",
    "mov x8, #64",
    "svc #0",
    "50:", // exit_group(127): the report counts, not this
    "mov x0, #127",
    "mov x8, #94",
    "svc #0",
    "brk #1",
    "wiz_sandbox_init_end:",
    ".popsection",
    report = const REPORT_FD,
);

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the sandbox's init is written for x86_64 and aarch64 only");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_cut_short_are_none() {
        let mut ended = vec![0; REPORT_LEN];
        ended[0] = 1;
        assert!(Report::decode(&ended).is_some());
        for length in 0..48 {
            assert_eq!(Report::decode(&ended[..length]), None, "{length}");
        }
        assert_eq!(Report::decode(&[0, 0, 0, 0, 2, 0, 0, 0]), Some(Report::NotStarted(Errno::NOENT)));
    }

    #[test]
    fn the_code_is_small() {
        assert!((100..400).contains(&machine_code().len()), "{}", machine_code().len());
    }
}
