//! Reading a zip file entry by entry. Unaware of where entries end up.

use std::fs::File;
use std::io::BufReader;

use zip::ZipArchive;
use zip::extra_fields::ExtraField;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::error::{ArchiveProblem, EntryProblem};

/// Set in the upper half of the external attributes.
const FILE_TYPE: u32 = 0o170_000;

/// What stands in the central directory about one entry.
#[derive(Debug)]
pub(super) struct ZipEntry {
    pub(super) kind: ZipKind,
    pub(super) mode: u32,
    /// Seconds since 1970; without a time zone in the archive, as if it were UTC.
    pub(super) mtime: u64,
    pub(super) size: u64,
}

/// What an entry is.
#[derive(Debug)]
pub(super) enum ZipKind {
    File,
    Folder,
    /// Its target is its content.
    Symlink,
    /// Something that no tree holds.
    Refused(EntryProblem),
}

/// Opens a zip file and refuses what is made to mislead.
pub(super) fn open(file: File) -> Result<ZipArchive<BufReader<File>>, ArchiveProblem> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(ArchiveProblem::Zip)?;
    if archive.has_overlapping_entries().map_err(ArchiveProblem::Zip)? {
        return Err(ArchiveProblem::Overlapping);
    }
    Ok(archive)
}

/// The names of all entries in order, also of those that cannot be read.
pub(super) fn raw_names(archive: &ZipArchive<BufReader<File>>) -> Vec<Vec<u8>> {
    archive.file_names_raw().map(<[u8]>::to_vec).collect()
}

/// Whether an error is about a feature of one entry that is not supported.
pub(super) fn unsupported(error: &ZipError) -> bool {
    matches!(error, ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_))
}

impl ZipEntry {
    pub(super) fn of(file: &ZipFile<'_, BufReader<File>>) -> Self {
        let mode = file.unix_mode().unwrap_or(0o644);
        let kind = match mode & FILE_TYPE {
            _ if file.is_dir() => ZipKind::Folder,
            0o120_000 => ZipKind::Symlink,
            0 | 0o100_000 => ZipKind::File,
            0o040_000 => ZipKind::Folder,
            _ => ZipKind::Refused(EntryProblem::Special("device, pipe or socket")),
        };
        Self { kind, mode: mode & 0o7777, mtime: mtime(file), size: file.size() }
    }
}

fn mtime(file: &ZipFile<'_, BufReader<File>>) -> u64 {
    let exact = file.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    if let Some(seconds) = exact {
        return seconds.into();
    }
    file.last_modified().map_or(0, |time| {
        let days = days_since_1970(time.year().into(), time.month().into(), time.day().into());
        days * 86_400
            + u64::from(time.hour()) * 3_600
            + u64::from(time.minute()) * 60
            + u64::from(time.second())
    })
}

/// Days of the Gregorian calendar, for years from 1970 on (Hinnant, "days from civil").
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        let cases =
            [((1970, 1, 1), 0), ((1980, 1, 1), 3_652), ((2000, 3, 1), 11_017), ((2024, 2, 29), 19_782)];
        for ((year, month, day), days) in cases {
            assert_eq!(days_since_1970(year, month, day), days, "{year}-{month}-{day}");
        }
    }
}
