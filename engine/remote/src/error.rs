//! What can go wrong between a client and a server.

use std::path::PathBuf;

use wiz_base::Digest;
use wiz_cas::StoreError;

/// A remote cache that cannot be used, or an answer that cannot.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// An address that is none.
    #[error(
        "`{address}` is not the address of a remote cache: {problem}\nhint: addresses look like `grpcs://cache.example:8980` or `grpc://127.0.0.1:8980/instance`"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The runtime for network tasks cannot be made.
    #[error("no threads for the network: {0}")]
    Runtime(#[source] std::io::Error),
    /// Credentials would be readable on their way.
    #[error("credentials are not sent unencrypted to another machine\nhint: use `grpcs://`")]
    Exposed,
    /// A token or a helper's answer that no header can hold.
    #[error("the token, or a header of the credential helper, has characters that no header has")]
    NotHeader,
    /// A credential helper that does not help.
    #[error("the credential helper `{}` fails: {problem}", program.display())]
    Helper {
        /// The helper.
        program: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A certificate or key that is none.
    #[error("the server's certificate, key or authorities cannot be used: {0}")]
    Certificate(String),
    /// Nobody can be listened to.
    #[error("{0}")]
    Listen(#[source] std::io::Error),
    /// Nobody answers.
    #[error("{}", with_causes(.0))]
    Transport(#[from] tonic::transport::Error),
    /// The server refuses.
    #[error("{}", said(.0))]
    Status(Box<tonic::Status>),
    /// The server does not digest as this workspace does.
    #[error(
        "the server does not know {function} digests\nhint: `workspace(digest_function = \"sha256\")` is what every server knows"
    )]
    Function {
        /// The workspace's function.
        function: &'static str,
    },
    /// Bytes that are not those asked for.
    #[error("the server sent other bytes than those of `{digest}`")]
    Corrupt {
        /// What was asked for.
        digest: Digest,
    },
    /// A result without all that belongs to it.
    #[error("the server has lost `{digest}` of a result")]
    Gone {
        /// What is not there.
        digest: Digest,
    },
    /// A result that no trusted key has signed.
    #[error("it has results that no trusted key has signed; they are not used")]
    Untrusted,
    /// A message that makes no sense.
    #[error("the server's answer makes no sense: {0}")]
    Malformed(&'static str),
    /// The local store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<tonic::Status> for RemoteError {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl RemoteError {
    /// Whether it is the server's word for "there is none".
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status(status) if status.code() == tonic::Code::NotFound)
    }

    /// Whether the server does not let this client do that.
    pub(crate) fn is_denied(&self) -> bool {
        use tonic::Code::{PermissionDenied, Unauthenticated, Unimplemented};
        let denied = [PermissionDenied, Unauthenticated, Unimplemented];
        matches!(self, Self::Status(status) if denied.contains(&status.code()))
    }

    /// Whether the same may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        use tonic::Code::{Aborted, DeadlineExceeded, ResourceExhausted, Unavailable};
        match self {
            Self::Status(status) => {
                [Aborted, DeadlineExceeded, ResourceExhausted, Unavailable].contains(&status.code())
            }
            Self::Transport(_) => true,
            _ => false,
        }
    }
}

/// What a status says, with what caused it where the text alone says little.
fn said(status: &tonic::Status) -> String {
    let text = format!("{:?}: {}", status.code(), status.message());
    add_causes(text, std::error::Error::source(status))
}

/// What the transport says, with what caused it.
pub(crate) fn with_causes(error: &tonic::transport::Error) -> String {
    add_causes(error.to_string(), std::error::Error::source(error))
}

fn add_causes(mut text: String, mut cause: Option<&(dyn std::error::Error + 'static)>) -> String {
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
