//! `wiz sbom`: prints the bill of materials of a target, built where it is not.

use crate::arguments::Sbom;
use crate::commands::build;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;
use crate::session::evidence::Evidence;

/// Prints a document to stdout.
///
/// # Errors
/// If the target has none of that form, or it cannot be built.
pub(crate) fn run(config: &Config, sbom: &Sbom) -> Result<(), CliError> {
    let session = Session::open(config, &sbom.options)?;
    let built = session.analyse(&build::patterns(std::slice::from_ref(&sbom.label))?)?;
    let Some(document) = Evidence::of(&built).and_then(|evidence| evidence.document(sbom.format)) else {
        let message = format!("`{}` has no bill of materials as {}", sbom.label, sbom.format.name());
        return Err(CliError::new(Kind::User, "WIZ2300", message)
            .hint("targets of `image(name = ..., packages = [...])` have one"));
    };
    output::bytes(&build::read(config, &session, &built, document)?);
    Ok(())
}
