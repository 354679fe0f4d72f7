//! `wiz cache serve`: the cache as a server of the Remote Execution API.

use std::path::Path;

use wiz_base::DigestFunction;
use wiz_cas::{Store, StoreOptions};
use wiz_remote::{Addresses, Guard, Pem, Role, Served, Tls, Tokens, serve};

use crate::arguments::{Right, ServeCache};
use crate::config::{Config, Size, seconds_since_1970};
use crate::error::{CliError, Kind};
use crate::interrupt::on_signal;
use crate::output;
use crate::session::store_error;

/// Serves the cache until a signal ends it; what is under way is finished.
///
/// # Errors
/// If the cache cannot be opened, credentials are none, or nobody can be listened to.
pub(crate) fn run(config: &Config, serving: &ServeCache) -> Result<(), CliError> {
    let (guard, tls) = (guard(config, serving)?, tls(config, serving)?);
    let functions = [DigestFunction::Blake3, DigestFunction::Sha256];
    let open = |function| Store::open(&config.cache, function, &StoreOptions::default());
    let stores =
        functions.into_iter().map(open).collect::<Result<_, _>>().map_err(|error| store_error(&error))?;
    let budget = config.file.cache.budget.map(|Size(bytes)| bytes);
    let scheme = if tls.is_some() { "grpcs" } else { "grpc" };
    let served = Served { stores, budget, now: seconds_since_1970, guard, tls };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    on_signal(|| drop(stop)).map_err(|error| {
        CliError::new(Kind::Surroundings, "WIZ2043", format!("signals cannot be handled: {error}"))
    })?;
    let listening = |addresses: Addresses| {
        output::result(&format!("{scheme}://{}", addresses.cache));
        if let Some(status) = addresses.status {
            output::result(&format!("http://{status}/"));
        }
    };
    let stopped = async move { drop(stopped.await) };
    let addresses = Addresses { cache: serving.listen, status: serving.status };
    serve(&served, addresses, listening, stopped).map_err(|error| {
        let message = format!("the cache cannot be served at `{}`: {error}", serving.listen);
        CliError::new(Kind::Surroundings, "WIZ2112", message).hint("`--listen 127.0.0.1:0` takes a free port")
    })
}

/// Who may do what.
fn guard(config: &Config, serving: &ServeCache) -> Result<Guard, CliError> {
    let tokens = match &serving.tokens {
        None => Tokens::default(),
        Some(file) => {
            let text = String::from_utf8_lossy(&read(config, file)?).into_owned();
            text.parse().map_err(|error| {
                let message = format!("`{}`: {error}", file.display());
                CliError::new(Kind::User, "WIZ2116", message)
                    .hint("`echo write $(printf %s \"$TOKEN\" | sha256sum | cut -c1-64) for CI` makes a line")
            })?
        }
    };
    let has_credentials = serving.tokens.is_some() || serving.client_ca.is_some();
    let anybody = match (serving.anybody, has_credentials) {
        (Some(right), _) => role(right),
        (None, true) => None,
        (None, false) => Some(Role::Write),
    };
    if anybody == Some(Role::Write) && !serving.listen.ip().is_loopback() {
        let message = format!("everybody who reaches `{}` could write to the cache", serving.listen);
        return Err(CliError::new(Kind::User, "WIZ2114", message)
            .hint("give `--tokens FILE` or `--client-ca FILE`, or `--anybody read`; without, only addresses of this machine are served"));
    }
    let certified = role(serving.client_right);
    let certified = certified.ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2114", "`--client-right none` lets in nobody with a certificate")
            .hint("leave `--client-ca` away instead")
    })?;
    Ok(Guard { anybody, certified, tokens })
}

fn role(right: Right) -> Option<Role> {
    match right {
        Right::None => None,
        Right::Read => Some(Role::Read),
        Right::Write => Some(Role::Write),
    }
}

/// How connections are encrypted.
fn tls(config: &Config, serving: &ServeCache) -> Result<Option<Tls>, CliError> {
    let (Some(certificate), Some(key)) = (&serving.tls_certificate, &serving.tls_key) else {
        return Ok(None);
    };
    let identity = Pem { certificate: read(config, certificate)?, key: read(config, key)? };
    let authorities = serving.client_ca.as_ref().map(|file| read(config, file)).transpose()?;
    let is_optional = serving.tokens.is_some() || serving.anybody.is_some_and(|right| right != Right::None);
    Ok(Some(Tls { identity, authorities, is_optional }))
}

fn read(config: &Config, file: &Path) -> Result<Vec<u8>, CliError> {
    let path = config.directory.join(file);
    std::fs::read(&path).map_err(|error| {
        CliError::new(Kind::User, "WIZ2116", format!("`{}` cannot be read: {error}", path.display()))
            .hint("name a file that this user may read")
    })
}
