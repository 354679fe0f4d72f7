//! Reading a tar stream entry by entry: ustar, old tar, GNU long names, PAX.
//!
//! Names and targets come as they stand in the archive. Unaware of where entries
//! end up.

use std::io::{self, Read};

use tar::{EntryType, Header, PaxExtensions};

use super::error::{ArchiveProblem, EntryProblem};
use super::limits::Share;

const BLOCK: u64 = 512;
/// Real extended headers hold a path or two.
const EXTENDED_LIMIT: u64 = 1 << 20;

/// One entry; its bytes are to be read from the stream before the next.
#[derive(Debug)]
pub(super) struct TarEntry {
    pub(super) name: Vec<u8>,
    pub(super) kind: TarKind,
    /// Permission bits with set-id bits.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) mtime: u64,
    /// Bytes of a regular file; 0 for everything else.
    pub(super) size: u64,
}

/// What an entry is.
#[derive(Debug)]
pub(super) enum TarKind {
    File,
    Folder,
    Symlink(Vec<u8>),
    HardLink(Vec<u8>),
    /// Something that no tree holds or that is not read.
    Refused(EntryProblem),
}

/// What is wrong, with the entry it is wrong about if there is one.
#[derive(Debug)]
pub(super) enum TarProblem {
    Archive(ArchiveProblem),
    Entry(Vec<u8>, EntryProblem),
}

impl From<ArchiveProblem> for TarProblem {
    fn from(problem: ArchiveProblem) -> Self {
        Self::Archive(problem)
    }
}

impl From<io::Error> for TarProblem {
    fn from(error: io::Error) -> Self {
        Self::Archive(ArchiveProblem::Damaged(error))
    }
}

/// A tar stream.
pub(super) struct TarStream<R> {
    source: R,
    offset: u64,
    /// Bytes of the current entry not yet read, and its padding.
    unread: u64,
    padding: u64,
}

/// What extension headers say about the entry that follows them.
#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    mtime: Option<u64>,
    size: Option<u64>,
    sparse: bool,
}

