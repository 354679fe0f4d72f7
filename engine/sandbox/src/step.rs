//! The steps by which a sandbox is built, as they are told to a user. Unaware of
//! how each is done.

use std::fmt;

use rustix::io::Errno;

/// One thing asked of the kernel, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// A user namespace.
    UserNamespace,
    /// A mount namespace.
    MountNamespace,
    /// A process id namespace.
    PidNamespace,
    /// A network namespace.
    NetworkNamespace,
    /// A namespace for System V and POSIX inter-process communication.
    IpcNamespace,
    /// A host name namespace.
    HostNameNamespace,
    /// All namespaces at once.
    Namespaces,
    /// Death together with the process that started it.
    ParentWatch,
    /// User and group 1000 standing for the caller.
    IdMap,
    /// Its own control group.
    ControlGroup,
    /// The descriptors it starts with.
    Descriptors,
    /// A view of control groups that starts at its own.
    ControlGroupNamespace,
    /// The loopback network interface.
    Loopback,
    /// The host name.
    HostName,
    /// The folders the run's files go to.
    Scratch,
    /// The memory file system for `/dev` and mount points.
    Frame,
    /// Folders to mount on.
    MountPoints,
    /// The overlay that is `/`.
    Root,
    /// The overlay at `/build/src`.
    Source,
    /// The folder `/build/out`.
    Out,
    /// A read-only input.
    Bind,
    /// The folder `/dev`.
    Dev,
    /// A device node.
    DeviceNode,
    /// Pseudo terminals.
    Terminals,
    /// A fresh `/proc`.
    Proc,
    /// The change of root.
    PivotRoot,
    /// The working directory.
    WorkingDirectory,
    /// The terminal's foreground.
    Terminal,
    /// A session of its own.
    Session,
    /// Fixed addresses.
    Personality,
    /// Resource limits.
    ResourceLimits,
    /// The ban on new privileges.
    NoNewPrivileges,
    /// The system call filter.
    Filter,
    /// The first process.
    Init,
}

impl Step {
    /// What was asked for, to follow "cannot".
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::UserNamespace => "create a user namespace",
            Self::MountNamespace => "create a mount namespace",
            Self::PidNamespace => "create a pid namespace",
            Self::NetworkNamespace => "create a network namespace",
            Self::IpcNamespace => "create an ipc namespace",
            Self::HostNameNamespace => "create a uts namespace",
            Self::Namespaces => "create all namespaces at once",
            Self::ParentWatch => "tie the sandbox's life to this process",
            Self::IdMap => "map uid and gid 1000 to the caller",
            Self::ControlGroup => "enter a control group",
            Self::Descriptors => "arrange descriptors",
            Self::ControlGroupNamespace => "create a cgroup namespace",
            Self::Loopback => "bring the loopback interface up",
            Self::HostName => "set the host name",
            Self::Scratch => "prepare the scratch folder",
            Self::Frame => "mount a tmpfs",
            Self::MountPoints => "make a mount point",
            Self::Root => "mount the root overlay",
            Self::Source => "mount the source overlay",
            Self::Out => "bind `/build/out`",
            Self::Bind => "bind a read-only input",
            Self::Dev => "bind `/dev`",
            Self::DeviceNode => "bind a device node",
            Self::Terminals => "mount devpts",
            Self::Proc => "mount a fresh `/proc`",
            Self::PivotRoot => "change the root",
            Self::WorkingDirectory => "enter the working directory",
            Self::Terminal => "hand over the terminal",
            Self::Session => "start a session",
            Self::Personality => "switch address randomization off",
            Self::ResourceLimits => "set resource limits",
            Self::NoNewPrivileges => "renounce new privileges",
            Self::Filter => "install the system call filter",
            Self::Init => "start the sandbox's init",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action())
    }
}

/// A step that failed, as the child leaves it in memory: no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Which step.
    pub(crate) step: Step,
    /// Which of several like objects, such as the bind's number.
    pub(crate) index: usize,
    /// What the kernel said.
    pub(crate) errno: Errno,
}

/// Says in which step a system call failed.
pub(crate) trait InStep<T> {
    /// The failure of the step's only object.
    fn in_step(self, step: Step) -> Result<T, Failure>;
    /// The failure of the object with this number.
    fn in_step_at(self, step: Step, index: usize) -> Result<T, Failure>;
}

impl<T> InStep<T> for Result<T, Errno> {
    fn in_step(self, step: Step) -> Result<T, Failure> {
        self.in_step_at(step, 0)
    }

    fn in_step_at(self, step: Step, index: usize) -> Result<T, Failure> {
        self.map_err(|errno| Failure { step, index, errno })
    }
}
