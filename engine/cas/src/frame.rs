//! Small files that prove they are whole: a magic line, fields, and a checksum over
//! all of it. Unaware of what the fields mean.

use wiz_base::Digest;

/// Length of the BLAKE3 checksum at the end.
const CHECKSUM_LEN: usize = 32;

/// Length of a hash within a digest.
const HASH_LEN: usize = 32;

/// Puts a framed file together. Numbers are little-endian.
#[derive(Debug)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    /// Starts a file of the kind and version that `magic` names.
    pub(crate) fn new(magic: &str) -> Self {
        let mut bytes = magic.as_bytes().to_vec();
        bytes.push(b'\n');
        Self(bytes)
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    /// Bytes whose length the reader knows.
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Bytes with their length in front, in eight bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        self.fixed(bytes);
    }

    pub(crate) fn digest(&mut self, digest: &Digest) {
        self.fixed(digest.hash());
        self.word(digest.size());
    }

    /// Adds the checksum.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let checksum = blake3::hash(&self.0);
        self.0.extend(checksum.as_bytes());
        self.0
    }
}

/// Takes a framed file apart; every method gives `None` where the file ends early.
#[derive(Debug)]
pub(crate) struct FrameReader<'a>(&'a [u8]);

impl<'a> FrameReader<'a> {
    /// Checks the checksum and the magic; `None` if either is wrong.
    pub(crate) fn open(magic: &str, bytes: &'a [u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_LEN)?)?;
        if blake3::hash(content).as_bytes() != checksum {
            return None;
        }
        content.strip_prefix(magic.as_bytes())?.strip_prefix(b"\n").map(Self)
    }

    pub(crate) fn word(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.fixed()?))
    }

    pub(crate) fn fixed<const LENGTH: usize>(&mut self) -> Option<&'a [u8; LENGTH]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(field)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.word()?).ok()?;
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        let hash = *self.fixed::<HASH_LEN>()?;
        Some(Digest::new(hash, self.word()?))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wiz_base::DigestFunction;

    fn example() -> Vec<u8> {
        let mut frame = Frame::new("magic");
        frame.word(7);
        frame.bytes(b"text");
        frame.digest(&DigestFunction::Sha256.empty());
        frame.finish()
    }

    #[test]
    fn fields_come_back_in_order() {
        let bytes = example();
        let mut frame = FrameReader::open("magic", &bytes).unwrap();
        assert_eq!(frame.word(), Some(7));
        assert_eq!(frame.text(), Some("text"));
        assert_eq!(frame.digest(), Some(DigestFunction::Sha256.empty()));
        assert!(frame.is_at_end() && frame.word().is_none());
        assert!(FrameReader::open("other", &bytes).is_none());
    }

    proptest! {
        #[test]
        fn no_damage_goes_unnoticed(at in 0..example().len(), bit in 0..8u8, cut in 1..example().len()) {
            let mut flipped = example();
            flipped[at] ^= 1 << bit;
            prop_assert!(FrameReader::open("magic", &flipped).is_none());
            prop_assert!(FrameReader::open("magic", &example()[cut..]).is_none());
            prop_assert!(FrameReader::open("magic", &example()[..cut]).is_none());
        }
    }
}
