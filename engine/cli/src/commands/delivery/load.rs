//! `wiz load`: an image into docker or podman, or as the archive they load.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{archive, image};
use crate::arguments::{Engine, Load};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::session::Session;

impl Engine {
    /// Its program.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }

    /// The first that is installed and answers.
    pub(super) fn find() -> Option<Self> {
        let answers = |engine: &Self| {
            let mut command = Command::new(engine.program());
            command.arg("info").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        [Self::Podman, Self::Docker].into_iter().find(answers)
    }
}

/// Builds an image and loads it.
///
/// # Errors
/// If it cannot be built, or nothing takes it.
pub(crate) fn run(config: &Config, load: &Load) -> Result<(), CliError> {
    let session = Session::open(config, &load.options)?;
    let image = image(config, &session, &load.label, &load.options)?;
    let name = load.name.clone().unwrap_or(image.name);
    if let Some(file) = &load.archive {
        let path = config.directory.join(file);
        let written = File::create(&path)
            .and_then(|file| archive::write(&image.folder, &name, io::BufWriter::new(file)));
        written.map_err(|error| {
            let message = format!("`{}` cannot be written: {error}", path.display());
            CliError::new(Kind::Surroundings, "WIZ2410", message)
                .hint("name a file in a folder that is there")
        })?;
        output::result(&path.display().to_string());
        return Ok(());
    }
    let engine = load.runner.or_else(Engine::find).ok_or_else(|| {
        CliError::new(Kind::Surroundings, "WIZ2411", "neither podman nor docker answers here")
            .hint("`--archive FILE` writes what they load; `wiz run` works without them")
    })?;
    load_into(engine, &image.folder, &name)?;
    output::result(&name);
    Ok(())
}

/// Loads an image into an engine.
///
/// # Errors
/// If the engine does not take it.
pub(super) fn load_into(engine: Engine, folder: &Path, name: &str) -> Result<(), CliError> {
    let program = engine.program();
    let failed = |problem: String| {
        CliError::new(Kind::Surroundings, "WIZ2412", format!("`{program} load` fails: {problem}"))
            .hint(format!("does `{program} info` work?"))
    };
    let mut command = Command::new(program);
    command.args(["load", "--quiet"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let input = child.stdin.take();
    let written = input.map_or(Ok(()), |input| archive::write(folder, name, io::BufWriter::new(input)));
    let ended = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !ended.status.success() {
        return Err(failed(String::from_utf8_lossy(&ended.stderr).trim_end().to_owned()));
    }
    written.map_err(|error| failed(error.to_string()))
}
