//! Why nothing was run. How a program ended that did run is no error here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::KernelFacts;
use crate::plan::MOST_LAYERS;
use crate::step::{Failure, Step};

/// The program was not run, or its end could not be learnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Part of the sandbox could not be made. There is no weaker one.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The sandbox stood, but the program could not be started in it.
    #[error(
        "cannot start `{program}` in the sandbox: {source}\nhint: the path is looked up in the root: it, and the interpreter or loader it names, have to be in one of the root's trees"
    )]
    Program {
        /// The first argument.
        program: String,
        /// `NotFound` is also said of a script or program whose interpreter is missing.
        source: io::Error,
    },
    /// The specification contradicts itself.
    #[error("cannot make a sandbox: {0}")]
    Invalid(InvalidSpec),
    /// A file or folder to be shown cannot be found.
    #[error("cannot show `{path}` in the sandbox: {source}")]
    Input {
        /// The path on the host.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Something on the host's side failed.
    #[error("cannot {what}: {source}")]
    Host {
        /// To follow "cannot".
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What is wrong with a specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// A path or argument that the kernel cannot be given.
    #[error("`{0}` contains a NUL byte")]
    Nul(String),
    /// Without a path, what runs would depend on a search.
    #[error("the program `{0}` is not an absolute path")]
    Program(String),
    /// A host path that would depend on the working directory.
    #[error("`{0}` is not an absolute path")]
    Relative(PathBuf),
    /// Two binds at one place, or one below the other.
    #[error("the inputs `{0}` and `{1}` overlap")]
    Overlap(String, String),
    /// More than the kernel stacks.
    #[error("the root has {0} layers, more than the {MOST_LAYERS} that can be mounted")]
    Layers(usize),
    /// More than can be handed over.
    #[error("more than {0} descriptors are to be inherited")]
    Inherited(usize),
}

/// A step of building the sandbox that the kernel refused.
#[derive(Debug)]
pub struct Refusal {
    /// What was asked.
    pub step: Step,
    /// On what, where there are several.
    pub object: Option<PathBuf>,
    /// What the kernel said.
    pub source: io::Error,
    /// Why, as far as the machine's settings tell.
    pub reason: Option<&'static str>,
    /// What to do.
    pub hint: &'static str,
}

impl Refusal {
    /// Explains `failure` by what is known of the kernel.
    pub(crate) fn new(failure: Failure, object: Option<&Path>, facts: &KernelFacts) -> Self {
        let (reason, hint) = facts.explain(failure.step, failure.errno);
        Self {
            step: failure.step,
            object: object.map(Path::to_path_buf),
            source: failure.errno.into(),
            reason,
            hint,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.step)?;
        if let Some(object) = &self.object {
            write!(f, " `{}`", object.display())?;
        }
        write!(f, ": {}", self.source)?;
        if let Some(reason) = self.reason {
            write!(f, "; {reason}")?;
        }
        write!(f, "\nhint: {}", self.hint)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Names what the host failed at.
pub(crate) trait OnHost<T> {
    /// `what` follows "cannot".
    fn on_host(self, what: &'static str) -> Result<T, SandboxError>;
}

impl<T, E: Into<io::Error>> OnHost<T> for Result<T, E> {
    fn on_host(self, what: &'static str) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::Host { what, source: source.into() })
    }
}
