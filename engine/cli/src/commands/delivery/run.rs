//! `wiz run`: runs an image, by podman, docker, or in the sandbox.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::Command;

use wiz_base::RelPath;
use wiz_oci::image::config::ImageConfig;
use wiz_oci::image::manifest::Manifest;
use wiz_registry::Layout;
use wiz_sandbox::Spec;

use super::{image, load};
use crate::arguments::{Engine, Run, Runner};
use crate::commands::shell;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;

/// Builds an image and runs it.
///
/// # Errors
/// If it cannot be built or run, or what it runs fails.
pub(crate) fn run(config: &Config, run: &Run) -> Result<(), CliError> {
    let session = Session::open(config, &run.options)?;
    let image = image(config, &session, &run.label, &run.options)?;
    let runner = run.runner.unwrap_or_else(|| match Engine::find() {
        Some(Engine::Podman) => Runner::Podman,
        Some(Engine::Docker) => Runner::Docker,
        None => Runner::Sandbox,
    });
    let engine = match runner {
        Runner::Podman => Engine::Podman,
        Runner::Docker => Engine::Docker,
        Runner::Sandbox => return in_sandbox(&session, &image.folder, run),
    };
    load::load_into(engine, &image.folder, &image.name)?;
    let mut command = Command::new(engine.program());
    command.args(["run", "--rm", "--interactive"]);
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        command.arg("--tty");
    }
    // One that podman finds without asking a registry.
    let name = if engine == Engine::Podman { format!("localhost/{}", image.name) } else { image.name };
    command.arg(name).args(&run.arguments);
    let status = command.status().map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2413", format!("`{}` cannot be run: {error}", engine.program()))
            .hint("`--runner sandbox` needs nothing but wiz")
    })?;
    if status.success() { Ok(()) } else { Err(CliError::shown(Kind::Failed)) }
}

/// Runs the image's program in the sandbox of its tests.
fn in_sandbox(session: &Session<'_>, folder: &Path, run: &Run) -> Result<(), CliError> {
    let config = configuration(folder).map_err(|problem| {
        CliError::new(Kind::Surroundings, "WIZ2408", format!("the image's configuration: {problem}"))
            .hint("`wiz build` links the image anew")
    })?;
    let config = config.config.unwrap_or_default();
    let arguments = if run.arguments.is_empty() { config.cmd } else { run.arguments.clone() };
    let words: Vec<String> = config.entrypoint.into_iter().chain(arguments).collect();
    if words.is_empty() {
        return Err(CliError::new(
            Kind::User,
            "WIZ2414",
            format!("`{}` has no command of its own", run.label),
        )
        .hint("say what to run after `--`"));
    }
    let target = session.target(&run.label)?;
    let mut sandbox = session.sandbox(&target, Some("test"), words)?;
    let spec = &mut sandbox.spec;
    let place = config.working_dir.as_deref().unwrap_or("/").trim_matches('/');
    spec.working_directory = RelPath::new(place).unwrap_or_else(|_| RelPath::root());
    let named = spec.argv[0].to_string_lossy().into_owned();
    if !named.contains('/') {
        let path = config.env.iter().find_map(|variable| variable.strip_prefix("PATH="));
        let mut places = path.unwrap_or_default().split(':').map(|folder| Path::new(folder).join(&named));
        let found = places.find(|place| is_in(spec, place)).ok_or_else(|| {
            CliError::new(Kind::User, "WIZ2414", format!("`{named}` is not in `{}`", run.label))
                .hint("name it by its whole path, or another")
        })?;
        spec.argv[0] = found.into_os_string();
    }
    if run.runner.is_none() {
        output::note("neither podman nor docker answers here: running in the sandbox");
    }
    shell::enter(&sandbox.spec)
}

/// Whether there is something at an absolute path of a sandbox's root.
fn is_in(spec: &Spec, place: &Path) -> bool {
    let inside = place.strip_prefix("/").unwrap_or(place);
    let mut roots = spec.layers.iter().map(|layer| spec.layers_dir.join(layer.as_str()));
    roots.any(|root| root.join(inside).symlink_metadata().is_ok())
}

fn configuration(folder: &Path) -> Result<ImageConfig, String> {
    let layout = Layout::new(folder);
    let read = |path| std::fs::read(path).map_err(|error| error.to_string());
    let named = layout.named().map_err(|error| error.to_string())?;
    let manifest: Manifest =
        serde_json::from_slice(&read(layout.blob(&named.digest))?).map_err(|error| error.to_string())?;
    serde_json::from_slice(&read(layout.blob(&manifest.config.digest))?).map_err(|error| error.to_string())
}
