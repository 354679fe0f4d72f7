//! Reads an archive entry by entry.
//!
//! The tar crate finds the headers; what they mean to apk, and how long an extended
//! header may be, is settled here.

use std::io::Read;

use super::pax::{self, Records};
use super::{ArchiveError, CHECKSUM_PREFIX, Entry, Kind, Owner, XATTR_PREFIX, is_safe_path};
use crate::checksum::Checksum;

const MAX_HEADER: u64 = 1 << 20;

/// Calls `visit` with each entry and its content, in order. The archive may end with
/// zero blocks or without; content that `visit` leaves is skipped.
pub(crate) fn read_archive<E: From<ArchiveError>>(
    input: impl Read,
    visit: &mut dyn FnMut(Entry, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(input);
    let mut pending = Pending::default();
    for raw in archive.entries().map_err(ArchiveError::Io)?.raw(true) {
        let mut raw = raw.map_err(ArchiveError::Io)?;
        let header = raw.header().clone();
        let flag = header.entry_type();
        if flag.is_pax_local_extensions() {
            let bytes = read_extension(&mut raw)?;
            pending.records.append(&mut pax::parse(&bytes).ok_or_else(|| malformed("", "extended header"))?);
        } else if flag.is_gnu_longname() {
            pending.records.insert("path".to_owned(), until_zero(read_extension(&mut raw)?));
        } else if flag.is_gnu_longlink() {
            pending.records.insert("linkpath".to_owned(), until_zero(read_extension(&mut raw)?));
        } else if flag.is_pax_global_extensions() {
            read_extension(&mut raw)?;
        } else {
            let entry = std::mem::take(&mut pending).entry(&header)?;
            visit(entry, &mut raw)?;
        }
    }
    if pending.records.is_empty() { Ok(()) } else { Err(ArchiveError::DanglingHeader.into()) }
}

fn read_extension(raw: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, ArchiveError> {
    if raw.size() > MAX_HEADER {
        return Err(ArchiveError::HeaderTooLong { size: raw.size() });
    }
    let mut bytes = Vec::new();
    raw.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

fn malformed(path: &str, field: &'static str) -> ArchiveError {
    ArchiveError::Field { path: path.to_owned(), field }
}

/// Extended headers read so far for the entry that follows.
#[derive(Default)]
struct Pending {
    records: Records,
}

impl Pending {
    fn entry(mut self, header: &tar::Header) -> Result<Entry, ArchiveError> {
        let mut path = self.text("path", &header.path_bytes())?;
        if path.ends_with('/') {
            path.pop();
        }
        if !is_safe_path(&path) {
            return Err(ArchiveError::Path { path });
        }
        let mode = header.mode().map_err(|_| malformed(&path, "mode"))? & 0o7777;
        let mtime = header.mtime().map_err(|_| malformed(&path, "modification time"))?;
        let size = header.entry_size().map_err(|_| malformed(&path, "size"))?;
        if self.records.get("size").is_some_and(|value| *value != size.to_string().into_bytes()) {
            return Err(malformed(&path, "size"));
        }
        Ok(Entry {
            kind: self.kind(&path, header, size)?,
            owner: self.owner(&path, header)?,
            checksum: self.checksum(&path)?,
            xattrs: self.xattrs(),
            path,
            mode,
            mtime,
        })
    }

    /// The record `key`, or else the header's own bytes, as text.
    fn text(&self, key: &str, plain: &[u8]) -> Result<String, ArchiveError> {
        let bytes = self.records.get(key).map_or(plain, Vec::as_slice);
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(malformed(&String::from_utf8_lossy(bytes), "name")),
        }
    }

    fn kind(&self, path: &str, header: &tar::Header, size: u64) -> Result<Kind, ArchiveError> {
        let flag = header.entry_type();
        let target = || self.text("linkpath", &header.link_name_bytes().unwrap_or_default());
        let kind = if flag.is_file() || flag.is_contiguous() {
            return Ok(Kind::File { size });
        } else if flag.is_dir() {
            Kind::Directory
        } else if flag.is_symlink() {
            Kind::Symlink { target: target()? }
        } else if flag.is_hard_link() {
            let target = target()?;
            if !is_safe_path(&target) {
                return Err(ArchiveError::Path { path: target });
            }
            Kind::HardLink { target }
        } else {
            return Err(ArchiveError::Kind { path: path.to_owned(), flag: char::from(flag.as_byte()) });
        };
        if size == 0 { Ok(kind) } else { Err(malformed(path, "size")) }
    }

    fn owner(&self, path: &str, header: &tar::Header) -> Result<Owner, ArchiveError> {
        let id = |key: &str, plain: std::io::Result<u64>, field| {
            let number = match self.records.get(key) {
                Some(value) => std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
                None => plain.ok(),
            };
            number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| malformed(path, field))
        };
        Ok(Owner {
            uid: id("uid", header.uid(), "user id")?,
            gid: id("gid", header.gid(), "group id")?,
            user: self.text("uname", header.username_bytes().unwrap_or_default())?,
            group: self.text("gname", header.groupname_bytes().unwrap_or_default())?,
        })
    }

    /// The strongest checksum of those given.
    fn checksum(&self, path: &str) -> Result<Option<Checksum>, ArchiveError> {
        let hash = |algorithm: &str| self.records.get(&format!("{CHECKSUM_PREFIX}{algorithm}"));
        let wrong = |_| malformed(path, "checksum");
        if let Some(text) = hash("SHA256") {
            let mut hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).map_err(wrong)?;
            return Ok(Some(Checksum::Sha256(hash)));
        }
        let Some(text) = hash("SHA1") else { return Ok(None) };
        let mut hash = [0; 20];
        hex::decode_to_slice(text, &mut hash).map_err(wrong)?;
        Ok(Some(Checksum::Sha1(hash)))
    }

    fn xattrs(&mut self) -> std::collections::BTreeMap<String, Vec<u8>> {
        let records = std::mem::take(&mut self.records);
        let name = |key: String| key.strip_prefix(XATTR_PREFIX).map(str::to_owned);
        records.into_iter().filter_map(|(key, value)| Some((name(key)?, value))).collect()
    }
}
