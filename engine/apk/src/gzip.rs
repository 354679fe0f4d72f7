//! gzip members: cutting a stream exactly where one ends, and writing one that is
//! the same bytes on every machine.
//!
//! Unaware of what is compressed. A package is members in a row, and signatures
//! and identities are over the compressed bytes of single members.

use std::io::{self, BufRead, Read, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// How many bytes the compressor is fed at a time. Its output may depend on how the
/// input is cut, so the cut must not depend on the caller.
const BLOCK: usize = 64 * 1024;

/// "Unknown", so that the header does not tell where a member was written.
const OPERATING_SYSTEM: u8 = 255;

/// A member read whole.
#[derive(Debug)]
pub(crate) struct Member {
    /// The bytes as they are in the stream, header and trailer included.
    pub(crate) compressed: Vec<u8>,
    /// What they decompress to.
    pub(crate) content: Vec<u8>,
}

/// Reads the next member and leaves `input` at the byte after it. `None` at the end.
///
/// # Errors
/// Malformed gzip, and content longer than `limit` bytes.
pub(crate) fn read_member(input: &mut impl BufRead, limit: u64) -> io::Result<Option<Member>> {
    if input.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let recorder = Recorder { inner: input, seen: Vec::new() };
    let mut decoder = flate2::bufread::GzDecoder::new(recorder);
    let mut content = Vec::new();
    (&mut decoder).take(limit).read_to_end(&mut content)?;
    if content.len() as u64 == limit && decoder.read(&mut [0])? != 0 {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("member is longer than {limit} bytes"),
        ));
    }
    Ok(Some(Member { compressed: decoder.into_inner().seen, content }))
}

/// Keeps what is consumed of the stream beneath.
struct Recorder<'a, R> {
    inner: &'a mut R,
    seen: Vec<u8>,
}

impl<R: BufRead> Read for Recorder<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.seen.extend_from_slice(&buffer[..length]);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Recorder<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(buffer) = self.inner.fill_buf() {
            self.seen.extend_from_slice(&buffer[..amount]);
        }
        self.inner.consume(amount);
    }
}

/// Writes one member: no name, no time, the highest level.
pub(crate) struct MemberWriter<W: Write> {
    encoder: GzEncoder<W>,
    block: Vec<u8>,
}

impl<W: Write> MemberWriter<W> {
    pub(crate) fn new(output: W) -> Self {
        let encoder =
            GzBuilder::new().mtime(0).operating_system(OPERATING_SYSTEM).write(output, Compression::best());
        Self { encoder, block: Vec::with_capacity(BLOCK) }
    }

    /// Writes the trailer and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.encoder.write_all(&self.block)?;
        self.encoder.finish()
    }
}

impl<W: Write> Write for MemberWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.encoder.write_all(&self.block)?;
            self.block.clear();
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `content` as one member.
pub(crate) fn compress(content: &[u8]) -> Vec<u8> {
    let mut writer = MemberWriter::new(Vec::new());
    writer.write_all(content).expect("writing to memory does not fail");
    writer.finish().expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_cut_exactly() {
        let (first, second) = (compress(b"one"), compress(&[7; 200_000]));
        let stream = [first.clone(), second.clone(), b"rest".to_vec()].concat();
        // A buffer of 5 bytes puts the borders of members inside and between fills.
        let mut input = io::BufReader::with_capacity(5, stream.as_slice());
        let member = read_member(&mut input, 3).unwrap().unwrap();
        assert_eq!((member.compressed, member.content), (first, b"one".to_vec()));
        let member = read_member(&mut input, 1 << 20).unwrap().unwrap();
        assert_eq!((member.compressed, member.content.len()), (second, 200_000));
        let mut rest = Vec::new();
        input.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"rest");
        assert!(read_member(&mut io::empty(), 1).unwrap().is_none());
    }

    #[test]
    fn a_member_over_the_limit_is_refused() {
        let stream = compress(&[0; 1000]);
        let error = read_member(&mut stream.as_slice(), 999).unwrap_err();
        assert_eq!(error.to_string(), "member is longer than 999 bytes");
        assert!(read_member(&mut stream.as_slice(), 1000).is_ok());
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_they_were_written() {
        let content: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(n) >> 9) as u8).collect();
        let mut pieces = MemberWriter::new(Vec::new());
        for piece in content.chunks(1013) {
            pieces.write_all(piece).unwrap();
        }
        assert_eq!(pieces.finish().unwrap(), compress(&content));
    }

    #[test]
    fn the_header_tells_nothing() {
        assert_eq!(compress(b"")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }
}
