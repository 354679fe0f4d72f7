//! Blobs as they travel: as they are, or as zstd frames. What comes is never taken for more
//! than its digest says.

use std::io::{self, Read, Write};

use bazel_remote_apis::build::bazel::remote::execution::v2::compressor;

/// The level that costs less time than an ordinary network needs for what it saves.
const LEVEL: i32 = 1;

/// Smaller blobs are not worth a frame.
const WORTH: usize = 512;

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compressor {
    Identity,
    Zstd,
}

impl Compressor {
    /// The number in messages.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Identity => compressor::Value::Identity as i32,
            Self::Zstd => compressor::Value::Zstd as i32,
        }
    }

    /// The one of a number; `None` if it is not spoken.
    pub(crate) const fn of(number: i32) -> Option<Self> {
        const ZSTD: i32 = Compressor::Zstd.number();
        const IDENTITY: i32 = Compressor::Identity.number();
        match number {
            IDENTITY => Some(Self::Identity),
            ZSTD => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// A small blob as it travels, compressed if that is allowed and makes it smaller.
pub(crate) fn pack(data: Vec<u8>, allowed: Compressor) -> (Vec<u8>, Compressor) {
    if allowed == Compressor::Zstd && data.len() >= WORTH {
        match zstd::bulk::compress(&data, LEVEL) {
            Ok(packed) if packed.len() < data.len() => return (packed, Compressor::Zstd),
            // Incompressible.
            Ok(_) | Err(_) => {}
        }
    }
    (data, Compressor::Identity)
}

/// A small blob as it is; `None` if it is not `size` bytes, or no frame.
pub(crate) fn unpack(data: Vec<u8>, compressor: Compressor, size: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(size).ok()?;
    let data = match compressor {
        Compressor::Identity => data,
        Compressor::Zstd => zstd::bulk::decompress(&data, size).ok()?,
    };
    (data.len() == size).then_some(data)
}

/// A reader of what is read from `plain`, as it travels.
///
/// # Errors
/// If there is no memory for it.
pub(crate) fn packing<'a>(
    plain: impl Read + Send + 'a,
    compressor: Compressor,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match compressor {
        Compressor::Identity => Box::new(plain),
        Compressor::Zstd => Box::new(zstd::stream::read::Encoder::new(plain, LEVEL)?),
    })
}

/// Writes what travelled into `plain` as it is, and not more than `most` bytes of it.
pub(crate) struct Unpacking<W: Write> {
    inner: Inner<W>,
}

enum Inner<W: Write> {
    Identity(Limited<W>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Limited<W>>>),
}

struct Limited<W> {
    plain: W,
    written: u64,
    most: u64,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.written + data.len() as u64 > self.most {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is more than the digest says"));
        }
        let written = self.plain.write(data)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.plain.flush()
    }
}

impl<W: Write> Unpacking<W> {
    /// Writes into `plain`, which takes `most` bytes.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(plain: W, compressor: Compressor, most: u64) -> io::Result<Self> {
        let plain = Limited { plain, written: 0, most };
        let inner = match compressor {
            Compressor::Identity => Inner::Identity(plain),
            Compressor::Zstd => Inner::Zstd(Box::new(zstd::stream::write::Decoder::new(plain)?)),
        };
        Ok(Self { inner })
    }

    /// Writes a piece of what travelled.
    ///
    /// # Errors
    /// If it is no frame, too much, or cannot be written.
    pub(crate) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.inner {
            Inner::Identity(plain) => plain.write_all(piece),
            Inner::Zstd(decoder) => decoder.write_all(piece),
        }
    }

    /// Writes what is still held back; returns how many bytes there were, unpacked.
    ///
    /// # Errors
    /// As [`Unpacking::take`].
    pub(crate) fn flush(&mut self) -> io::Result<u64> {
        match &mut self.inner {
            Inner::Identity(plain) => plain.flush().map(|()| plain.written),
            Inner::Zstd(decoder) => decoder.flush().map(|()| decoder.get_ref().written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        b"some text that repeats itself. ".repeat(5000)
    }

    #[test]
    fn small_blobs_come_as_they_went() {
        for data in [Vec::new(), b"short".to_vec(), text()] {
            for allowed in [Compressor::Identity, Compressor::Zstd] {
                let (packed, compressor) = pack(data.clone(), allowed);
                assert!(packed.len() <= data.len());
                assert_eq!(unpack(packed, compressor, data.len() as u64), Some(data.clone()));
            }
        }
    }

    #[test]
    fn a_blob_of_another_size_is_none() {
        let (packed, compressor) = pack(text(), Compressor::Zstd);
        assert_eq!(compressor, Compressor::Zstd);
        let size = text().len() as u64;
        assert_eq!(unpack(packed.clone(), compressor, size - 1), None);
        assert_eq!(unpack(packed.clone(), compressor, size + 1), None);
        assert_eq!(unpack(packed, Compressor::Identity, size), None);
        assert_eq!(unpack(b"no frame".to_vec(), Compressor::Zstd, 8), None);
    }

    #[test]
    fn streams_come_as_they_went_and_never_longer() {
        for compressor in [Compressor::Identity, Compressor::Zstd] {
            let mut packed = Vec::new();
            packing(text().as_slice(), compressor).unwrap().read_to_end(&mut packed).unwrap();
            let size = text().len() as u64;
            let mut plain = Vec::new();
            let mut unpacking = Unpacking::new(&mut plain, compressor, size).unwrap();
            packed.chunks(1000).for_each(|piece| unpacking.take(piece).unwrap());
            assert_eq!(unpacking.flush().unwrap(), size);
            drop(unpacking);
            assert_eq!(plain, text());
            let mut short = Unpacking::new(io::sink(), compressor, size - 1).unwrap();
            let refused = packed.chunks(1000).try_for_each(|piece| short.take(piece)).is_err();
            assert!(refused || short.flush().is_err());
        }
    }
}
