//! Extended headers of POSIX.1-2001: `length key=value` records.
//!
//! Values are bytes: a capability attribute has line breaks and zeros in it.

use std::collections::BTreeMap;

/// The records of one extended header, by key.
pub(crate) type Records = BTreeMap<String, Vec<u8>>;

/// Reads the records of a header; `None` if it is malformed.
pub(crate) fn parse(mut bytes: &[u8]) -> Option<Records> {
    let mut records = Records::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
        let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let key = std::str::from_utf8(&record[..equals]).ok()?;
        records.insert(key.to_owned(), record[equals + 1..].to_vec());
        bytes = &bytes[length..];
    }
    Some(records)
}

/// Writes records, sorted by key.
pub(crate) fn format(records: &Records) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let payload = key.len() + value.len() + 3;
        // The length counts its own digits, so it can grow by one more.
        let mut length = payload + decimal_digits(payload);
        length = payload + decimal_digits(length);
        bytes.extend_from_slice(format!("{length} {key}=").as_bytes());
        bytes.extend_from_slice(value);
        bytes.push(b'\n');
    }
    bytes
}

fn decimal_digits(number: usize) -> usize {
    number.to_string().len()
}
