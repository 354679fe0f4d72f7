//! What is to be run and in what root, as the caller states it. Unaware of how
//! the kernel is asked for it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wiz_base::RelPath;

/// Everything about one run. Paths of the host are absolute.
#[derive(Debug)]
pub struct Spec {
    /// The folder that holds all expanded trees.
    pub layers_dir: PathBuf,
    /// The trees that make up `/`, relative to `layers_dir`, the one that wins first.
    /// They stay as they are; what the program changes goes to `scratch`. Up to 499;
    /// where the kernel has no `lowerdir+` (before 6.8), as many as fit in one page
    /// by name. None gives an empty root.
    pub layers: Vec<RelPath>,
    /// A folder of the caller's, empty before the first run, on a disk whose file
    /// system can carry an overlay's upper layer. Afterwards `scratch/out` is what
    /// the program left in `/build/out`, and [`crate::remove_tree`] removes it all.
    /// Given again with the same layers, the root is as the program left it.
    pub scratch: PathBuf,
    /// A tree shown writable at `/build/src` without being changed itself; without
    /// one, that folder starts empty.
    pub source: Option<PathBuf>,
    /// Files and folders shown read-only below `/build/in`.
    pub binds: Vec<Bind>,
    /// The program and its arguments. The first is the absolute path in the sandbox.
    pub argv: Vec<OsString>,
    /// The environment, whole: nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Where the program starts, relative to the sandbox's `/`; `build` by custom.
    pub working_directory: RelPath,
    /// Number of the user and of its group inside.
    pub user: (u32, u32),
    /// What ends the program early. No part of what it can observe otherwise.
    pub limits: Limits,
    /// Descriptors the program finds open as 4, 5, … besides 0, 1 and 2, such as a
    /// jobserver's pipe. At most eight.
    pub inherited: Vec<Arc<OwnedFd>>,
}

/// User and group of whoever does not ask for others.
pub const BUILD_USER: (u32, u32) = (1000, 1000);

/// A file or folder of the host's, shown read-only at `/build/in/<at>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The file or folder on the host; links are followed.
    pub source: PathBuf,
    /// Where it appears, relative to `/build/in`. No bind may lie below another.
    pub at: RelPath,
}

/// Bounds that can only fail a run, never change its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub wall: Option<Duration>,
    /// Memory of all its processes together, in bytes. Exact where a cgroup can be
    /// made, else sampled several times a second.
    pub memory_bytes: Option<u64>,
    /// Processes and threads that may exist at once. Beyond it, `fork` fails, or
    /// where the kernel offers no such bound to the caller, the run is ended.
    pub processes: Option<u32>,
}
