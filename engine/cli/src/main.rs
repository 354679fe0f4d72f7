//! The `wiz` binary: reads arguments and surroundings, runs one command, and turns
//! what went wrong into messages and an exit status.

mod arguments;
mod commands;
mod config;
mod error;
mod interrupt;
mod output;
mod progress;
mod repository_report;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::commands::build::Goal;
use crate::config::Config;
use crate::error::{CliError, Kind};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            let status = if error.use_stderr() { Kind::User.status() } else { 0 };
            return ExitCode::from(status);
        }
    };
    start_tracing();
    let result = std::panic::catch_unwind(|| run(arguments));
    match result {
        Ok(status) => ExitCode::from(status),
        Err(_) => {
            output::note("this is a bug in wiz: please report it with the lines above");
            ExitCode::from(Kind::Bug.status())
        }
    }
}

fn run(arguments: Arguments) -> u8 {
    let config = match Config::read(&arguments) {
        Ok(config) => config,
        Err(error) => return report(&error, None),
    };
    match dispatch(arguments.command, &config) {
        Ok(()) => 0,
        Err(error) => report(&error, Some(&config)),
    }
}

fn dispatch(command: Command, config: &Config) -> Result<(), CliError> {
    match command {
        Command::Build(build) => commands::build::run(config, &build, Goal::Outputs),
        Command::Test(test) => commands::build::run(config, &test, Goal::Tests),
        Command::Lock(lock) => commands::lock::run(config, &lock),
        Command::Log(log) => commands::log::run(config, &log),
        Command::Shell(shell) => commands::shell::run(config, &shell),
        Command::Why(why) => commands::why::run(config, &why),
        Command::Query(query) => commands::query::run(config, &query),
        Command::Cache(cache) => commands::cache::run(config, &cache),
        Command::Clean(clean) => commands::clean::run(config, &clean),
        Command::Key(key) => commands::key::run(config, &key),
        Command::Repo(repo) => commands::repo::run(config, &repo),
        Command::Run(run) => commands::delivery::run::run(config, &run),
        Command::Load(load) => commands::delivery::load::run(config, &load),
        Command::Push(push) => commands::delivery::push::run(config, &push),
        Command::Pull(pull) => commands::delivery::pull::run(config, &pull),
        Command::Sbom(sbom) => commands::sbom::run(config, &sbom),
        Command::Licenses(licenses) => commands::licenses::run(config, &licenses),
        Command::New(new) => commands::new::run(config, &new),
        Command::Update(update) => commands::update::run(config, &update),
        Command::Tree(tree) => commands::tree::run(config, &tree),
        Command::Diff(diff) => commands::diff::run(config, &diff),
        Command::Advisories(advisories) => commands::advisories::run(config, &advisories),
        Command::Audit(audit) => commands::audit::run(config, &audit),
        Command::Sign(sign) => commands::sign::run(config, &sign),
        Command::Verify(verify) => commands::verify::run(config, &verify),
        Command::Doctor => commands::doctor::run(config),
        Command::Completions(completions) => commands::completions::run(&completions),
    }
}

/// Shows an error and returns the exit status that goes with it.
fn report(error: &CliError, config: Option<&Config>) -> u8 {
    let style = config.map_or(error::Style { color: false, width: None }, |config| config.style);
    let workspace = config.and_then(|config| config.workspace());
    let source = match (&error.text, &workspace) {
        (Some(text), _) => error::Source::Text(text),
        (None, Some(workspace)) => error::Source::Workspace(workspace),
        (None, None) => error::Source::Nowhere,
    };
    for diagnostic in &error.diagnostics {
        output::note(error::render(diagnostic, source, style).trim_end());
    }
    error.kind.status()
}

/// `WIZ_LOG=debug` shows what the libraries trace.
fn start_tracing() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("WIZ_LOG")
        .with_default_directive(tracing_subscriber::filter::LevelFilter::ERROR.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
