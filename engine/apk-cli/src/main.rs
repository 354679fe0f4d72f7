//! `apk`: installs packages into a root, as apk-tools does.
//!
//! Arguments, messages and exit statuses are apk's. Which packages are chosen is for
//! wiz-solve, how they come into the root for wiz-install.

mod arguments;
mod cache;
mod commands;
mod commit;
mod error;
mod glob;
mod lock;
mod names;
mod output;
mod packages;
mod query;
mod repository;
mod session;
mod settings;
mod transport;

use std::process::ExitCode;

use error::{Failure, chain};
use output::{Output, Stream, write};

/// Stack of the thread that works: chains of dependencies are followed on it, and an
/// index may have long ones.
const STACK: usize = 512 << 20;

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match words.as_slice() {
        [first, rest @ ..] if first == commit::INTERNAL_COMMAND => {
            Output::new(1).error(&commit::run_in_root(rest));
            return ExitCode::FAILURE;
        }
        _ => {}
    }
    // Modes are those that packages say.
    rustix::process::umask(rustix::fs::Mode::empty());
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || run(&words));
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(_)) => ExitCode::from(70),
        Err(error) => {
            write(Stream::Err, &format!("ERROR: cannot start: {error}\n"));
            ExitCode::from(99)
        }
    }
}

/// Runs the command of the command line; its status.
fn run(words: &[String]) -> u8 {
    let output = Output::new(1);
    match commands::run(words) {
        Ok(()) => 0,
        Err(failure) => {
            if let Failure::Stopped(error) = &failure {
                output.error(&chain(error));
            }
            failure.status()
        }
    }
}
