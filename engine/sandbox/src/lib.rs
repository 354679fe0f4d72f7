//! Runs one program in a root of its own, cut off from the machine: user, mount,
//! pid, network, ipc, uts and cgroup namespaces, one overlay as `/`, and a system
//! call filter. Knows nothing of what is being built, of stores or of keys, and
//! never falls back to a weaker isolation: what the kernel refuses is an error.
//!
//! What a program finds, whoever runs it:
//!
//! - `/` from the layers, writable; `/build/src`, `/build/in` and `/build/out`;
//! - `/tmp`, private and on the disk of the scratch folder, so that large temporary
//!   files cost no memory; `/dev/shm` is memory, at most 64 MiB;
//! - six device nodes, pseudo terminals, its own processes in a read-only `/proc`
//!   (root's kernel settings would else be writable), no `/sys`;
//! - uid and gid 1000 without other groups or capabilities, host name `wiz`, umask
//!   022, fixed addresses, 1024 open files (up to 65536), 8 MiB of stack, no core
//!   files, default signals, nothing inherited;
//! - a network with nothing in it but loopback.
//!
//! Two things of the host shine through: the kernel's release and the device nodes'
//! owner, who is 1000 if root runs the sandbox and nobody otherwise.
//!
//! A run is made in four stages, each in a file of its own: [`Spec`] is checked
//! and turned into C strings (`plan`), a child is started that borrows this
//! process's memory while the caller is suspended, as `vfork` does (`launch`),
//! the child builds the sandbox around itself (`set_up`) and becomes a tiny init
//! (`init`), and the caller watches over it until nothing of it is left (`run`).

mod cancel;
mod cgroup;
mod confinement;
mod descriptors;
mod error;
mod filter;
mod init;
mod kernel;
mod launch;
mod mounts;
mod plan;
mod probe;
mod remove;
mod remover;
mod run;
mod set_up;
mod spec;
mod step;
mod sys;
mod watch;

pub use cancel::CancelToken;
pub use error::{InvalidSpec, Refusal, SandboxError};
pub use probe::{Check, Finding, probe};
pub use remove::{RemoveError, remove_tree};
pub use remover::Remover;
pub use run::{Ending, Finished, interactive, run};
pub use spec::{BUILD_USER, Bind, Limits, Spec};
pub use step::Step;

/// The isolation class: what an action can see and do. It is part of every
/// action's key, so it changes whenever the sandbox does so observably.
pub const CLASS: &str = "linux-namespaces-v1";
