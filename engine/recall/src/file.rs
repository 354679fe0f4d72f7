//! Files that hold one value and prove that they are whole: a magic line, the value in
//! postcard's encoding, and a BLAKE3 checksum over both. Written aside and renamed.
//! Unaware of what the values mean.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Length of the checksum at the end, in bytes.
const CHECKSUM: usize = 32;

/// Reads the value in `file`; `None` if there is no such file, it is damaged, or it was
/// written as something other than `magic`.
pub fn read<T: serde::de::DeserializeOwned>(file: &Path, magic: &str) -> Option<T> {
    decode(&fs::read(file).ok()?, magic)
}

/// Writes `value` in place of what is in `file`.
///
/// # Errors
/// If the folder or the file cannot be written.
pub fn write<T: serde::Serialize>(file: &Path, magic: &str, value: &T) -> io::Result<()> {
    let bytes = encode(magic, value)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.as_file_mut().write_all(&bytes)?;
    temporary.persist(file)?;
    Ok(())
}

fn encode<T: serde::Serialize>(magic: &str, value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = format!("{magic}\n").into_bytes();
    bytes = postcard::to_extend(value, bytes).map_err(io::Error::other)?;
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());
    Ok(bytes)
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], magic: &str) -> Option<T> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if blake3::hash(content).as_bytes() != checksum {
        return None;
    }
    let value = content.strip_prefix(magic.as_bytes())?.strip_prefix(b"\n")?;
    postcard::from_bytes(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_no_damage_goes_unnoticed() {
        let value = (7u64, "text".to_owned());
        let bytes = encode("magic", &value).unwrap();
        assert_eq!(decode::<(u64, String)>(&bytes, "magic"), Some(value));
        assert_eq!(decode::<(u64, String)>(&bytes, "other"), None);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(decode::<(u64, String)>(&damaged, "magic"), None, "bit flipped in byte {at}");
            assert_eq!(decode::<(u64, String)>(&bytes[..at], "magic"), None, "cut after {at} bytes");
        }
    }
}
