//! Runs one program in a root of its own, cut off from the machine: user, mount,
//! pid, network, ipc, uts and cgroup namespaces, one overlay as `/`, and a system
//! call filter. Knows nothing of what is being built, of stores or of keys, and
//! never falls back to a weaker isolation: what the kernel refuses is an error.
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
pub use spec::{Bind, Limits, Spec};
pub use step::Step;

/// The isolation class: what an action can see and do. It is part of every
/// action's key, so it changes whenever the sandbox does so observably.
pub const CLASS: &str = "linux-namespaces-v1";
