//! Images to where they are used: registries, docker, podman, and the sandbox.

use std::path::PathBuf;

use wiz_exec::fetch::proxy;
use wiz_oci::descriptor::Platform;
use wiz_registry::{Connection, Credentials, Patience, Reference, RegistryError};

use crate::arguments::BuildOptions;
use crate::commands::build;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::session::Session;

mod archive;
pub(crate) mod load;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod run;

/// An image that was built.
#[derive(Debug)]
struct Image {
    /// The folder of its layout.
    folder: PathBuf,
    /// What engines call it unless told otherwise.
    name: String,
}

/// Builds an image.
fn image(
    config: &Config,
    session: &Session<'_>,
    label: &str,
    options: &BuildOptions,
) -> Result<Image, CliError> {
    let target = build::outputs(config, session, label, options)?;
    let output = target.outputs.iter().find(|output| output.name == "oci").ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2400", format!("`{label}` is no image"))
            .hint("targets of `image(name = ..., packages = [...])` are")
    })?;
    let folder = config.require_workspace()?.join(&output.path);
    let target = session.target(label)?.label;
    let name = format!("{}/{}:latest", session.workspace_name(), target.name()).to_lowercase();
    Ok(Image { folder, name })
}

/// A reference, if it is one.
///
/// # Errors
/// If it is not.
pub(crate) fn reference(text: &str) -> Result<Reference, CliError> {
    text.parse().map_err(|error| {
        CliError::of(Kind::User, "WIZ2401", &error)
            .hint("references look like `registry.example/team/base:1.0`; the host is always named")
    })
}

/// A connection to the repository of a reference, as the user that docker and podman know.
///
/// # Errors
/// If what they know cannot be read.
pub(crate) fn connect(
    config: &Config,
    reference: &Reference,
    is_plain: bool,
) -> Result<Connection, CliError> {
    let credentials = Credentials::find(&config.registry_files(), &reference.host)
        .map_err(|error| failure(&RegistryError::from(error)))?;
    let proxy = config.proxy.as_ref().map(|(url, exceptions)| proxy(url, exceptions)).transpose();
    let proxy = proxy.map_err(|error| {
        CliError::new(Kind::User, "WIZ2415", format!("the proxy that the environment names: {error}"))
            .hint("`https_proxy` is a URL such as `http://proxy.example:3128`")
    })?;
    Ok(Connection::new(reference, credentials, proxy, is_plain, Patience::default()))
}

/// What went wrong with a registry.
pub(crate) fn failure(error: &RegistryError) -> CliError {
    let (kind, code, hint) = match error {
        RegistryError::Transport { .. } => {
            (Kind::Surroundings, "WIZ2402", "what was sent stays there: the same command goes on from it")
        }
        RegistryError::Status { .. } | RegistryError::Protocol { .. } => {
            (Kind::Surroundings, "WIZ2403", "the tag is as it was; ask who runs the registry")
        }
        RegistryError::Denied { .. } => {
            (Kind::User, "WIZ2404", "`docker login` or `podman login` keeps credentials that wiz finds")
        }
        RegistryError::Missing { .. } => (Kind::User, "WIZ2405", "is the reference right?"),
        RegistryError::Corrupt { .. } => (
            Kind::Surroundings,
            "WIZ2406",
            "nothing was tagged or kept; do not trust this registry, or what is between",
        ),
        RegistryError::Credentials(_) => (Kind::User, "WIZ2407", "`docker login` writes it anew"),
        RegistryError::Layout(_) => (Kind::Surroundings, "WIZ2408", "`wiz build` links the image anew"),
        RegistryError::Platform(_) => (Kind::User, "WIZ2409", "`--arch` takes another architecture"),
    };
    CliError::of(kind, code, error).hint(hint)
}

/// What an architecture is called in images.
pub(crate) fn platform(architecture: &str) -> Platform {
    let architecture = match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Platform { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None }
}
