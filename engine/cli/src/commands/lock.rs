//! `wiz lock`: compares lock files with what the archives say today, and writes them anew.
//! What is locked is said by targets that have a `LockInfo`; no build comes here.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use wiz_base::{Diagnostic, RelPath, TargetPattern};

use crate::arguments::{BuildOptions, Lock};
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::interrupt::cancelled_by_signal;
use crate::output;
use crate::session::Session;

pub(super) mod archive;
mod crates;
mod difference;
mod file;
mod request;
mod signature;

use archive::Archive;
use file::LockFile;
use request::{Request, Source};

/// Checks or writes the lock files of targets.
///
/// # Errors
/// If there is nothing to lock, an archive's index cannot be had or does not have what is
/// asked for, or a lock file differs and is not to be written.
pub(crate) fn run(config: &Config, lock: &Lock) -> Result<(), CliError> {
    let session = Session::open(config, &BuildOptions { offline: lock.offline, ..BuildOptions::default() })?;
    let requests = requests(config, &session, &lock.labels)?;
    let fetcher = session.fetcher()?;
    let cancel = cancelled_by_signal()?;
    let archive = Archive { fetcher: &fetcher, cancel: &cancel, root: session.root() };
    let mut differing = Vec::new();
    for request in &requests {
        let lists = match &request.wanted {
            Source::Debian(debian) => archive.lists(request, debian)?,
            Source::Cargo(cargo) => vec![crates::list(&archive, request, cargo)?],
        };
        let wanted = LockFile { doc: request.doc.clone(), label: request.label.to_string(), lists };
        let path = session.root().join(request.file.as_str());
        let text = read(&path)?;
        if text.as_deref() == Some(&*wanted.text()) {
            output::result(&format!("{}\t{}", request.label, request.file));
            continue;
        }
        let present = text.as_deref().map(LockFile::read).unwrap_or_default();
        output::note(&format!("{}: {}", request.label, request.file));
        output::note(difference::between(&present, &wanted.lists).trim_end());
        if lock.update {
            write(&path, &wanted.text())?;
            output::result(&format!("{}\t{}", request.label, request.file));
        } else {
            differing.push(request);
        }
    }
    if differing.is_empty() { Ok(()) } else { Err(out_of_date(&differing)) }
}

fn out_of_date(differing: &[&Request]) -> CliError {
    let diagnostic = |request: &&Request| {
        let message = format!("`{}` is not what `{}` comes to today", request.file, request.label);
        let mut diagnostic = Diagnostic::error("WIZ2204", message);
        diagnostic.hint = Some(format!("`wiz lock --update {}` writes it", request.label));
        diagnostic
    };
    CliError::several(Kind::Failed, differing.iter().map(diagnostic).collect())
}

/// What the targets that are named ask for, ordered by label.
fn requests(config: &Config, session: &Session<'_>, labels: &[String]) -> Result<Vec<Request>, CliError> {
    let mut patterns = labels
        .iter()
        .map(|text| pattern(&config.directory, session.root(), text))
        .collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() {
        patterns.push(TargetPattern::Recursive(RelPath::root()));
    }
    let built = session.analyse(&patterns)?;
    let locked = built.requested().filter_map(|target| Some((target, target.provider("LockInfo")?)));
    let requests =
        locked.map(|(target, info)| Request::read(&target.id.label, info)).collect::<Result<Vec<_>, _>>()?;
    if requests.is_empty() {
        let message = "none of these targets says what to lock";
        return Err(CliError::new(Kind::User, "WIZ2200", message)
            .hint("targets of `debian_lock` do, and packages that are built by `cargo`: see //starlark-rules/lock.star"));
    }
    Ok(requests)
}

/// A label or pattern, or a folder seen from where the user stands.
pub(super) fn pattern(here: &Path, root: &Path, text: &str) -> Result<TargetPattern, CliError> {
    let folder = here.join(text);
    if text.starts_with("//") || !folder.is_dir() {
        return TargetPattern::parse(text).map_err(|error| {
            CliError::new(Kind::User, "WIZ2022", error.to_string())
                .hint("name a target such as `//toolchains/seed/lock`, or a folder")
        });
    }
    let folder = folder.canonicalize().ok().zip(root.canonicalize().ok());
    let below = folder.as_ref().and_then(|(folder, root)| folder.strip_prefix(root).ok()?.to_str());
    below.and_then(|below| RelPath::new(below).ok()).map(TargetPattern::Recursive).ok_or_else(|| {
        CliError::new(Kind::User, "WIZ2022", format!("`{text}` is not a folder of this workspace"))
    })
}

fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read(path) {
        // What is no text differs from what is written, which is all that matters.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, "read", &error)),
    }
}

/// Replaces the file in one step: whoever reads it sees the old or the new one.
fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let temporary = path.with_extension("star.new");
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        unusable(path, "written", &error)
    })
}

fn unusable(path: &Path, what: &str, error: &std::io::Error) -> CliError {
    let message = format!("`{}` cannot be {what}: {error}", path.display());
    CliError::new(Kind::Surroundings, "WIZ2205", message)
}
