//! `wiz repo`: signed repositories published, checked and served.

use std::path::PathBuf;

use wiz_repo::key_folder::{self, NamedPublicKeys};
use wiz_repo::{Publication, publish};

use crate::arguments::{BuildOptions, Check, Publish, Repo, RepoCommand};
use crate::commands::build;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::output;
use crate::repository_report;
use crate::session::Session;
use crate::session::repository::SignedRepository;
use crate::session::signing;

mod files;
mod request;
mod serve;

/// Does what is asked with a repository.
///
/// # Errors
/// If it cannot be built, must not be published, is not whole, or cannot be served.
pub(crate) fn run(config: &Config, repo: &Repo) -> Result<(), CliError> {
    match &repo.command {
        RepoCommand::Publish(options) => publish_built(config, options),
        RepoCommand::Check(options) => check(config, options),
        RepoCommand::Serve(options) => serve::run(config, options),
    }
}

fn publish_built(config: &Config, options: &Publish) -> Result<(), CliError> {
    let session = Session::open(config, &options.options)?;
    let SignedRepository { folder, arch } = built(config, &session, &options.label, &options.options)?;
    let signing = session.signing()?;
    let mut trusted = signing.trusted;
    trusted.extend(given_keys(config, &options.keys_dir)?);
    trusted.retain(|name, _| !signing.revoked.contains(name));
    let to = config.directory.join(&options.folder);
    let publication = Publication {
        from: &folder,
        arch: &arch,
        to: &to,
        key: &signing.key,
        trusted: &trusted,
        revoked: &signing.revoked,
        allow_older: options.allow_older,
    };
    let published = publish(&publication, &mut |_| {})?;
    let changes = [("added", &published.added), ("signed", &published.resigned)];
    for (what, packages) in changes {
        for package in packages {
            let path = options.folder.join(&arch).join(format!("{package}.apk"));
            output::result(&format!("{what}\t{}", path.display()));
        }
    }
    output::note(&format!("{} packages are published for {arch}", published.total));
    Ok(())
}

fn check(config: &Config, options: &Check) -> Result<(), CliError> {
    let mut trusted = given_keys(config, &options.keys_dir)?;
    let folder = if options.repository.starts_with("//") {
        let session = Session::open(config, &options.options)?;
        let folder = built(config, &session, &options.repository, &options.options)?.folder;
        if options.keys_dir.is_empty() {
            trusted = session.signing()?.trusted;
        }
        folder
    } else {
        if options.keys_dir.is_empty() {
            trusted = own_keys(config, &options.options)?;
        }
        config.directory.join(&options.repository)
    };
    let since = options.since.as_ref().map(|path| config.directory.join(path));
    let keys = key_folder::to_verify(&trusted);
    let (packages, faults) = wiz_repo::check(&folder, &keys, since.as_deref())?;
    if !faults.is_empty() {
        return Err(repository_report::faults(&faults));
    }
    output::note(&format!("{packages} packages are whole, signed and installable"));
    Ok(())
}

/// Builds a repository.
fn built(
    config: &Config,
    session: &Session<'_>,
    label: &str,
    options: &BuildOptions,
) -> Result<SignedRepository, CliError> {
    let target = build::outputs(config, session, label, options)?;
    target.repository.ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2079", format!("`{label}` is no repository"))
            .hint("`repository(name = ..., packages = [...])` defines one")
    })
}

/// The public keys in the folders that were named.
fn given_keys(config: &Config, folders: &[PathBuf]) -> Result<NamedPublicKeys, CliError> {
    let mut keys = NamedPublicKeys::new();
    for folder in folders {
        let folder = config.directory.join(folder);
        let found = key_folder::public_keys(&folder)?;
        if found.is_empty() {
            let message = format!("`{}` has no public key", folder.display());
            return Err(CliError::new(Kind::User, "WIZ2078", message).hint("their names end in `.rsa.pub`"));
        }
        keys.extend(found);
    }
    Ok(keys)
}

/// The public keys of the user, whatever workspace they are for, that are not revoked.
fn own_keys(config: &Config, options: &BuildOptions) -> Result<NamedPublicKeys, CliError> {
    let mut keys = key_folder::public_keys(signing::key_folder(config).path())?;
    if let Some(path) = config.signing_key(options) {
        let key = key_folder::load(&path)?;
        keys.insert(key.public_file_name(), (key.public(), key.public().to_pem()));
    }
    Ok(keys)
}
