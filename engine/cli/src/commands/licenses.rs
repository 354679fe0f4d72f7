//! `wiz licenses`: under what each package of a target is licensed. Of an image these are
//! the packages in it, of a package those it may bring along.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::arguments::{Licenses, SbomFormat};
use crate::commands::build;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use crate::session::evidence::Evidence;

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Licensed {
    /// Name in the repository.
    pub(crate) name: String,
    /// Version with release.
    pub(crate) version: String,
    /// SPDX licence expression.
    pub(crate) license: String,
}

/// Prints packages with their licences to stdout, sorted.
///
/// # Errors
/// If the target is neither image nor package, or the image cannot be built.
pub(crate) fn run(config: &Config, licenses: &Licenses) -> Result<(), CliError> {
    let session = Session::open(config, &licenses.options)?;
    let built = session.analyse(&build::patterns(std::slice::from_ref(&licenses.label))?)?;
    let none = || {
        let message = format!("nothing is known of licences of `{}`", licenses.label);
        CliError::new(Kind::User, "WIZ2301", message).hint("name one image or package")
    };
    let evidence = Evidence::of(&built).ok_or_else(none)?;
    let mut packages = match evidence.document(SbomFormat::CycloneDx) {
        Some(document) => {
            in_document(&build::read(config, &session, &built, document)?).ok_or_else(|| {
                let message = format!("the bill of materials of `{}` cannot be read", licenses.label);
                CliError::new(Kind::Failed, "WIZ2302", message).hint("it is to be CycloneDX 1.6 as JSON")
            })?
        }
        None => evidence.packages(),
    };
    if packages.is_empty() {
        return Err(none());
    }
    packages.sort();
    packages.dedup();
    print(&packages, licenses.json);
    Ok(())
}

fn print(packages: &[Licensed], json: bool) {
    if json {
        output::result(&serde_json::json!({"packages": packages}).to_string());
        return;
    }
    let mut lines = String::new();
    for Licensed { name, version, license } in packages {
        let _ = writeln!(lines, "{name}\t{version}\t{license}");
    }
    output::results(&lines);
}

/// The packages that a CycloneDX document lists; none if it is no such document.
fn in_document(bytes: &[u8]) -> Option<Vec<Licensed>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let licensed = |component: &Value| Licensed {
        name: text(&component["name"]),
        version: text(&component["version"]),
        license: text(&component["licenses"][0]["expression"]),
    };
    Some(document["components"].as_array()?.iter().map(licensed).collect())
}
