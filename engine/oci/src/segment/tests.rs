//! Segments: golden bytes, what is refused.

use expect_test::{Expect, expect};

use super::*;
use crate::tar::Metadata;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn entry(at: &str, kind: Kind) -> Entry {
    Entry { path: path(at), kind, metadata: Metadata::root_owned(0o644, 946_684_800) }
}

fn file(at: &str, size: u64) -> Entry {
    entry(at, Kind::File { size })
}

fn hard_link(at: &str, target: &str) -> Entry {
    entry(at, Kind::HardLink { target: path(target) })
}

#[test]
fn the_same_entries_give_these_bytes() {
    let mut writer = SegmentWriter::new(Vec::new());
    writer.append(&file("etc/greeting", 6), &b"hello\n"[..]).unwrap();
    writer.append(&hard_link("etc/greeting.old", "etc/greeting"), io::empty()).unwrap();
    writer
        .append(&entry("greeting", Kind::Symlink { target: "etc/greeting".to_owned() }), io::empty())
        .unwrap();
    let (info, bytes) = writer.finish().unwrap();
    assert_eq!(info.size, bytes.len() as u64);
    assert_eq!(info.digest, Sha256Digest::of(&bytes));
    expect!["1f8b08000000000002ffed94c10a80200c8677ee616a3ab5e7891a164842d9fb679dc263601df4bbfcb01d061bdf388c9ddd98c3b25ac804468c527746d2bcba803d124925cc5d17287b0d081f70ec61d8e2482893999df30d540a851ffeb7de4dfff88fa9ff444a83e00f9e53e1fee75eefcbfb4b140664bd7f764e2266d75b00080000"].assert_eq(&hex::encode(&bytes));
    expect![[r#"
        SegmentInfo {
            digest: sha256:aa05b0850503f8f42187df4f389ff55b4d41881f6cb0af3191851e76bad0ee1c,
            size: 132,
            uncompressed: 2048,
            parents: {
                "",
                "etc",
            },
        }
    "#]]
    .assert_debug_eq(&info);
}

#[test]
fn a_segment_without_entries_is_an_empty_member() {
    let (info, bytes) = SegmentWriter::new(Vec::new()).finish().unwrap();
    assert_eq!(info.uncompressed, 0);
    expect!["1f8b08000000000002ff03000000000000000000"].assert_eq(&hex::encode(&bytes));
}

/// The last of `entries`, each with three bytes at hand, must be refused.
fn refused(entries: &[Entry], expected: Expect) {
    let (last, before) = entries.split_last().unwrap();
    let mut writer = SegmentWriter::new(Vec::new());
    for entry in before {
        writer.append(entry, &b"abc"[..]).unwrap();
    }
    expected.assert_eq(&writer.append(last, &b"abc"[..]).unwrap_err().to_string());
}

#[test]
fn what_a_segment_cannot_hold_is_refused() {
    refused(
        &[entry("etc", Kind::Directory)],
        expect!["`etc` is a directory, which a segment cannot hold: its layer lists it"],
    );
    refused(&[file("a", 3), file("a", 3)], expect!["`a` is in the segment twice"]);
    refused(
        &[hard_link("a", "b")],
        expect!["hard link `a` names `b`, which is no file earlier in the segment"],
    );
    refused(
        &[entry("a", Kind::Symlink { target: "c".to_owned() }), hard_link("b", "a")],
        expect!["hard link `b` names `a`, which is no file earlier in the segment"],
    );
    refused(&[file("a", 4)], expect!["`a` does not have the 4 bytes its entry announces"]);
    refused(&[file("a", 2)], expect!["`a` does not have the 2 bytes its entry announces"]);
    refused(
        &[entry("a", Kind::Symlink { target: String::new() })],
        expect!["`a` cannot be written into a tar: it is a symbolic link whose target is empty or holds NUL"],
    );
}
