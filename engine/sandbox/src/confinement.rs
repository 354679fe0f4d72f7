//! Which means bound a run: a control group where one can be made, else a resource
//! limit, else a look at the sandbox several times a second. Unaware of time, which
//! the caller keeps itself.

use std::os::fd::{AsRawFd, RawFd};

use crate::cgroup::{Controller, Group};
use crate::spec::Limits;
use crate::watch::Bounds;

/// The means chosen for one run.
#[derive(Debug, Default)]
pub(crate) struct Confinement {
    memory: Option<Group>,
    processes: Option<Group>,
    /// The bound for `RLIMIT_NPROC`, the init included. In a user namespace it counts
    /// the processes of that namespace only.
    pub(crate) process_limit: Option<u64>,
    /// What has to be looked at from outside.
    pub(crate) watched: Bounds,
}

impl Confinement {
    /// Chooses the means for `limits`.
    pub(crate) fn new(limits: &Limits) -> Self {
        let mut chosen = Self::default();
        if let Some(bytes) = limits.memory_bytes {
            chosen.memory = Group::new(Controller::Memory, bytes);
            chosen.watched.memory_bytes = chosen.memory.is_none().then_some(bytes);
        }
        if let Some(count) = limits.processes {
            chosen.bound_processes(u64::from(count) + 1);
        }
        chosen
    }

    fn bound_processes(&mut self, count: u64) {
        // The kernel never holds root to RLIMIT_NPROC, whatever the namespace.
        if !rustix::process::getuid().is_root() {
            self.process_limit = Some(count);
            return;
        }
        self.processes = Group::new(Controller::Processes, count);
        if self.processes.is_none() {
            self.watched.processes = Some(count);
        }
    }

    /// The files by which the child joins its groups.
    pub(crate) fn entrances(&self) -> Vec<RawFd> {
        let groups = self.memory.iter().chain(&self.processes);
        groups.map(|group| group.entrance().as_raw_fd()).collect()
    }

    /// Whether the kernel ended something for its use of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.memory.as_ref().is_some_and(Group::ran_out_of_memory)
    }
}
