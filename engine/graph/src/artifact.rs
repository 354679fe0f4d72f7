//! Files and trees that actions read: named, not located.

use std::fmt;

use wiz_base::RelPath;

use crate::target::ConfiguredTarget;

/// Something an action may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artifact {
    /// A file or folder of the workspace.
    Source {
        /// Its path in the workspace.
        path: RelPath,
    },
    /// A declared output, or something inside a declared tree.
    Output {
        /// The target that declares it.
        target: ConfiguredTarget,
        /// The declared path, unique within the target.
        path: RelPath,
        /// What inside of it is meant; the root path for all of it.
        inner: RelPath,
    },
}

impl Artifact {
    /// Its last path segment, which names it where an action sees it.
    #[must_use]
    pub fn basename(&self) -> &str {
        match self {
            Self::Output { inner, .. } if !inner.is_root() => inner.file_name(),
            Self::Source { path } | Self::Output { path, .. } => path.file_name(),
        }
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { path } => path.fmt(f),
            Self::Output { target, path, inner } => {
                write!(f, "{target}/{}", path.join(inner))
            }
        }
    }
}
