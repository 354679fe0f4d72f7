//! Errors of keys and repositories, and the faults that a check found, as the command
//! line says them.

use wiz_base::Diagnostic;
use wiz_repo::error::Blame;
use wiz_repo::{Fault, RepositoryError};

use crate::error::{CliError, Kind};

impl From<RepositoryError> for CliError {
    fn from(error: RepositoryError) -> Self {
        let kind = match error.blame() {
            Blame::Repository => Kind::Failed,
            Blame::Input => Kind::User,
            Blame::Surroundings => Kind::Surroundings,
        };
        Self::several(kind, vec![diagnostic(code(&error), &error.to_string())])
    }
}

/// The faults of a repository as one error.
pub(crate) fn faults(faults: &[Fault]) -> CliError {
    let diagnostics = faults.iter().map(|fault| diagnostic(fault_code(fault), &fault.to_string()));
    CliError::several(Kind::Failed, diagnostics.collect())
}

/// A text that may end in a hint, in a line of its own or after a comma.
fn diagnostic(code: &str, text: &str) -> Diagnostic {
    match text.split_once("hint: ") {
        Some((message, hint)) => {
            Diagnostic::error(code, message.trim_end_matches([',', ' ', '\n'])).hint(hint)
        }
        None => Diagnostic::error(code, text),
    }
}

fn code(error: &RepositoryError) -> &'static str {
    match error {
        RepositoryError::Key { .. } | RepositoryError::NewKey(_) => "WIZ2070",
        RepositoryError::Exposed { .. } => "WIZ2071",
        RepositoryError::NoKey { .. } | RepositoryError::NoKeyFile { .. } => "WIZ2072",
        RepositoryError::HasKey { .. } => "WIZ2073",
        RepositoryError::InUse { .. } => "WIZ2074",
        RepositoryError::NoRepository { .. } => "WIZ2080",
        RepositoryError::IntoItself { .. } => "WIZ2077",
        RepositoryError::Index { .. } | RepositoryError::FileName { .. } => "WIZ2081",
        RepositoryError::Untrusted { .. } => "WIZ2082",
        RepositoryError::Package { .. } => "WIZ2083",
        RepositoryError::OtherPackage { .. } => "WIZ2084",
        RepositoryError::Replaced { .. } => "WIZ2085",
        RepositoryError::Older { .. } => "WIZ2086",
        RepositoryError::Broken { .. } => "WIZ2087",
        RepositoryError::Sign { .. } => "WIZ2088",
        RepositoryError::Read { .. } | RepositoryError::Write { .. } => "WIZ2089",
    }
}

fn fault_code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Index(error) | Fault::Package(error) => code(error),
        Fault::Identity { .. } => "WIZ2084",
        Fault::Size { .. } => "WIZ2091",
        Fault::Signature { .. } => "WIZ2092",
        Fault::Field { .. } => "WIZ2093",
        Fault::Twice { .. } => "WIZ2094",
        Fault::Unlisted { .. } => "WIZ2095",
        Fault::Withdrawn { .. } => "WIZ2096",
        Fault::Claimed { .. } => "WIZ2097",
        Fault::Unsolvable { .. } => "WIZ2098",
    }
}
