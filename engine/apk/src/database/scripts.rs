//! `scripts.tar`: the maintainer scripts of installed packages, uncompressed.
//!
//! An entry's name says whose and which script it is:
//! `name-version.identity.script`.

use std::io::Read;

use crate::archive::reader::read_archive;
use crate::archive::writer::ArchiveWriter;
use crate::archive::{ArchiveError, Entry};
use crate::checksum::Checksum;
use crate::package::Script;

/// One package's script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledScript {
    /// `name-version` of the package.
    pub package: String,
    /// The package's identity.
    pub identity: Checksum,
    /// Which script it is.
    pub script: Script,
    /// Its text.
    pub content: Vec<u8>,
}

/// Reads the scripts. Entries whose names do not follow the pattern are skipped, as
/// apk skips them.
///
/// # Errors
/// [`ArchiveError`] if the archive is malformed.
pub fn parse(input: impl Read) -> Result<Vec<InstalledScript>, ArchiveError> {
    let mut scripts = Vec::new();
    read_archive::<ArchiveError>(input, &mut |entry, content| {
        let Some((package, identity, script)) = parse_name(&entry.path) else { return Ok(()) };
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        scripts.push(InstalledScript { package, identity, script, content: bytes });
        Ok(())
    })?;
    Ok(scripts)
}

/// `name-version.Q1….script`; base64 has no full stop, so the last two divide it.
fn parse_name(name: &str) -> Option<(String, Checksum, Script)> {
    let (rest, script) = name.rsplit_once('.')?;
    let (package, identity) = rest.rsplit_once(".Q")?;
    Some((package.to_owned(), format!("Q{identity}").parse().ok()?, Script::from_name(script)?))
}

/// Writes the scripts in order, with the modification time `epoch`. Without scripts
/// it is an empty archive: two zero blocks.
///
/// # Errors
/// [`ArchiveError`] if a package's name cannot stand in an archive.
pub fn format(scripts: &[InstalledScript], epoch: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = ArchiveWriter::new(Vec::new());
    for script in scripts {
        let name = format!("{}.{}.{}", script.package, script.identity, script.script);
        let entry = Entry { checksum: None, mode: 0o755, ..Entry::file(&name, &script.content) };
        archive.append(&entry, epoch, &mut script.content.as_slice())?;
    }
    archive.finish()
}
