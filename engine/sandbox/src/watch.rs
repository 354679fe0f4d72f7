//! What a sandbox uses, seen from outside: memory and number of processes, read
//! from the sandbox's own `/proc`, which lists its processes and no others.
//! Unaware of what follows from it.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::io::Errno;

/// How often a watched sandbox is looked at.
pub(crate) const INTERVAL: Duration = Duration::from_millis(25);

/// Bounds on use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes of memory.
    pub(crate) memory_bytes: Option<u64>,
    /// Processes and threads, the init included.
    pub(crate) processes: Option<u64>,
}

impl Bounds {
    /// Whether nothing is to be watched.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A bound that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Too much memory.
    Memory,
    /// Too many processes.
    Processes,
}

/// Looks at one sandbox.
#[derive(Debug)]
pub(crate) struct Watch {
    processes: OwnedFd,
    bounds: Bounds,
}

impl Watch {
    /// Watches the sandbox whose init is `pid`. That process must not have been
    /// waited for, so that its number is still its own; `None` if it has ended.
    pub(crate) fn new(pid: libc::pid_t, bounds: Bounds) -> Result<Option<Self>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = format!("/proc/{pid}/root/proc");
        match openat(rustix::fs::CWD, path, flags, Mode::empty()) {
            Ok(processes) => Ok(Some(Self { processes, bounds })),
            Err(Errno::NOENT | Errno::SRCH) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// The first bound that is passed now. Processes that vanish while being looked
    /// at count as gone.
    pub(crate) fn excess(&self) -> Option<Excess> {
        let processes: Vec<String> = self.list().unwrap_or_default();
        if let Some(most) = self.bounds.processes
            && processes.iter().map(|process| self.threads(process)).sum::<u64>() > most
        {
            return Some(Excess::Processes);
        }
        let most = self.bounds.memory_bytes?;
        let sum = |of: fn(&Self, &str) -> Option<u64>| -> u64 {
            processes.iter().filter_map(|process| of(self, process)).sum()
        };
        // The exact figure shares out pages after a fork, but takes a walk through
        // every page table: only a sum that counts such pages twice calls for it.
        (sum(Self::resident_bytes) > most && sum(Self::proportional_bytes) > most).then_some(Excess::Memory)
    }

    fn list(&self) -> Result<Vec<String>, Errno> {
        let names = Dir::read_from(self.processes.as_fd())?.flatten();
        let names = names.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        Ok(names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect())
    }

    fn threads(&self, process: &str) -> u64 {
        let status = self.read(process, "status").unwrap_or_default();
        field(&status, "Threads:").unwrap_or(1)
    }

    fn resident_bytes(&self, process: &str) -> Option<u64> {
        let pages = self.read(process, "statm")?.split(' ').nth(1)?.parse::<u64>().ok()?;
        Some(pages.saturating_mul(rustix::param::page_size() as u64))
    }

    fn proportional_bytes(&self, process: &str) -> Option<u64> {
        let exact = self.read(process, "smaps_rollup").and_then(|text| field(&text, "Pss:"));
        exact.map(|kib| kib.saturating_mul(1024)).or_else(|| self.resident_bytes(process))
    }

    fn read(&self, process: &str, file: &str) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(&self.processes, format!("{process}/{file}"), flags, Mode::empty()).ok()?;
        let mut bytes = vec![0; 4096];
        let length = rustix::io::read(&file, &mut bytes[..]).ok()?;
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }
}

/// The number after `name` in a file of one field a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}
