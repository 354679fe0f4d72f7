//! PAX extended headers: `<length> <key>=<value>\n` records in front of an
//! entry. Unaware of which keys mean what.

use std::collections::BTreeMap;

use ::tar::{EntryType, Header};

use super::{fill, padding};

/// Folder in which tools that do not know PAX headers would put them.
const FOLDER: &str = "PaxHeaders/";

/// Records of one entry, written in the order of their keys.
#[derive(Debug, Default)]
pub(super) struct PaxRecords(BTreeMap<String, Vec<u8>>);

impl PaxRecords {
    pub(super) fn insert(&mut self, key: &str, value: &[u8]) {
        self.0.insert(key.to_owned(), value.to_vec());
    }

    /// The extended header with its records, as whole blocks; nothing if there
    /// are no records. `file_name` is what the entry is called, for its label.
    pub(super) fn blocks(&self, file_name: &str) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let records: Vec<u8> = self.0.iter().flat_map(|(key, value)| record(key, value)).collect();
        let size = records.len() as u64;
        let mut header = Header::new_ustar();
        fill(&mut header.as_old_mut().name, label(file_name).as_bytes());
        header.set_entry_type(EntryType::XHeader);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        [header.as_bytes().as_slice(), &records, padding(size)].concat()
    }
}

/// The extended header's own name, in ASCII.
fn label(file_name: &str) -> String {
    let ascii = file_name.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' });
    FOLDER.chars().chain(ascii).take(100).collect()
}

/// One record. Its length counts itself, so it is found by growing a guess.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + decimal_digits(length) != length {
        length = rest + decimal_digits(length);
    }
    let mut bytes = format!("{length} {key}=").into_bytes();
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
    bytes
}

fn decimal_digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_digits() {
        assert_eq!(record("path", b"abc"), b"12 path=abc\n");
        for length in 0..2000 {
            let bytes = record("key", &vec![b'x'; length]);
            let text = String::from_utf8(bytes).unwrap();
            let (stated, _) = text.split_once(' ').unwrap();
            assert_eq!(stated.parse(), Ok(text.len()));
        }
    }
}
