//! What can go wrong between a client and a registry.

use wiz_oci::digest::Sha256Digest;

use crate::credentials::CredentialsError;
use crate::layout::LayoutError;

/// An image that cannot be pushed or pulled.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answers, or not to the end.
    #[error("`{host}` does not answer: {problem}")]
    Transport {
        /// The registry.
        host: String,
        /// What the transport says.
        problem: String,
    },
    /// The registry refuses.
    #[error("`{host}` answers {doing} with status {status}{said}")]
    Status {
        /// The registry.
        host: String,
        /// What was asked.
        doing: &'static str,
        /// Its answer.
        status: u16,
        /// What it says of the reason, with what parts it from the rest.
        said: String,
    },
    /// Who asks is not known, or may not.
    #[error("`{host}` does not let this user {doing}")]
    Denied {
        /// The registry.
        host: String,
        /// What was asked.
        doing: &'static str,
    },
    /// There is no such image.
    #[error("`{host}` has no such image")]
    Missing {
        /// The registry.
        host: String,
    },
    /// An answer that is not as the protocol says.
    #[error("`{host}` answers otherwise than the protocol says: {problem}")]
    Protocol {
        /// The registry.
        host: String,
        /// What is wrong.
        problem: String,
    },
    /// Bytes that are not those asked for, or a digest that is not that of what was sent.
    #[error("`{host}` has other bytes than those of `{digest}`")]
    Corrupt {
        /// The registry.
        host: String,
        /// What they should be.
        digest: Sha256Digest,
    },
    /// Credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The local layout is none.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An image for other machines.
    #[error("the image is for {0}, not for this platform")]
    Platform(String),
}

impl RegistryError {
    /// Whether the same may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}
