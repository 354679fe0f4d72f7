//! Uses that processes without the index leave behind: lines added at the end of
//! one file, each with a checksum. Unaware of the index.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use wiz_base::Digest;

use super::{IndexRecord, Use};
use crate::error::StoreError;
use crate::store::Store;

/// Digits of the checksum in front of each line.
const CHECK_LEN: usize = 16;

impl Store {
    /// Notes when results were used, for collection and for finding near results.
    /// Meant to be called once at the end of a build; all of it is one write.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written; only recency is lost then.
    pub fn note_uses(&self, uses: &[Use]) -> Result<(), StoreError> {
        let lines: String = uses.iter().map(line).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.layout().journal();
        let file = File::options().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
        written.map_err(StoreError::io("write", &path))
    }
}

/// `<checksum> <seconds> <bytes> <key> <note>`.
fn line(used: &Use) -> String {
    let Use { key, record } = used;
    let note = record.note.replace('\n', " ");
    let text = format!("{} {} {key} {note}", record.used, record.bytes);
    format!("{} {text}\n", check(&text))
}

fn check(text: &str) -> String {
    let mut hex = blake3::hash(text.as_bytes()).to_hex().to_string();
    hex.truncate(CHECK_LEN);
    hex
}

/// All whole lines of a journal; what is damaged or cut short is left out.
pub(crate) fn read_journal(path: &Path) -> Vec<Use> {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter_map(|line| parse(std::str::from_utf8(line).ok()?)).collect()
}

fn parse(line: &str) -> Option<Use> {
    let (checksum, text) = line.split_once(' ')?;
    if check(text) != checksum {
        return None;
    }
    let mut fields = text.splitn(4, ' ');
    let (used, bytes) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let key: Digest = fields.next()?.parse().ok()?;
    Some(Use { key, record: IndexRecord { used, bytes, note: fields.next()?.to_owned() } })
}
