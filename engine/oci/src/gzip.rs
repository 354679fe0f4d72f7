//! gzip members whose bytes follow from their content alone: no name, no time,
//! a fixed system byte, the highest level of one compressor.
//!
//! Unaware of what is compressed. A new release of the compressor may change
//! the bytes; the golden tests of [`crate::segment`] and [`crate::layer`] say so.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

/// The header's system byte: unknown.
const SYSTEM_UNKNOWN: u8 = 255;

/// Starts a gzip member on `output`.
pub(crate) fn encoder<W: Write>(output: W) -> GzEncoder<W> {
    GzBuilder::new().mtime(0).operating_system(SYSTEM_UNKNOWN).write(output, Compression::best())
}

/// One whole member holding `bytes`.
pub(crate) fn member(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = encoder(Vec::new());
    encoder.write_all(bytes)?;
    encoder.finish()
}
