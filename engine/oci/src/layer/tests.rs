//! Layers: golden bytes, directories, damaged segments.

use expect_test::{Expect, expect};
use flate2::read::MultiGzDecoder;
use proptest::prelude::*;

use super::*;
use crate::segment::SegmentWriter;

type Segment = (SegmentInfo, Vec<u8>);

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn segment(files: &[(&str, &str)]) -> Segment {
    let mut writer = SegmentWriter::new(Vec::new());
    for (at, content) in files {
        let kind = Kind::File { size: content.len() as u64 };
        let metadata = Metadata::root_owned(0o644, 946_684_800);
        writer.append(&Entry { path: path(at), kind, metadata }, content.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

fn write(
    segments: &[Segment],
    declared: &BTreeMap<RelPath, Metadata>,
    listed: &[&str],
) -> Result<(LayerInfo, Vec<u8>), LayerError> {
    let plan = LayerPlan {
        declared,
        listed: listed.iter().copied().map(path).collect(),
        segments: segments.iter().map(|(info, _)| info).collect(),
    };
    let bytes: BTreeMap<_, _> =
        segments.iter().map(|(info, bytes)| (info.digest, bytes.as_slice())).collect();
    plan.write(|info| Ok(bytes[&info.digest]), Vec::new())
}

/// Lists what a layer unpacks to, one entry a line: mode, owner, name.
fn listing(layer: &[u8]) -> String {
    let mut archive = ::tar::Archive::new(MultiGzDecoder::new(layer));
    let mut lines = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let (header, path) = (entry.header(), String::from_utf8_lossy(&entry.path_bytes()).into_owned());
        let (mode, uid, gid) = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        lines.push(format!("{mode:04o} {uid}:{gid} {path}"));
    }
    lines.join("\n")
}

fn check(segments: &[Segment], declared: &[(&str, u32)], listed: &[&str], expected: Expect) {
    let declared = declared.iter().map(|(at, mode)| (path(at), Metadata::root_owned(*mode, 0))).collect();
    let (info, bytes) = write(segments, &declared, listed).unwrap();
    let mut tar = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).unwrap();
    assert_eq!(info.digest, Sha256Digest::of(&bytes));
    assert_eq!(info.size, bytes.len() as u64);
    assert_eq!(info.diff_id, Sha256Digest::of(&tar));
    assert!(tar.ends_with(&END_OF_ARCHIVE));
    expected.assert_eq(&listing(&bytes));
}

#[test]
fn directories_come_once_and_parents_first() {
    let one = segment(&[("usr/lib/libz.so.1", "z"), ("top", "t")]);
    let two = segment(&[("usr/lib/libc.so.6", "c"), ("usr/bin/sh", "s")]);
    check(
        &[one, two],
        &[],
        &[],
        expect![[r#"
        0755 0:0 usr/
        0755 0:0 usr/bin/
        0755 0:0 usr/lib/
        0644 0:0 usr/lib/libz.so.1
        0644 0:0 top
        0644 0:0 usr/lib/libc.so.6
        0644 0:0 usr/bin/sh"#]],
    );
}

#[test]
fn declared_directories_keep_their_owner_in_every_layer() {
    let shared = segment(&[("tmp/x/y", "")]);
    check(
        &[shared],
        &[("tmp", 0o1777), ("var/empty", 0o555), ("home", 0o700)],
        &["var/empty"],
        expect![[r#"
        1777 0:0 tmp/
        0755 0:0 tmp/x/
        0755 0:0 var/
        0555 0:0 var/empty/
        0644 0:0 tmp/x/y"#]],
    );
    check(
        &[],
        &[("", 0o755)],
        &["srv"],
        expect![[r#"
        0755 0:0 ./
        0755 0:0 srv/"#]],
    );
}

#[test]
fn a_layer_of_nothing_is_an_empty_archive() {
    check(&[], &[], &[], expect![""]);
}

#[test]
fn the_same_plan_gives_these_digests() {
    let (info, _) = write(&[segment(&[("a/b", "c")])], &BTreeMap::new(), &[]).unwrap();
    expect![[r#"
        LayerInfo {
            media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
            digest: sha256:e5011c7f7c31b5dfef4862fd3043bcfb52dcf0b334ad6dbdf7a90cc642ef92d2,
            size: 161,
            diff_id: sha256:0e626137beb1d3751d58e69dd07a7190b2be23756eab0ae6c4db72cf2158d9d3,
        }
    "#]]
    .assert_debug_eq(&info);
}

/// What writing a layer says when its one segment's bytes are changed.
fn damaged(damage: impl Fn(&mut Segment), expected: Expect) {
    let mut segment = segment(&[("a", "b")]);
    damage(&mut segment);
    expected.assert_eq(&write(&[segment], &BTreeMap::new(), &[]).unwrap_err().to_string());
}

#[test]
fn damaged_segments_are_refused() {
    damaged(
        |(_, bytes)| bytes.truncate(40),
        expect![
            "cannot read segment `sha256:d2a15efd0c4119466e5907778cad1c50b653ee1bab81f1e775152b6e0d898ef0`"
        ],
    );
    damaged(
        |(_, bytes)| bytes[30] ^= 1,
        expect![
            "cannot read segment `sha256:d2a15efd0c4119466e5907778cad1c50b653ee1bab81f1e775152b6e0d898ef0`"
        ],
    );
    damaged(
        |(_, bytes)| bytes.push(0),
        expect![
            "cannot read segment `sha256:d2a15efd0c4119466e5907778cad1c50b653ee1bab81f1e775152b6e0d898ef0`"
        ],
    );
    damaged(
        |(_, bytes)| *bytes = super::tests::segment(&[("other", "")]).1,
        expect![
            "segment `sha256:d2a15efd0c4119466e5907778cad1c50b653ee1bab81f1e775152b6e0d898ef0` has other bytes than it should: they are `sha256:bbd7c1cb64bb9dfe3a50ce199973680188d89c7ce85145f7eee62647256dc124`"
        ],
    );
    damaged(
        |(info, _)| info.uncompressed += 512,
        expect![
            "segment `sha256:d2a15efd0c4119466e5907778cad1c50b653ee1bab81f1e775152b6e0d898ef0` holds 1024 bytes of tar, not 1536"
        ],
    );
}

/// Segments as files with their content; every path is another.
fn any_segments() -> impl Strategy<Value = Vec<Vec<(RelPath, Vec<u8>)>>> {
    let content = prop::collection::vec(any::<u8>(), 0..1500);
    let segment = prop::collection::vec(("[a-c]/[d-f]{1,2}", content), 0..5);
    prop::collection::vec(segment, 0..5).prop_map(|segments| {
        let numbered = |(number, files): (usize, Vec<(String, Vec<u8>)>)| {
            let name = |file, place: String| path(&format!("{place}/{number}-{file}"));
            files.into_iter().enumerate().map(|(file, (place, bytes))| (name(file, place), bytes)).collect()
        };
        segments.into_iter().enumerate().map(numbered).collect()
    })
}

fn file(at: &RelPath, content: &[u8]) -> Entry {
    let kind = Kind::File { size: content.len() as u64 };
    Entry { path: at.clone(), kind, metadata: Metadata::root_owned(0o640, 7) }
}

proptest! {
    #[test]
    fn concatenated_segments_decode_to_the_tar_of_all_entries(contents in any_segments()) {
        let segments: Vec<Segment> = contents.iter().map(|files| {
            let mut writer = SegmentWriter::new(Vec::new());
            for (at, content) in files {
                writer.append(&file(at, content), content.as_slice()).unwrap();
            }
            writer.finish().unwrap()
        }).collect();
        let (info, bytes) = write(&segments, &BTreeMap::new(), &[]).unwrap();
        let mut decoded = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut decoded).unwrap();

        let files: Vec<_> = contents.iter().flatten().collect();
        let directories: BTreeSet<RelPath> =
            files.iter().flat_map(|(at, _)| [at.parent().unwrap(), at.parent().unwrap().parent().unwrap()]).collect();
        let mut expected = Vec::new();
        for path in directories {
            let metadata = Metadata::root_owned(0o755, 0);
            expected.extend(Entry { path, kind: Kind::Directory, metadata }.header().unwrap());
        }
        for (at, content) in files {
            expected.extend(file(at, content).header().unwrap());
            expected.extend(content);
            expected.extend(crate::tar::padding(content.len() as u64));
        }
        expected.extend(END_OF_ARCHIVE);
        prop_assert_eq!(info.diff_id, Sha256Digest::of(&expected));
        prop_assert!(decoded == expected);
    }
}
