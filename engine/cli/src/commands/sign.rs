//! `wiz sign`: vouches for what an image or package was made from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wiz_sign::{Bundle, PrivateKey, RunDetails, Statement};

use crate::arguments::Sign;
use crate::commands::build;
use crate::config::{Config, rfc3339_now};
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use crate::session::evidence::Evidence;

/// Signs the provenance of a target and writes the bundle.
///
/// # Errors
/// If the key is none, or the target has no provenance or cannot be built.
pub(crate) fn run(config: &Config, sign: &Sign) -> Result<(), CliError> {
    let session = Session::open(config, &sign.options)?;
    let bundle = bundle(config, &session, &sign.label, &sign.key, &sign.builder)?;
    let label = session.target(&sign.label)?.label;
    let path = match &sign.output {
        Some(file) => config.directory.join(file),
        None => config.directory.join(format!("{}.sigstore.json", label.name())),
    };
    std::fs::write(&path, bundle.encode()).map_err(|error| {
        CliError::new(
            Kind::Surroundings,
            "WIZ2313",
            format!("`{}` cannot be written: {error}", path.display()),
        )
        .hint("`--output` takes a file in a folder that is there")
    })?;
    output::result(&path.display().to_string());
    Ok(())
}

/// The signed provenance of a target.
///
/// # Errors
/// As [`run`].
pub(crate) fn bundle(
    config: &Config,
    session: &Session<'_>,
    label: &str,
    key: &Path,
    builder: &str,
) -> Result<Bundle, CliError> {
    let key = private_key(config, key)?;
    let statement = provenance(config, session, label)?;
    let run = RunDetails {
        builder: builder.to_owned(),
        revision: revision(&config.require_workspace()?),
        finished: Some(rfc3339_now()),
    };
    let statement = statement.with_run(&run).map_err(|error| CliError::of(Kind::Bug, "WIZ2312", &error))?;
    Ok(Bundle::sign(&statement, &key))
}

/// What a target was made from, built where it is not.
///
/// # Errors
/// If it says nothing of that, or cannot be built.
pub(crate) fn provenance(config: &Config, session: &Session<'_>, label: &str) -> Result<Statement, CliError> {
    let built = session.analyse(&build::patterns(&[label.to_owned()])?)?;
    let Some(document) = Evidence::of(&built).and_then(Evidence::provenance) else {
        return Err(CliError::new(
            Kind::User,
            "WIZ2310",
            format!("`{label}` does not say what it was made from"),
        )
        .hint("images and packages do"));
    };
    let text = build::read(config, session, &built, document)?;
    Statement::read(&text).map_err(|error| CliError::of(Kind::Bug, "WIZ2312", &error))
}

fn private_key(config: &Config, file: &Path) -> Result<PrivateKey, CliError> {
    let path = config.directory.join(file);
    let refused = |problem: String| {
        CliError::new(Kind::User, "WIZ2311", format!("`{}`: {problem}", path.display())).hint(
            "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256` makes one; its password is `WIZ_KEY_PASSWORD`",
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| refused(error.to_string()))?;
    PrivateKey::from_pem(&text, config.key_password()).map_err(|error| refused(error.to_string()))
}

/// The revision of a workspace that git keeps, `+changed` behind it if there is something else
/// in it.
fn revision(workspace: &PathBuf) -> Option<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(workspace).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain"]).is_none_or(|changed| !changed.is_empty());
    Some(if changed { revision + "+changed" } else { revision })
}
