//! `wiz verify`: whether what was signed holds for what is here, or in a registry.

use std::path::Path;

use wiz_oci::Sha256Digest;
use wiz_registry::{Layout, Reference, RegistryError, referrers, resolve};
use wiz_sign::bundle::MEDIA_TYPE;
use wiz_sign::{Bundle, BundleError, PublicKey, Statement};

use crate::arguments::Verify;
use crate::commands::delivery;
use crate::commands::sign::provenance;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;

/// Verifies a bundle against a file, a layout or a target.
///
/// # Errors
/// If the signature, its key, what it is about or who ran the build is not as it should be.
pub(crate) fn run(config: &Config, verify: &Verify) -> Result<(), CliError> {
    let (subject, bundles) = match (registry_reference(config, verify), &verify.bundle) {
        (Some(reference), None) => beside(config, &reference?, verify)?,
        (Some(reference), Some(file)) => (beside(config, &reference?, verify)?.0, vec![read(config, file)?]),
        (None, Some(file)) => (subject(config, verify)?, vec![read(config, file)?]),
        (None, None) => {
            return Err(CliError::new(Kind::User, "WIZ2320", "there is no bundle to verify by")
                .hint("`--bundle FILE` names one; images in registries have theirs beside them"));
        }
    };
    let key = read(config, &verify.key)?;
    let key = PublicKey::from_pem(&String::from_utf8_lossy(&key)).map_err(|error| {
        CliError::new(Kind::User, "WIZ2321", format!("`{}`: {error}", verify.key.display()))
            .hint("`openssl pkey -pubout` writes the public half of a key")
    })?;
    let refused = |error: BundleError| {
        CliError::of(Kind::Failed, "WIZ2322", &error)
            .hint("do not use what this is about: it, or the bundle, is not what was signed")
    };
    // Anybody may put a bundle beside an image: one that holds is enough.
    let verified = bundles.iter().map(|text| Bundle::read(text)?.verify(&key, &subject));
    let mut problem = None;
    let statement =
        verified.filter_map(|verified| verified.map_err(|error| problem = Some(error)).ok()).next();
    let Some(statement) = statement else {
        let none = || CliError::new(Kind::Failed, "WIZ2322", "nobody has signed what it was made from");
        return Err(problem.map_or_else(none, refused));
    };
    let said = Said::of(&statement);
    if let Some(wanted) = verify.builder.as_ref().filter(|wanted| said.builder.as_ref() != Some(wanted)) {
        let found = said.builder.as_deref().unwrap_or("nobody");
        return Err(CliError::new(
            Kind::Failed,
            "WIZ2323",
            format!("it was built by `{found}`, not by `{wanted}`"),
        )
        .hint("the key is right: ask whose builds it signs"));
    }
    output::result(&format!("sha256:{subject}"));
    for (name, value) in [
        ("label", said.label),
        ("revision", said.revision),
        ("builder", said.builder),
        ("signed", said.finished),
    ] {
        if let Some(value) = value {
            output::result(&format!("  {name:<12} {value}"));
        }
    }
    output::result(&format!("  {:<12} {} with their digests", "made from", said.dependencies));
    Ok(())
}

/// The subject as a reference to an image in a registry, if it can be nothing else.
fn registry_reference(config: &Config, verify: &Verify) -> Option<Result<Reference, CliError>> {
    let is_here = config.directory.join(&verify.subject).exists() || verify.subject.starts_with("//");
    let (host, _) = verify.subject.split_once('/').filter(|_| !is_here)?;
    let is_host = host == "localhost" || host.contains([':', '.']) && !host.starts_with('.');
    is_host.then(|| delivery::reference(&verify.subject))
}

/// The digest of an image in a registry, and the bundles beside it.
fn beside(
    config: &Config,
    reference: &Reference,
    verify: &Verify,
) -> Result<(String, Vec<Vec<u8>>), CliError> {
    let connection = delivery::connect(config, reference, verify.plain_http)?;
    let failed = |error: RegistryError| delivery::failure(&error);
    let platform = delivery::platform(std::env::consts::ARCH);
    let digest = resolve(&connection, reference, &platform).map_err(failed)?;
    let bundles = referrers::attached(&connection, &digest, MEDIA_TYPE).map_err(failed)?;
    Ok((digest.hex(), bundles))
}

/// What a statement says, for people.
struct Said {
    label: Option<String>,
    revision: Option<String>,
    builder: Option<String>,
    finished: Option<String>,
    dependencies: usize,
}

impl Said {
    fn of(statement: &Statement) -> Self {
        let predicate = statement.predicate();
        let text = |pointer: &str| {
            predicate
                .and_then(|predicate| predicate.pointer(pointer))
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let dependencies = predicate
            .and_then(|predicate| predicate.pointer("/buildDefinition/resolvedDependencies"))
            .and_then(|dependencies| dependencies.as_array());
        Self {
            label: text("/buildDefinition/externalParameters/label"),
            revision: text("/buildDefinition/externalParameters/revision"),
            builder: text("/runDetails/builder/id"),
            finished: text("/runDetails/metadata/finishedOn"),
            dependencies: dependencies.map_or(0, Vec::len),
        }
    }
}

/// The SHA-256 of what is verified: of a file, of the manifest of a layout, or of what a target
/// comes to here.
fn subject(config: &Config, verify: &Verify) -> Result<String, CliError> {
    let path = config.directory.join(&verify.subject);
    if path.is_file() {
        return sha256(&path);
    }
    if path.is_dir() {
        let named = Layout::new(&path).named().map_err(|error| {
            CliError::of(Kind::User, "WIZ2320", &error).hint("a folder is taken for an OCI layout")
        })?;
        return Ok(named.digest.hex());
    }
    if !verify.subject.starts_with("//") {
        return Err(CliError::new(Kind::User, "WIZ2320", format!("there is no `{}`", verify.subject))
            .hint("name a file, the folder of an OCI layout, or a label"));
    }
    let session = Session::open(config, &verify.options)?;
    let statement = provenance(config, &session, &verify.subject)?;
    let subject = statement.digests().into_iter().next();
    subject.ok_or_else(|| CliError::new(Kind::Bug, "WIZ2312", "its provenance is about nothing"))
}

fn sha256(path: &Path) -> Result<String, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Kind::Surroundings, "WIZ2320", format!("`{}` cannot be read: {error}", path.display()))
            .hint("make it readable")
    };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    Sha256Digest::read(&mut file).map(|digest| digest.hex()).map_err(failed)
}

fn read(config: &Config, file: &Path) -> Result<Vec<u8>, CliError> {
    let path = config.directory.join(file);
    std::fs::read(&path).map_err(|error| {
        CliError::new(Kind::User, "WIZ2320", format!("`{}` cannot be read: {error}", path.display()))
            .hint("`wiz sign` writes bundles, `openssl pkey -pubout` public keys")
    })
}
