//! Ctrl-C and its like: the first asks the build to stop, a second one ends the process.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use wiz_scheduler::CancelToken;

use crate::error::{CliError, Kind};

/// A token that is cancelled at the first signal; the process ends by itself at the second.
///
/// # Errors
/// If no handler can be installed.
pub(crate) fn cancelled_by_signal() -> Result<CancelToken, CliError> {
    let token = CancelToken::new();
    cancel_on_signal(&token).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2043", format!("signals cannot be handled: {error}"))
    })?;
    Ok(token)
}

fn cancel_on_signal(token: &CancelToken) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let token = token.clone();
    std::thread::spawn(move || {
        for signal in &mut signals {
            if token.is_cancelled() {
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            token.cancel();
        }
    });
    Ok(())
}

/// Does something at the first signal; a second one ends the process.
///
/// # Errors
/// If no handler can be installed.
pub(crate) fn on_signal(stop: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let mut stop = Some(stop);
    std::thread::spawn(move || {
        for signal in &mut signals {
            match stop.take() {
                Some(stop) => stop(),
                None => drop(signal_hook::low_level::emulate_default_handler(signal)),
            }
        }
    });
    Ok(())
}
