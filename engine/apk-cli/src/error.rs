//! What ends a run of apk, and with which status.

use std::error::Error;
use std::fmt::Write as _;

/// Status where apk itself could not go on.
const BROKEN: u8 = 99;

/// The end of a run that went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What has to be said has been said; this much went wrong.
    Counted(usize),
    /// Something that has to be said.
    Stopped(StopError),
}

impl Failure {
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Counted(count) => u8::try_from(*count).unwrap_or(BROKEN).min(BROKEN),
            Self::Stopped(_) => BROKEN,
        }
    }
}

impl<E: Into<StopError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Stopped(error.into())
    }
}

/// Why apk cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    #[error("{0}")]
    Message(String),
    #[error(transparent)]
    Root(#[from] wiz_install::root::RootError),
    #[error(transparent)]
    State(#[from] wiz_install::state::StateError),
    #[error(transparent)]
    Repository(#[from] crate::repository::RepositoryError),
    #[error(transparent)]
    Transport(#[from] crate::transport::TransportError),
}

impl StopError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }
}

/// An error and what it comes from, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
