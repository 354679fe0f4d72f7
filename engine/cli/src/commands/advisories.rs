//! `wiz advisories`: what the definitions of packages say of vulnerabilities, in the forms that
//! scanners take.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use wiz_audit::{StatedPackage, Vex};

use crate::arguments::{Advisories, AdvisoryFormat};
use crate::commands::build;
use crate::config::{self, Config};
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use crate::session::evidence::Evidence;

/// Prints a document to stdout, or writes those of the OSV form to a folder.
///
/// # Errors
/// If no definition says anything, or a file cannot be written.
pub(crate) fn run(config: &Config, arguments: &Advisories) -> Result<(), CliError> {
    let session = Session::open(config, &arguments.options)?;
    let built = session.analyse(&build::patterns(&arguments.labels)?)?;
    let mut packages: BTreeMap<String, StatedPackage> = BTreeMap::new();
    for (_, evidence) in Evidence::all(&built) {
        packages.extend(evidence.stated());
    }
    packages.retain(|_, package| !package.stated.is_empty());
    if packages.is_empty() {
        let message = format!("no definition among `{}` has advisories", arguments.labels.join(" "));
        return Err(CliError::new(Kind::User, "WIZ2340", message)
            .hint("`package(advisories = [advisory(...)])` states them"));
    }
    let packages: Vec<StatedPackage> = packages.into_values().collect();
    let (distribution, now) = (session.workspace_name(), config::rfc3339_now());
    match arguments.format {
        AdvisoryFormat::Secdb => {
            let architecture = std::env::consts::ARCH;
            output::result(&wiz_audit::secdb(distribution, &[architecture], &packages).to_string());
        }
        AdvisoryFormat::OpenVex => {
            let statements = wiz_audit::statements(distribution, &packages);
            let digest = hex::encode(Sha256::digest(json!(statements).to_string()));
            let id = format!("urn:x-wiz:vex:{digest}");
            output::result(&json!(Vex::new(id, distribution.to_owned(), now, statements)).to_string());
        }
        AdvisoryFormat::Osv => {
            let documents = wiz_audit::osv(distribution, &now, &packages);
            let Some(folder) = &arguments.output else {
                output::result(&json!(documents.into_values().collect::<Vec<_>>()).to_string());
                return Ok(());
            };
            let folder = config.directory.join(folder);
            let written = std::fs::create_dir_all(&folder).and_then(|()| {
                documents.iter().try_for_each(|(id, document)| {
                    std::fs::write(folder.join(format!("{id}.json")), format!("{document:#}\n"))
                })
            });
            written.map_err(|error| {
                let message = format!("`{}` cannot be written: {error}", folder.display());
                CliError::new(Kind::Surroundings, "WIZ2341", message)
                    .hint("name a folder that can be written")
            })?;
        }
    }
    Ok(())
}
