//! Archives written and read back, and malformed ones refused.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::reader::read_archive;
use super::writer::ArchiveWriter;
use super::{ArchiveError, Entry, Kind, Owner};

fn write(entries: &[(Entry, Vec<u8>)]) -> Result<Vec<u8>, ArchiveError> {
    let mut writer = ArchiveWriter::new(Vec::new());
    for (entry, content) in entries {
        writer.append(entry, entry.mtime, &mut content.as_slice())?;
    }
    writer.finish()
}

fn read(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, ArchiveError> {
    let mut entries = Vec::new();
    read_archive::<ArchiveError>(bytes, &mut |entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        entries.push((entry, bytes));
        Ok(())
    })?;
    Ok(entries)
}

/// A header with `path` and type `flag`, whose other fields are plain.
fn raw(path: &[u8], flag: u8, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn everything_an_entry_has_comes_back() {
    let long = "d/".repeat(120) + "end";
    let owner = Owner { uid: 3_000_000, gid: 65532, user: "nonroot".to_owned(), group: String::new() };
    let entries = vec![
        (Entry { mode: 0o1777, mtime: 1_700_000_000, ..Entry::directory("tmp") }, Vec::new()),
        (
            Entry {
                owner,
                mode: 0o4755,
                xattrs: BTreeMap::from([("security.capability".to_owned(), b"\x01\n=\0 ".to_vec())]),
                ..Entry::file(&long, b"content")
            },
            b"content".to_vec(),
        ),
        (Entry::symlink("link", &"../".repeat(50)), Vec::new()),
        (Entry::hard_link("zz", &long), Vec::new()),
        (Entry::file("größe", b""), Vec::new()),
    ];
    assert_eq!(read(&write(&entries).unwrap()).unwrap(), entries);
}

fn check_refused(bytes: &[u8], expected: &Expect) {
    expected.assert_eq(&read(bytes).unwrap_err().to_string());
}

#[test]
fn malformed_archives_are_refused() {
    check_refused(&raw(b"../etc/passwd", b'0', 0), &expect!["`../etc/passwd` is not a path below the root"]);
    check_refused(&raw(b"/etc/passwd", b'0', 0), &expect!["`/etc/passwd` is not a path below the root"]);
    check_refused(&raw(b"a//b", b'0', 0), &expect!["`a//b` is not a path below the root"]);
    check_refused(&raw(b"", b'0', 0), &expect!["`` is not a path below the root"]);
    check_refused(&raw(b"\xff", b'0', 0), &expect!["`\u{fffd}` has a malformed name"]);
    check_refused(
        &raw(b"dev/null", b'3', 0),
        &expect!["`dev/null` is neither file, folder nor link (tar type `3`)"],
    );
    check_refused(
        &raw(b"x", b'x', 2 << 20),
        &expect!["an extended header is 2097152 bytes long, hint: at most 1 MiB is accepted"],
    );
    let pax =
        |body: &[u8]| [raw(b"x", b'x', body.len() as u64), body.to_vec(), vec![0; 512 - body.len()]].concat();
    check_refused(&pax(b"9 path=a\n"), &expect!["the archive ends with an extended header"]);
    check_refused(&pax(b"900 path=a\n"), &expect!["`` has a malformed extended header"]);
    let sized = [pax(b"9 size=7\n"), raw(b"a", b'0', 0)].concat();
    check_refused(&sized, &expect!["`a` has a malformed size"]);
    check_refused(&raw(b"a", b'0', 10), &expect!["cannot process the archive"]);
}

#[test]
fn content_must_be_as_long_as_announced() {
    let entry = Entry::new("a", Kind::File { size: 3 }, 0o644);
    let error = write(&[(entry, b"four".to_vec())]).unwrap_err();
    assert_eq!(error.to_string(), "`a` has 4 bytes of content, not 3");
}

#[test]
fn an_archive_may_end_without_zero_blocks() {
    let mut writer = ArchiveWriter::new(Vec::new());
    writer.append(&Entry::directory("a"), 0, &mut std::io::empty()).unwrap();
    let bytes = writer.into_open_end();
    assert_eq!(bytes.len(), 512);
    assert_eq!(read(&bytes).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn extended_headers_round_trip(records in prop::collection::btree_map("[a-z.]{1,90}", prop::collection::vec(any::<u8>(), 0..120), 0..4)) {
        prop_assert_eq!(super::pax::parse(&super::pax::format(&records)), Some(records));
    }

    #[test]
    fn any_extended_header_is_read_without_panicking(bytes in "[0-9]{0,3} ?[a-z]{0,3}=?[a-z\n]{0,6}") {
        super::pax::parse(bytes.as_bytes());
    }
}
