//! Entries against the field layout of POSIX and against another reader.

use std::io::Read as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn entry(at: &str, kind: Kind) -> Entry {
    Entry { path: path(at), kind, metadata: Metadata::root_owned(0o644, 946_684_800) }
}

fn link(target: &str) -> Kind {
    Kind::Symlink { target: target.to_owned() }
}

/// Shows a header's bytes, NULs and padding folded.
fn check(entry: &Entry, expected: Expect) {
    let header = entry.header().unwrap();
    assert_eq!(header.len() as u64 % BLOCK, 0);
    let text: String = header.iter().map(|byte| if *byte == 0 { '·' } else { char::from(*byte) }).collect();
    let fields = text.split('·').filter(|field| !field.is_empty());
    expected.assert_eq(&fields.collect::<Vec<_>>().join("\n"));
}

#[test]
fn plain_entries_are_one_ustar_block() {
    check(
        &entry("etc/passwd", Kind::File { size: 11 }),
        expect![[r#"
            etc/passwd
            0000644
            0000000
            0000000
            00000000013
            07033241600
            0007770
            0
            ustar
            00"#]],
    );
    check(
        &entry("etc", Kind::Directory),
        expect![[r#"
            etc/
            0000644
            0000000
            0000000
            00000000000
            07033241600
            0006547
            5
            ustar
            00"#]],
    );
    check(
        &entry("usr/bin/sh", link("busybox")),
        expect![[r#"
            usr/bin/sh
            0000644
            0000000
            0000000
            00000000000
            07033241600
            0011321
            2busybox
            ustar
            00"#]],
    );
    check(
        &entry("usr/bin/ash", Kind::HardLink { target: path("usr/bin/sh") }),
        expect![[r#"
            usr/bin/ash
            0000644
            0000000
            0000000
            00000000000
            07033241600
            0011761
            1usr/bin/sh
            ustar
            00"#]],
    );
    check(
        &entry("", Kind::Directory),
        expect![[r#"
            ./
            0000644
            0000000
            0000000
            00000000000
            07033241600
            0006131
            5
            ustar
            00"#]],
    );
}

#[test]
fn what_ustar_cannot_say_becomes_records() {
    let mut capable = entry("usr/bin/ping", Kind::File { size: 1 });
    capable.metadata.xattrs.insert("security.capability".to_owned(), vec![1, 0, b'\n', b'x']);
    capable.metadata.uid = u32::MAX;
    check(
        &capable,
        expect![[r#"
            PaxHeaders/ping
            0000644
            0000000
            0000000
            00000000073
            00000000000
            0010761
            x
            ustar
            00
            41 SCHILY.xattr.security.capability=

            x
            18 uid=4294967295

            usr/bin/ping
            0000644
            0000000
            0000000
            00000000001
            07033241600
            0010227
            0
            ustar
            00"#]],
    );
}

#[test]
fn long_names_use_the_prefix_where_they_can() {
    let split = |name: &str| split_name(name).map(|(prefix, name)| (prefix.len(), name.len()));
    let deep = format!("{}/{}", "p".repeat(155), "n".repeat(100));
    assert_eq!(split(&"n".repeat(100)), Some((0, 100)));
    assert_eq!(split(&deep), Some((155, 100)));
    assert_eq!(split(&format!("{deep}n")), None);
    assert_eq!(split(&format!("p{deep}")), None);
    assert_eq!(split(&"n".repeat(101)), None);
    assert_eq!(split(&format!("{}/", "n".repeat(100))), None);
    assert_eq!(split("größe"), None);
}

#[test]
fn entries_without_a_form_are_refused() {
    let refused = |entry: Entry| entry.header().unwrap_err().to_string();
    let mut odd = entry("a", Kind::File { size: 0 });
    odd.metadata.mode = 0o100_644;
    let mut unnamed = entry("a", Kind::Directory);
    unnamed.metadata.xattrs.insert("a=b".to_owned(), Vec::new());
    let all = [
        refused(odd),
        refused(unnamed),
        refused(entry("", Kind::File { size: 0 })),
        refused(entry("a", link(""))),
        refused(entry("a", Kind::HardLink { target: path("a") })),
    ];
    expect![[r#"
        `a` cannot be written into a tar: it has mode bits other than permissions, set-id and sticky
        `a` cannot be written into a tar: it has an extended attribute whose name is empty or holds `=` or NUL
        `` cannot be written into a tar: it is the root, which can only be a directory
        `a` cannot be written into a tar: it is a symbolic link whose target is empty or holds NUL
        `a` cannot be written into a tar: it is a hard link to the root or to itself"#]]
    .assert_eq(&all.join("\n"));
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let segment = "[a-zA-Z0-9ö+-][a-z.0-9]{0,80}";
    let name = prop::collection::vec(segment, 1..6).prop_map(|segments| path(&segments.join("/")));
    let kind = prop_oneof![
        (0u64..2000).prop_map(|size| Kind::File { size }),
        Just(Kind::Directory),
        "[a-zö./]{1,150}".prop_map(|target| Kind::Symlink { target }),
        "[a-z]{1,3}/[a-z]{90,140}".prop_map(|target| Kind::HardLink { target: path(&target) }),
    ];
    // The reader below takes a line break for a record's end in spite of its length.
    let value = prop::collection::vec(any::<u8>().prop_filter("no line break", |byte| *byte != b'\n'), 0..40);
    let xattrs = prop::collection::btree_map("user\\.[a-z]{1,5}", value, 0..3);
    let metadata = (0u32..=0o7777, any::<u32>(), any::<u32>(), 0..(1u64 << 40), xattrs);
    (name, kind, metadata).prop_map(|(path, kind, (mode, uid, gid, mtime, xattrs))| Entry {
        path,
        kind,
        metadata: Metadata { mode, uid, gid, mtime, xattrs },
    })
}

/// Reads an entry back with another implementation, which leaves some numbers
/// to its caller: those of the records.
fn read_back(bytes: &[u8]) -> Entry {
    let mut archive = ::tar::Archive::new(bytes);
    let mut found = archive.entries().unwrap().next().unwrap().unwrap();
    let records: Vec<(String, Vec<u8>)> = found.pax_extensions().unwrap().map_or_else(Vec::new, |records| {
        records
            .map(|record| record.map(|it| (it.key().unwrap().to_owned(), it.value_bytes().to_vec())).unwrap())
            .collect()
    });
    let number = |key: &str, ustar: u64| {
        let record = records.iter().find(|(name, _)| name == key);
        record.map_or(ustar, |(_, value)| String::from_utf8_lossy(value).parse().unwrap())
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let target = found.link_name_bytes().map(|target| text(&target)).unwrap_or_default();
    let header = found.header().clone();
    let kind = match header.entry_type() {
        EntryType::Regular => Kind::File { size: found.size() },
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink { target },
        EntryType::Link => Kind::HardLink { target: path(&target) },
        other => panic!("{other:?}"),
    };
    let xattr = |(key, value): &(String, Vec<u8>)| {
        Some((key.strip_prefix("SCHILY.xattr.")?.to_owned(), value.clone()))
    };
    let entry = Entry {
        path: path(text(&found.path_bytes()).trim_end_matches('/')),
        kind,
        metadata: Metadata {
            mode: header.mode().unwrap(),
            uid: number("uid", header.uid().unwrap()) as u32,
            gid: number("gid", header.gid().unwrap()) as u32,
            mtime: number("mtime", header.mtime().unwrap()),
            xattrs: records.iter().filter_map(xattr).collect(),
        },
    };
    std::io::copy(&mut found.by_ref(), &mut std::io::sink()).unwrap();
    entry
}

proptest! {
    #[test]
    fn another_reader_reads_the_same_entry(entry in any_entry()) {
        let mut bytes = entry.header().unwrap();
        bytes.extend(vec![b'x'; entry.size() as usize]);
        bytes.extend(padding(entry.size()));
        prop_assert_eq!(bytes.len() as u64 % BLOCK, 0);
        bytes.extend(END_OF_ARCHIVE);
        prop_assert_eq!(read_back(&bytes), entry);
    }
}
