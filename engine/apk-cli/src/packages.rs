//! Package files: brought here, checked against what vouches for them, and looked into.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::Path;

use wiz_apk::package::{PackageError, Script};
use wiz_apk::{PackageReader, Record, signature};
use wiz_solve::PackageId;

use crate::error::{Failure, StopError, chain};
use crate::session::Session;
use crate::settings::Trust;

/// A package file that is what it should be, rewound to its beginning.
#[derive(Debug)]
pub(crate) struct Fetched {
    file: File,
    /// The scripts it has.
    pub(crate) scripts: Vec<Script>,
}

/// A reader at the beginning of a package.
pub(crate) type Reader<'f> = PackageReader<BufReader<&'f File>>;

impl Fetched {
    pub(crate) fn reader(&self) -> Result<Reader<'_>, Failure> {
        open(&self.file).map_err(|error| StopError::new(chain(&error)).into())
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

fn open(mut file: &File) -> Result<Reader<'_>, PackageError> {
    file.rewind().map_err(|source| PackageError::Member { member: "control", source })?;
    PackageReader::open(BufReader::new(file))
}

/// Brings a package here and checks it from end to end; `None` if it has no files of its
/// own.
pub(crate) fn fetch(session: &Session, id: PackageId) -> Result<Option<Fetched>, Failure> {
    let package = session.pool.package(id);
    let name = package.record.display_name();
    let failed = |reason: &str| Failure::from(StopError::new(format!("{name}: {reason}")));
    if let Some(path) = session.files.get(&id) {
        let file = File::open(path).map_err(|error| failed(&error.to_string()))?;
        return check(&file, &package.record, session)
            .map(|scripts| Some(Fetched { file, scripts }))
            .map_err(|error| failed(&error));
    }
    if package.is_cached {
        let cached =
            session.cache.as_ref().map(|cache| cache.package(&package.record)).transpose()?.flatten();
        match cached {
            Some(file) => match check(&file, &package.record, session) {
                Ok(scripts) => return Ok(Some(Fetched { file, scripts })),
                Err(error) => session.settings.output.warning(&format!("{name}: in the cache: {error}")),
            },
            // Made up, without a file anywhere.
            None if package.record.installed_size == 0 && session.repository_of(id).is_none() => {
                return Ok(None);
            }
            None => {}
        }
    }
    let repository = session.repository_of(id).ok_or_else(|| {
        failed("could not find a repo which provides this package (check repositories file and run 'apk update')")
    })?;
    let mut last = None;
    for location in repository.package(&package.record) {
        match session.transport.file(&location) {
            Ok(file) => {
                let scripts = check(&file, &package.record, session).map_err(|error| failed(&error))?;
                if let Some(cache) =
                    session.cache.as_ref().filter(|cache| cache.keeps_packages && repository.is_remote)
                {
                    cache.keep(&package.record, &file)?;
                }
                return Ok(Some(Fetched { file, scripts }));
            }
            Err(error) => last = last.or(Some(error)),
        }
    }
    Err(failed(&last.map_or_else(|| "it is nowhere".to_owned(), |error| chain(&error))))
}

/// Checks a package of a repository: its identity is what the index, which is signed,
/// names; a signature by a known key fits; its data is what its control member vouches
/// for.
fn check(file: &File, record: &Record, session: &Session) -> Result<Vec<Script>, String> {
    let shown = |error: PackageError| chain(&error);
    let reader = open(file).map_err(shown)?;
    let control = reader.control();
    let found = match record.identity {
        Some(wiz_apk::Checksum::Sha256(_)) => control.identity_sha256(),
        _ => control.identity(),
    };
    if record.identity != Some(found) {
        return Err(format!("package file has another identity than the index says ({found})"));
    }
    if (&control.info.name, &control.info.version) != (&record.name, &record.version) {
        return Err(format!("package file is that of `{}-{}`", control.info.name, control.info.version));
    }
    let known = reader.signatures().iter().filter(|signature| session.keys.contains_key(&signature.key));
    let known: Vec<_> = known.cloned().collect();
    if session.settings.trust == Trust::Required && !known.is_empty() {
        signature::verify_any(&known, &control.bytes, &session.keys)
            .map_err(|error| format!("BAD signature: {error}"))?;
    }
    let scripts = control.scripts.keys().copied().collect();
    reader.list().map_err(shown)?;
    Ok(scripts)
}

/// Reads the record of a package file that the user named, which a known key must have
/// signed unless that was waived.
pub(crate) fn read_file(session: &Session, path: &str) -> Result<Record, Failure> {
    let failed = |reason: String| Failure::from(StopError::new(format!("{path}: {reason}")));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let size = file.metadata().map_err(|error| failed(error.to_string()))?.len();
    let reader = open(&file).map_err(|error| failed(chain(&error)))?;
    trust(session, &reader).map_err(failed)?;
    let control = reader.control();
    Ok(Record::from_info(&control.info, control.identity(), size))
}

/// Checks the signature of a package that no index vouches for.
fn trust(session: &Session, reader: &Reader<'_>) -> Result<(), String> {
    if session.settings.trust == Trust::Waived {
        return Ok(());
    }
    let signed = signature::verify_any(reader.signatures(), &reader.control().bytes, &session.keys);
    signed.map(drop).map_err(|error| {
        let hint = "hint: put its key into /etc/apk/keys, or take it nevertheless with --allow-untrusted";
        format!("UNTRUSTED signature: {}, {hint}", chain(&error))
    })
}

/// Checks a package or index file as `apk verify` does.
pub(crate) fn verify(session: &Session, path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let problem = match open(&file) {
        Ok(reader) => {
            trust(session, &reader)?;
            return reader.list().map(drop).map_err(|error| chain(&error));
        }
        Err(problem) => problem,
    };
    let mut input = BufReader::new(&file);
    input.rewind().map_err(|error| error.to_string())?;
    let Ok(index) = wiz_apk::index::archive::IndexArchive::read(input) else { return Err(chain(&problem)) };
    if session.settings.trust == Trust::Required {
        index.verify(&session.keys).map_err(|error| format!("UNTRUSTED signature: {}", chain(&error)))?;
    }
    index.records().map(drop).map_err(|error| chain(&error))
}

/// Packages brought here for a transaction, by id.
pub(crate) type FetchedPackages = BTreeMap<PackageId, Fetched>;
