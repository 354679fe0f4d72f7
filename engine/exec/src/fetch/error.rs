//! Why a source could not be had: what was tried, and what came of each. Unaware of
//! how it was tried.

use std::fmt::Write as _;
use std::io;

use wiz_cas::StoreError;
use wiz_scheduler::{FailureKind, Setback};

use crate::failure::{failure, store_setback};

/// A source that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The build was stopped.
    #[error("stopped")]
    Cancelled,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It would have to be asked for.
    #[error("{}", offline_text(.sha256, .wanted, .failed))]
    Offline {
        /// The SHA-256 asked for.
        sha256: String,
        /// What would be tried.
        wanted: Vec<String>,
        /// What was tried on this machine.
        failed: Vec<Attempt>,
    },
    /// All places failed.
    #[error("{}", failed_text(.sha256, .failed))]
    Failed {
        /// The SHA-256 asked for.
        sha256: String,
        /// What was tried.
        failed: Vec<Attempt>,
    },
    /// An index would have to be asked for.
    #[error("`--offline` forbids to ask for `{url}`, and what it says today is in no cache")]
    IndexOffline {
        /// Its URL.
        url: String,
    },
    /// No place has the index.
    #[error("{}", index_text(.url, .failed))]
    Index {
        /// Its URL.
        url: String,
        /// What was tried.
        failed: Vec<Attempt>,
    },
}

/// A place that was tried.
#[derive(Debug)]
pub struct Attempt {
    /// As the definition or the configuration names it.
    pub url: String,
    /// What came of it.
    pub problem: Problem,
}

/// What was wrong with one place.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Another file.
    #[error("its SHA-256 is `{found}`, not `{expected}`")]
    Mismatch {
        /// The file's.
        found: String,
        /// The definition's.
        expected: String,
    },
    /// A file of another size.
    #[error("it has {found} bytes, not {expected}")]
    Size {
        /// The file's.
        found: u64,
        /// The definition's.
        expected: u64,
    },
    /// An index of another kind than expected.
    #[error("{0}")]
    Refused(String),
    /// More bytes than an index may have.
    #[error("it has more than {0} bytes")]
    TooLong(u64),
    /// No answer in time.
    #[error("the host does not answer")]
    Late,
    /// The transfer stopped.
    #[error("the transfer stalled")]
    Stalled,
    /// The server said no.
    #[error("the server answers with status {0}")]
    Status(u16),
    /// No connection can be made.
    #[error("the host cannot be reached: {0}")]
    Unreachable(String),
    /// Below HTTP.
    #[error("{0}")]
    Transport(String),
    /// A file on this machine.
    #[error("{0}")]
    File(io::Error),
    /// The unfinished download.
    #[error("cannot write the unfinished download: {0}")]
    Partial(io::Error),
    /// No base URL for the scheme.
    #[error("no mirror is configured for `{scheme}:`")]
    NoMirror {
        /// The scheme.
        scheme: &'static str,
    },
    /// Not a URL that can be fetched.
    #[error(
        "`{0}` is not a URL that can be fetched: it starts with none of https: http: file: debian: crate: pypi: npm:"
    )]
    Scheme(String),
    /// A path that leads out of where it may lead.
    #[error("`{0}` is not a relative path")]
    Path(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The build was stopped.
    #[error("stopped")]
    Cancelled,
}

impl From<FetchError> for Setback {
    fn from(error: FetchError) -> Self {
        let (kind, code) = match error {
            FetchError::Cancelled => return Self::Cancelled,
            FetchError::Store(error) => return store_setback(&error),
            FetchError::Offline { .. } | FetchError::IndexOffline { .. } => {
                (FailureKind::Surroundings, "WIZ1042")
            }
            FetchError::Failed { ref failed, .. } | FetchError::Index { ref failed, .. } => judge(failed),
        };
        failure(kind, code, &error).into()
    }
}

/// The definition is wrong if a place has another file, or nothing could be tried.
fn judge(failed: &[Attempt]) -> (FailureKind, &'static str) {
    let any = |test: fn(&Problem) -> bool| failed.iter().any(|attempt| test(&attempt.problem));
    let all = |test: fn(&Problem) -> bool| failed.iter().all(|attempt| test(&attempt.problem));
    if any(|problem| matches!(problem, Problem::Mismatch { .. })) {
        (FailureKind::User, "WIZ1040")
    } else if any(|problem| matches!(problem, Problem::Size { .. })) {
        (FailureKind::User, "WIZ1045")
    } else if all(|problem| matches!(problem, Problem::Scheme(_) | Problem::Path(_))) {
        (FailureKind::User, "WIZ1044")
    } else if all(|problem| matches!(problem, Problem::NoMirror { .. })) {
        (FailureKind::Surroundings, "WIZ1043")
    } else {
        (FailureKind::Surroundings, "WIZ1041")
    }
}

fn is_of_the_network(problem: &Problem) -> bool {
    matches!(problem, Problem::Late | Problem::Stalled | Problem::Unreachable(_) | Problem::Transport(_))
}

fn is_of_the_place(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Status(_) | Problem::File(_) | Problem::Size { .. } | Problem::Scheme(_) | Problem::Path(_)
    )
}

fn offline_text(sha256: &str, wanted: &[String], failed: &[Attempt]) -> String {
    let mut text = format!(
        "the source with SHA-256 `{sha256}` is not in the cache, and `--offline` forbids to fetch it from:"
    );
    wanted.iter().for_each(|url| {
        let _ = write!(text, "\n`{url}`");
    });
    attempts(&mut text, failed);
    text.push_str("\nhint: build once without `--offline`, or name a folder that has it with `--distdir`");
    text
}

fn failed_text(sha256: &str, failed: &[Attempt]) -> String {
    if failed.is_empty() {
        return format!("the source with SHA-256 `{sha256}` has no URL\nhint: give it one with `urls`");
    }
    let mut text = format!("the source with SHA-256 `{sha256}` could not be had from any of its places:");
    attempts(&mut text, failed);
    hints(&mut text, failed);
    text
}

fn index_text(url: &str, failed: &[Attempt]) -> String {
    let mut text = format!("`{url}` could not be had from any of its places:");
    attempts(&mut text, failed);
    hints(&mut text, failed);
    text
}

fn attempts(text: &mut String, failed: &[Attempt]) {
    for Attempt { url, problem } in failed {
        let _ = write!(text, "\n`{url}`: {problem}");
    }
}

fn hints(text: &mut String, failed: &[Attempt]) {
    let any = |test: fn(&Problem) -> bool| failed.iter().any(|attempt| test(&attempt.problem));
    if any(|problem| matches!(problem, Problem::Mismatch { .. })) {
        text.push_str("\nhint: if the new file is the right one, change `sha256` in the definition; if not, somebody has changed it");
    }
    for attempt in failed {
        if let Problem::NoMirror { scheme } = attempt.problem {
            let _ = write!(
                text,
                "\nhint: set `mirrors.{scheme}` in WORKSPACE.star or in the configuration to a base URL"
            );
            if scheme == "debian" {
                text.push_str(", or configure apt on this machine");
            }
            if scheme == "crate" {
                text.push_str(", or let cargo download a crate once: its registry is then known");
            }
            break;
        }
    }
    if any(is_of_the_network) {
        text.push_str("\nhint: check the network, or name a folder that has the file with `--distdir`");
    } else if any(is_of_the_place) {
        text.push_str(
            "\nhint: correct its place in the definition, or name a folder that has the file with `--distdir`",
        );
    }
}
