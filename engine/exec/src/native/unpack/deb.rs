//! Finding the data of a Debian package: an `ar` archive with a member `data.tar`,
//! compressed or not (deb(5)). Unaware of what is in it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::error::ArchiveProblem;

const GLOBAL_HEADER: u64 = 8;
const HEADER: usize = 60;

/// Moves `file` to the start of its data and returns how many bytes that has.
pub(super) fn seek_data(file: &mut File) -> Result<u64, ArchiveProblem> {
    let mut offset = GLOBAL_HEADER;
    loop {
        file.seek(SeekFrom::Start(offset)).map_err(ArchiveProblem::Damaged)?;
        let Some(header) = header(file).map_err(ArchiveProblem::Damaged)? else {
            return Err(ArchiveProblem::NoData);
        };
        let size = member_size(&header).ok_or(ArchiveProblem::Header { offset })?;
        if header.starts_with(b"data.tar") {
            return Ok(size);
        }
        // Members start at even offsets.
        offset += HEADER as u64 + size + size % 2;
    }
}

/// The next member's header; `None` at the end.
fn header(file: &mut File) -> io::Result<Option<[u8; HEADER]>> {
    let mut bytes = Vec::with_capacity(HEADER);
    file.take(HEADER as u64).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let whole = <[u8; HEADER]>::try_from(bytes);
    whole.map(Some).map_err(|_| io::Error::new(io::ErrorKind::UnexpectedEof, "a member's header is cut off"))
}

fn member_size(header: &[u8; HEADER]) -> Option<u64> {
    if &header[58..] != b"`\n" {
        return None;
    }
    let digits = std::str::from_utf8(&header[48..58]).ok()?.trim_end();
    // More than any file's size would overflow the next offset.
    digits.parse().ok().filter(|size| *size < 1 << 40)
}
