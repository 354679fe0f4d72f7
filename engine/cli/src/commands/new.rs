//! `wiz new`: a first definition of a package, from its source archive. What the archive does not
//! tell is left to be said, and named.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::arguments::{BuildOptions, New};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::interrupt::cancelled_by_signal;
use crate::output;
use crate::session::Session;

mod archive;
mod definition;

use definition::Definition;

/// Longest archive that is looked at, in bytes.
const LONGEST: u64 = 4 << 30;

/// Writes `pkgs/<name>/BUILD.star` and a first test.
///
/// # Errors
/// If the archive cannot be had or read, or there is such a package.
pub(crate) fn run(config: &Config, new: &New) -> Result<(), CliError> {
    let session = Session::open(config, &BuildOptions::default())?;
    let (url, bytes) = source(config, &session, &new.source)?;
    let file = url.rsplit(['/', ':']).next().unwrap_or(&url).to_owned();
    let found = archive::read(&file, &bytes).map_err(|problem| {
        CliError::new(Kind::User, "WIZ2221", format!("`{}` cannot be read: {problem}", new.source)).hint(
            "source archives are tar, compressed by gzip or xz, such as `name-1.2.tar.gz`; crates are too",
        )
    })?;
    let (name, version) = archive::named(&file);
    let name = new.name.clone().or(name).ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2222", format!("`{file}` does not tell the package's name"))
            .hint("say it by `--name`")
    })?;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let definition = Definition { name, version, url, sha256, size: bytes.len() as u64, found };
    let folder = session.root().join("pkgs").join(&definition.name);
    if folder.exists() {
        let message = format!("there is `pkgs/{}` already", definition.name);
        return Err(CliError::new(Kind::User, "WIZ2223", message).hint("`--name` takes another name"));
    }
    let files = definition.files();
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    for (path, _) in &files {
        output::result(&format!("pkgs/{}/{path}", definition.name));
    }
    definition.left_to_say().iter().for_each(|line| output::note(line));
    Ok(())
}

/// The archive's place as a definition has it, and its bytes.
fn source(config: &Config, session: &Session<'_>, source: &str) -> Result<(String, Vec<u8>), CliError> {
    let path = config.directory.join(source);
    if path.is_file() {
        let bytes = fs::read(&path).map_err(|error| {
            CliError::new(Kind::User, "WIZ2220", format!("`{source}` cannot be read: {error}"))
                .hint("is it a file of yours?")
        })?;
        let inside = path.strip_prefix(session.root()).unwrap_or(Path::new(source));
        return Ok((format!("file:{}", inside.display()), bytes));
    }
    let fetcher = session.fetcher()?;
    let cancel = cancelled_by_signal()?;
    let found = fetcher.fetch_unpinned(source, LONGEST, &cancel, &mut |bytes| Ok(bytes));
    let found = found.map_err(|error| CliError::of(Kind::Surroundings, "WIZ2220", &error))?;
    output::note(&format!("{}, from {}", crate::config::Size(found.content.len() as u64), found.place));
    Ok((source.to_owned(), found.content))
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    made.map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", path.display());
        CliError::new(Kind::Surroundings, "WIZ2224", message).hint("is the workspace writable?")
    })
}
