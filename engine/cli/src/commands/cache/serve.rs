//! `wiz cache serve`: the cache as a server of the Remote Execution API.

use wiz_base::DigestFunction;
use wiz_cas::{Store, StoreOptions};
use wiz_remote::{Served, serve};

use crate::arguments::ServeCache;
use crate::config::{Config, Size, seconds_since_1970};
use crate::error::{CliError, Kind};
use crate::interrupt::on_signal;
use crate::output;
use crate::session::store_error;

/// Serves the cache until a signal ends it; what is under way is finished.
///
/// # Errors
/// If the cache cannot be opened, or nobody can be listened to at the address.
pub(crate) fn run(config: &Config, serving: &ServeCache) -> Result<(), CliError> {
    let functions = [DigestFunction::Blake3, DigestFunction::Sha256];
    let open = |function| Store::open(&config.cache, function, &StoreOptions::default());
    let stores =
        functions.into_iter().map(open).collect::<Result<_, _>>().map_err(|error| store_error(&error))?;
    let served =
        Served { stores, budget: config.file.cache.budget.map(|Size(bytes)| bytes), now: seconds_since_1970 };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    on_signal(|| drop(stop)).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2043", format!("signals cannot be handled: {error}"))
    })?;
    let listening = |address| output::result(&format!("grpc://{address}"));
    let stopped = async move { drop(stopped.await) };
    serve(&served, serving.listen, listening, stopped).map_err(|error| {
        let message = format!("the cache cannot be served at `{}`: {error}", serving.listen);
        CliError::new(Kind::Surroundings, "WIZ2112", message).hint("`--listen 127.0.0.1:0` takes a free port")
    })
}
