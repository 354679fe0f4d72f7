//! What an archive is, by its first bytes, and the stream inside it. Unaware of
//! entries.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read, Seek};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, MtStreamBuilder, Stream};

/// A decoder needs about as much for its dictionary; `xz -9` takes 65 MiB.
const XZ_MEMORY: u64 = 1 << 30;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    Gzip,
    Xz,
    Lzip,
    Bzip2,
    Zstd,
    Zip,
    Ar,
    Tar,
    Unknown,
}

/// How many first bytes tell.
pub(super) const MAGIC_LEN: usize = 512;

impl Magic {
    /// What something is that starts with `head`.
    pub(super) fn of(head: &[u8]) -> Self {
        const MAGICS: [(&[u8], Magic); 8] = [
            (&[0x1f, 0x8b], Magic::Gzip),
            (b"\xfd7zXZ\0", Magic::Xz),
            (b"LZIP", Magic::Lzip),
            (b"BZh", Magic::Bzip2),
            (&[0x28, 0xb5, 0x2f, 0xfd], Magic::Zstd),
            (b"PK\x03\x04", Magic::Zip),
            (b"PK\x05\x06", Magic::Zip),
            (b"!<arch>\n", Magic::Ar),
        ];
        let known = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, kind)| *kind);
        known.unwrap_or_else(|| if is_tar_header(head) { Self::Tar } else { Self::Unknown })
    }

    /// Looks at a file and goes back to its start.
    pub(super) fn of_file(file: &mut File) -> io::Result<Self> {
        let mut head = Vec::with_capacity(MAGIC_LEN);
        file.by_ref().take(MAGIC_LEN as u64).read_to_end(&mut head)?;
        file.rewind()?;
        Ok(Self::of(&head))
    }
}

/// Whether the block is a tar header with the right sum, or the end of an empty tar.
fn is_tar_header(head: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(head) else { return false };
    block.iter().all(|byte| *byte == 0) || super::tar::header_sum_is_right(block)
}

/// The unpacked stream of something compressed, or the thing itself.
pub(super) fn decoded<R: Read + Send + 'static>(magic: Magic, source: R) -> io::Result<Box<dyn Read + Send>> {
    let source = BufReader::with_capacity(1 << 18, source);
    Ok(match magic {
        Magic::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        Magic::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(source)),
        Magic::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        Magic::Lzip => {
            let stream = Stream::new_lzip_decoder(XZ_MEMORY, CONCATENATED)?;
            Box::new(XzDecoder::new_stream(source, stream))
        }
        Magic::Xz => Box::new(XzStreams::new(source)?),
        Magic::Zip | Magic::Ar | Magic::Tar | Magic::Unknown => Box::new(source),
    })
}

/// One xz stream after the other; the blocks of a stream are decoded side by side.
struct XzStreams<R> {
    /// `None` only while one decoder is replaced by the next.
    decoder: Option<XzDecoder<R>>,
}

impl<R: BufRead> XzStreams<R> {
    fn new(source: R) -> io::Result<Self> {
        Ok(Self { decoder: Some(XzDecoder::new_stream(source, xz_decoder()?)) })
    }

    /// Whether another stream follows; padding between streams is zeros.
    fn next_stream(&mut self) -> io::Result<bool> {
        let Some(decoder) = self.decoder.take() else { return Ok(false) };
        let mut source = decoder.into_inner();
        loop {
            let buffer = source.fill_buf()?;
            let padding = buffer.iter().take_while(|byte| **byte == 0).count();
            let (empty, more) = (buffer.is_empty(), padding < buffer.len());
            source.consume(padding);
            if more {
                *self = Self::new(source)?;
                return Ok(true);
            }
            if empty {
                return Ok(false);
            }
        }
    }
}

impl<R: BufRead> Read for XzStreams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() || !self.next_stream()? {
                return Ok(count);
            }
        }
    }
}

fn xz_decoder() -> io::Result<Stream> {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let mut builder = MtStreamBuilder::new();
    builder.threads(u32::try_from(threads).unwrap_or(1));
    builder.memlimit_threading(XZ_MEMORY).memlimit_stop(XZ_MEMORY);
    Ok(builder.decoder()?)
}

/// A stream whose first bytes have been looked at.
pub(super) type Peeked<R> = Chain<Cursor<Vec<u8>>, R>;

/// The same stream after its first bytes have been looked at.
pub(super) fn peek<R: Read>(mut source: R) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::with_capacity(MAGIC_LEN);
    source.by_ref().take(MAGIC_LEN as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(source)))
}

/// Reads a stream on a thread of its own, some pieces ahead, so that decoding and
/// storing overlap.
#[derive(Debug)]
pub(super) struct ReadAhead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
}

/// Size of a piece, and how many wait at most: 4 MiB in all.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 16;

impl ReadAhead {
    /// Starts reading.
    pub(super) fn new(source: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(PIECES);
        let thread = std::thread::Builder::new().name("unpack".to_owned());
        thread.spawn(move || read_pieces(source, &sender))?;
        Ok(Self { pieces, piece: Cursor::default() })
    }
}

/// Ends when the stream does, when it fails, or when nobody wants more.
fn read_pieces(mut source: Box<dyn Read + Send>, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = source.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        // What was read before a failure is still good.
        let more = piece.is_empty() || sender.send(Ok(piece)).is_ok();
        match read {
            Ok(count) if count > 0 && more => {}
            Ok(_) => return,
            Err(error) => {
                let _ = sender.send(Err(error));
                return;
            }
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.pieces.recv() {
                Ok(piece) => self.piece = Cursor::new(piece?),
                Err(_) => return Ok(0),
            }
        }
    }
}
