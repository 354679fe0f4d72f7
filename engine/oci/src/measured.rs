//! A writer that hashes and counts what passes through it. Unaware of what the
//! bytes mean.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;

/// Passes bytes on to `inner`, keeping their SHA-256 and number.
#[derive(Debug)]
pub(crate) struct Measured<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Measured<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), size: 0 }
    }

    /// Bytes passed on so far.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Digest and number of the bytes passed on, and where they went.
    pub(crate) fn finish(self) -> (Sha256Digest, u64, W) {
        (Sha256Digest::new(self.hasher.finalize().into()), self.size, self.inner)
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
