//! Writes an archive entry by entry, the same bytes for the same entries.
//!
//! Headers are ustar; what does not fit goes into an extended header before the
//! entry. Unaware of order and duplicates: that is the caller's contract.

use std::io::{Read, Write};

use super::pax::{self, Records};
use super::{ArchiveError, CHECKSUM_PREFIX, Entry, Kind, XATTR_PREFIX, is_safe_path};
use crate::checksum::Checksum;

const BLOCK: usize = 512;
const COPY_BUFFER: usize = 64 * 1024;

/// An archive being written to `output`.
pub(crate) struct ArchiveWriter<W: Write> {
    output: W,
}

impl<W: Write> ArchiveWriter<W> {
    pub(crate) fn new(output: W) -> Self {
        Self { output }
    }

    /// Writes one entry with the modification time `mtime`. `content` is read to its
    /// end and must have as many bytes as the entry says.
    pub(crate) fn append(
        &mut self,
        entry: &Entry,
        mtime: u64,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        if !is_safe_path(&entry.path) {
            return Err(ArchiveError::Path { path: entry.path.clone() });
        }
        let mut records = records(entry);
        let header = header(entry, mtime, &mut records)?;
        if !records.is_empty() {
            self.append_records(&records, mtime)?;
        }
        self.output.write_all(header.as_bytes())?;
        let actual = self.copy(content)?;
        if actual != entry.size() {
            return Err(ArchiveError::Size { path: entry.path.clone(), expected: entry.size(), actual });
        }
        self.pad(actual)
    }

    /// Gives the output back without end blocks, so that another archive can follow.
    pub(crate) fn into_open_end(self) -> W {
        self.output
    }

    /// Writes the two zero blocks that end an archive.
    pub(crate) fn finish(mut self) -> Result<W, ArchiveError> {
        self.output.write_all(&[0; 2 * BLOCK])?;
        Ok(self.output)
    }

    fn append_records(&mut self, records: &Records, mtime: u64) -> Result<(), ArchiveError> {
        let body = pax::format(records);
        let mut header = tar::Header::new_ustar();
        put(&mut fields(&mut header).name, b"PaxHeaders");
        header.set_entry_type(tar::EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(mtime);
        header.set_size(body.len() as u64);
        header.set_cksum();
        self.output.write_all(header.as_bytes())?;
        self.output.write_all(&body)?;
        self.pad(body.len() as u64)
    }

    fn copy(&mut self, content: &mut dyn Read) -> Result<u64, ArchiveError> {
        let mut buffer = vec![0; COPY_BUFFER];
        let mut total = 0;
        loop {
            let length = match content.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            self.output.write_all(&buffer[..length])?;
            total += length as u64;
        }
    }

    fn pad(&mut self, size: u64) -> Result<(), ArchiveError> {
        let over = usize::try_from(size % BLOCK as u64).expect("a block's length fits");
        if over > 0 {
            self.output.write_all(&[0; BLOCK][over..])?;
        }
        Ok(())
    }
}

/// What a ustar header has no field for.
fn records(entry: &Entry) -> Records {
    let mut records = Records::new();
    for (name, value) in &entry.xattrs {
        records.insert(format!("{XATTR_PREFIX}{name}"), value.clone());
    }
    let algorithm = match entry.checksum {
        Some(Checksum::Sha1(_)) => "SHA1",
        Some(Checksum::Sha256(_)) => "SHA256",
        None => return records,
    };
    let hash = entry.checksum.map(|checksum| hex::encode(checksum.bytes())).unwrap_or_default();
    records.insert(format!("{CHECKSUM_PREFIX}{algorithm}"), hash.into_bytes());
    records
}

/// The entry's header; names too long for it go into `records`.
fn header(entry: &Entry, mtime: u64, records: &mut Records) -> Result<tar::Header, ArchiveError> {
    let malformed = |field| ArchiveError::Field { path: entry.path.clone(), field };
    let mut header = tar::Header::new_ustar();
    let (flag, target, slash) = match &entry.kind {
        Kind::File { .. } => (tar::EntryType::Regular, None, ""),
        Kind::Directory => (tar::EntryType::Directory, None, "/"),
        Kind::Symlink { target } => (tar::EntryType::Symlink, Some(target), ""),
        Kind::HardLink { target } => (tar::EntryType::Link, Some(target), ""),
    };
    header.set_entry_type(flag);
    header.set_mode(entry.mode & 0o7777);
    header.set_uid(u64::from(entry.owner.uid));
    header.set_gid(u64::from(entry.owner.gid));
    header.set_mtime(mtime);
    header.set_size(entry.size());
    let ustar = fields(&mut header);
    let path = format!("{}{slash}", entry.path);
    if !put(&mut ustar.name, path.as_bytes()) {
        records.insert("path".to_owned(), path.into_bytes());
    }
    if let Some(target) = target {
        if target.is_empty() || target.contains('\0') {
            return Err(malformed("link target"));
        }
        if !put(&mut ustar.linkname, target.as_bytes()) {
            records.insert("linkpath".to_owned(), target.clone().into_bytes());
        }
    }
    if !put(&mut ustar.uname[..31], entry.owner.user.as_bytes()) {
        return Err(malformed("user name"));
    }
    if !put(&mut ustar.gname[..31], entry.owner.group.as_bytes()) {
        return Err(malformed("group name"));
    }
    header.set_cksum();
    Ok(header)
}

fn fields(header: &mut tar::Header) -> &mut tar::UstarHeader {
    header.as_ustar_mut().expect("the header was made as ustar")
}

/// Copies `text` to the beginning of `field`; what does not fit is cut off and
/// `false` returned.
fn put(field: &mut [u8], text: &[u8]) -> bool {
    let length = text.len().min(field.len());
    field[..length].copy_from_slice(&text[..length]);
    length == text.len()
}
