//! Whether a clear-signed text was signed by a key of the workspace: asked of gpgv, the
//! program that apt asks. Unaware of what the text says.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A good signature, and who made it.
    Good(String),
    /// There is no gpgv.
    NoProgram,
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignatureError {
    /// The key's file.
    #[error("the key `{path}` cannot be read: {source}")]
    Key {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The key's file has something else in it.
    #[error("`{path}` is not an armored OpenPGP key")]
    NoKey {
        /// Where it is.
        path: PathBuf,
    },
    /// gpgv could not be asked.
    #[error("gpgv cannot be asked: {0}")]
    Program(#[from] io::Error),
    /// No good signature.
    #[error("it has no good signature by `{key}`: gpgv says `{said}`")]
    Bad {
        /// The key's file.
        key: PathBuf,
        /// Its status lines.
        said: String,
    },
}

/// Asks whether `inline` has a good signature by the armored key at `key`, and none that is bad.
///
/// # Errors
/// [`SignatureError`] if it has not, or gpgv is there and cannot be asked.
pub(super) fn check(key: &Path, inline: &str) -> Result<Finding, SignatureError> {
    let armored =
        fs::read_to_string(key).map_err(|source| SignatureError::Key { path: key.to_owned(), source })?;
    let binary = dearmored(&armored).ok_or_else(|| SignatureError::NoKey { path: key.to_owned() })?;
    let folder = tempfile::tempdir()?;
    let (ring, text) = (folder.path().join("ring.gpg"), folder.path().join("text"));
    fs::write(&ring, binary)?;
    fs::write(&text, inline)?;
    let mut gpgv = Command::new("gpgv");
    gpgv.arg("--homedir").arg(folder.path()).args(["--status-fd", "1", "--keyring"]).arg(&ring).arg(&text);
    let answer = match gpgv.output() {
        Ok(answer) => answer,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Finding::NoProgram),
        Err(error) => return Err(error.into()),
    };
    judge(&String::from_utf8_lossy(&answer.stdout))
        .map_err(|said| SignatureError::Bad { key: key.to_owned(), said })
}

/// As apt judges: signatures by keys that are not known do not matter, one that is bad or of a
/// key that has ended does. The status lines are those of GnuPG's doc/DETAILS.
fn judge(status: &str) -> Result<Finding, String> {
    let lines = || status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
    let is_bad = |line: &str| {
        ["BADSIG ", "EXPSIG ", "EXPKEYSIG ", "REVKEYSIG "].iter().any(|bad| line.starts_with(bad))
    };
    let good = lines().find_map(|line| line.strip_prefix("GOODSIG ")?.split_once(' '));
    match good {
        Some((_, signer)) if !lines().any(is_bad) => Ok(Finding::Good(signer.to_owned())),
        _ => Err(lines().filter(|line| !line.starts_with("PLAINTEXT")).collect::<Vec<_>>().join("; ")),
    }
}

/// The bytes within the armor: RFC 9580, section 6.2. The checksum adds nothing to trust in
/// the file that stands in the workspace, and is not looked at.
fn dearmored(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.lines().map(str::trim_end);
    lines.find(|line| *line == "-----BEGIN PGP PUBLIC KEY BLOCK-----")?;
    let mut body = String::new();
    for line in lines.skip_while(|line| !line.is_empty()).skip(1) {
        if line.starts_with('=') || line.starts_with('-') {
            return base64::engine::general_purpose::STANDARD.decode(&body).ok();
        }
        body.push_str(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_signature_and_no_bad_one() {
        let status =
            |lines: &[&str]| lines.iter().map(|line| format!("[GNUPG:] {line}\n")).collect::<String>();
        let unknown = "NO_PUBKEY 6ED0E7B82643E131";
        let good = "GOODSIG F8D2585B8783D481 Some One <some@one.example>";
        let signer = Finding::Good("Some One <some@one.example>".to_owned());
        assert_eq!(judge(&status(&[unknown, good])), Ok(signer));
        for bad in ["BADSIG F8D2585B8783D481 Some One", "EXPKEYSIG F8D2585B8783D481 Some One"] {
            assert!(judge(&status(&[good, bad])).is_err());
        }
        assert!(judge(&status(&[unknown])).is_err());
        assert!(judge("GOODSIG x y\n").is_err());
    }

    #[test]
    fn armor_is_taken_off() {
        let armor = |body: &str| format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{body}\n");
        assert_eq!(
            dearmored(&armor("Zm94\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----")),
            Some(b"fox".to_vec())
        );
        assert_eq!(dearmored(&armor("Zm94")), None);
        assert_eq!(dearmored("fox"), None);
    }
}