impl<R: Read> TarStream<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, offset: 0, unread: 0, padding: 0 }
    }

    /// The next entry, after whatever is left of the one before; `None` at the end
    /// marker.
    pub(super) fn next(&mut self, share: &mut Share<'_>) -> Result<Option<TarEntry>, TarProblem> {
        let mut extended = Extended::default();
        loop {
            self.skip(self.unread + self.padding)?;
            (self.unread, self.padding) = (0, 0);
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|_| self.bad_header(self.offset - BLOCK))?;
            share.entry(size.saturating_add(BLOCK))?;
            match header.entry_type() {
                EntryType::GNULongName => extended.name = Some(until_nul(self.extension(&header, size)?)),
                EntryType::GNULongLink => extended.target = Some(until_nul(self.extension(&header, size)?)),
                EntryType::XHeader => {
                    let bytes = self.extension(&header, size)?;
                    extended.read_pax(&bytes).ok_or_else(|| extension_problem(&header))?;
                }
                EntryType::XGlobalHeader => self.begin(size),
                _ => return self.entry(&header, size, extended, share).map(Some),
            }
        }
    }

    /// Reads on to the very end, so that the checksums of the compressed stream are
    /// looked at.
    pub(super) fn finish(mut self, share: &mut Share<'_>) -> Result<(), TarProblem> {
        let mut rest = vec![0; 64 * 1024];
        loop {
            let count = self.source.read(&mut rest)?;
            if count == 0 {
                return Ok(());
            }
            share.bytes(count as u64)?;
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        size: u64,
        extended: Extended,
        share: &mut Share<'_>,
    ) -> Result<TarEntry, TarProblem> {
        let name = extended.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let size = match extended.size {
            Some(real) if real != size => {
                share.bytes(real)?;
                real
            }
            _ => size,
        };
        self.begin(size);
        let target = || {
            let short = || header.link_name_bytes().unwrap_or_default().into_owned();
            extended.target.clone().unwrap_or_else(short)
        };
        let kind = match header.entry_type() {
            _ if extended.sparse => TarKind::Refused(EntryProblem::Unsupported("a sparse file")),
            // Before POSIX, a folder was a file whose name ends so.
            EntryType::Regular if name.ends_with(b"/") => TarKind::Folder,
            EntryType::Regular | EntryType::Continuous => TarKind::File,
            EntryType::Directory => TarKind::Folder,
            EntryType::Symlink => TarKind::Symlink(target()),
            EntryType::Link => TarKind::HardLink(target()),
            EntryType::Char => TarKind::Refused(EntryProblem::Special("character device")),
            EntryType::Block => TarKind::Refused(EntryProblem::Special("block device")),
            EntryType::Fifo => TarKind::Refused(EntryProblem::Special("named pipe")),
            EntryType::GNUSparse => TarKind::Refused(EntryProblem::Unsupported("a sparse file")),
            _ => TarKind::Refused(EntryProblem::Unsupported("of an unknown kind")),
        };
        let mtime = extended.mtime.unwrap_or_else(|| header.mtime().unwrap_or(0));
        let mode = header.mode().map_err(|_| self.bad_header(self.offset - BLOCK))?;
        let size = if matches!(kind, TarKind::File) { size } else { 0 };
        Ok(TarEntry { name, kind, mode, mtime, size })
    }

    fn begin(&mut self, size: u64) {
        self.unread = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }

    /// The next header; `None` at a block of zeros.
    fn header(&mut self) -> Result<Option<Header>, TarProblem> {
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < block.len() {
            match self.source.read(&mut block[filled..])? {
                0 => return Err(ArchiveProblem::NoEnd.into()),
                count => filled += count,
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if !header_sum_is_right(block) {
            return Err(self.bad_header(self.offset));
        }
        self.offset += BLOCK;
        Ok(Some(header))
    }

    fn bad_header(&self, offset: u64) -> TarProblem {
        ArchiveProblem::Header { offset }.into()
    }

    /// The bytes of an extension header.
    fn extension(&mut self, header: &Header, size: u64) -> Result<Vec<u8>, TarProblem> {
        if size > EXTENDED_LIMIT {
            return Err(extension_problem(header));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        let count = self.by_ref().read_to_end(&mut bytes)?;
        if (count as u64) < size {
            return Err(ArchiveProblem::NoEnd.into());
        }
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> Result<(), TarProblem> {
        let skipped = io::copy(&mut self.source.by_ref().take(count), &mut io::sink())?;
        self.offset += skipped;
        if skipped < count { Err(ArchiveProblem::NoEnd.into()) } else { Ok(()) }
    }
}

impl<R: Read> Read for TarStream<R> {
    /// Reads bytes of the current entry.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.unread).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.source.read(&mut buffer[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is cut off"));
        }
        self.unread -= count as u64;
        self.offset += count as u64;
        Ok(count)
    }
}

impl Extended {
    /// Takes what matters out of a PAX header; `None` if it is malformed.
    fn read_pax(&mut self, bytes: &[u8]) -> Option<()> {
        for record in PaxExtensions::new(bytes) {
            let record = record.ok()?;
            let value = || record.value().ok();
            match record.key().ok()? {
                "path" => self.name = Some(record.value_bytes().to_vec()),
                "linkpath" => self.target = Some(record.value_bytes().to_vec()),
                "size" => self.size = Some(value()?.parse().ok()?),
                "mtime" => self.mtime = seconds(value()?),
                key => self.sparse |= key.starts_with("GNU.sparse."),
            }
        }
        Some(())
    }
}

/// Whole seconds of a PAX time; times before 1970 count as 0.
fn seconds(text: &str) -> Option<u64> {
    let whole = text.split('.').next()?;
    if whole.starts_with('-') { Some(0) } else { whole.parse().ok() }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}

fn extension_problem(header: &Header) -> TarProblem {
    TarProblem::Entry(header.path_bytes().into_owned(), EntryProblem::Extended { limit: EXTENDED_LIMIT })
}

/// Whether the sum that a tar header holds is that of its bytes.
pub(super) fn header_sum_is_right(block: &[u8; 512]) -> bool {
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(place, byte)| if (148..156).contains(&place) { 32 } else { u32::from(*byte) })
        .sum();
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    header.cksum().is_ok_and(|stated| stated == sum)
}
