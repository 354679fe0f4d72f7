//! Digests of files and streams at the speed of the disk: small ones in one piece,
//! large ones read and hashed at the same time. Files are never mapped into memory,
//! since a file truncated meanwhile would kill the process. Unaware of the store.

use std::fs::File;
use std::io::{self, Read, Write};

use wiz_base::{Digest, DigestFunction, Hasher};

/// One piece of a large file, in bytes.
const PIECE: usize = 1 << 20;
/// From this size in bytes on, reading and hashing overlap.
const OVERLAP_FROM: u64 = 4 << 20;

/// The digest of what is left to read of `file`, whose size is about `size` bytes.
pub(crate) fn digest_file(function: DigestFunction, file: &mut File, size: u64) -> io::Result<Digest> {
    if size >= OVERLAP_FROM {
        return digest_overlapped(function, file, &mut io::sink());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.read_to_end(&mut bytes)?;
    Ok(function.digest(&bytes))
}

/// Copies `reader` to `writer` and returns the digest of what was copied.
pub(crate) fn digest_copy(
    function: DigestFunction,
    reader: &mut (dyn Read + Send),
    writer: &mut (dyn Write + Send),
) -> io::Result<Digest> {
    digest_overlapped(function, reader, writer)
}

/// Hashes and writes one piece while the next is read.
fn digest_overlapped(
    function: DigestFunction,
    reader: &mut (dyn Read + Send),
    writer: &mut (dyn Write + Send),
) -> io::Result<Digest> {
    let mut hasher = function.hasher();
    let mut current = read_piece(reader, Vec::new())?;
    let mut spare = Vec::new();
    while !current.is_empty() {
        if current.len() < PIECE {
            hash_and_write(&mut hasher, writer, &current)?;
            break;
        }
        let (written, next) = rayon::join(
            || hash_and_write(&mut hasher, writer, &current),
            || read_piece(reader, std::mem::take(&mut spare)),
        );
        written?;
        spare = std::mem::replace(&mut current, next?);
    }
    Ok(hasher.finish())
}

fn hash_and_write(hasher: &mut Hasher, writer: &mut (dyn Write + Send), bytes: &[u8]) -> io::Result<()> {
    hasher.update(bytes);
    writer.write_all(bytes)
}

/// Reads a whole piece; a shorter one is the last.
fn read_piece(reader: &mut (dyn Read + Send), mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
    buffer.clear();
    buffer.reserve(PIECE);
    reader.take(PIECE as u64).read_to_end(&mut buffer)?;
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_and_copy_like_the_whole() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7] {
            let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let mut copy = Vec::new();
            let digest = digest_copy(DigestFunction::Blake3, &mut &bytes[..], &mut copy).unwrap();
            assert_eq!(digest, DigestFunction::Blake3.digest(&bytes));
            assert!(copy == bytes, "{size}");
        }
    }
}
