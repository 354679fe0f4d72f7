//! What becomes of archives, good and bad.

use std::io::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::NativeError;
use crate::native::testing::Bench;

/// Writes tar archives that no honest program would write.
#[derive(Default)]
struct TarText {
    bytes: Vec<u8>,
}

impl TarText {
    fn entry(mut self, kind: u8, name: &str, mode: u32, target: &str, content: &[u8]) -> Self {
        let mut header = ::tar::Header::new_gnu();
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_mode(mode);
        header.set_mtime(1_600_000_000);
        header.set_size(content.len() as u64);
        header.as_mut_bytes()[156] = kind;
        header.set_cksum();
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name, 0o644, "", content.as_bytes())
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, 0o777, target, b"")
    }

    fn folder(self, name: &str) -> Self {
        self.entry(b'5', name, 0o755, "", b"")
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sample() -> Vec<u8> {
    TarText::default()
        .folder("zlib-1.3/")
        .file("zlib-1.3/README", "read me\n")
        .entry(b'0', "zlib-1.3/configure", 0o755, "", b"#!/bin/sh\n")
        .entry(b'1', "zlib-1.3/copy", 0o644, "zlib-1.3/README", b"")
        .link("zlib-1.3/doc/latest", "../README")
        .folder("zlib-1.3/empty/")
        .end()
}

fn outcome(archives: &[(&str, Vec<u8>)], options: &Value) -> String {
    let mut bench = Bench::new();
    let mut items = Vec::new();
    for (name, bytes) in archives {
        let mut item = json!({ "archive": bench.input_bytes(name, bytes) });
        for option in ["strip", "only", "into"] {
            if let Some(value) = options.get(option) {
                item[option] = value.clone();
            }
        }
        items.push(item);
    }
    let mut params = json!({ "archives": items, "tree": {"$output": "tree"}, "epoch": {"$output": "epoch"} });
    for option in ["links", "files", "without", "capture", "max_bytes", "max_entries", "epoch_value"] {
        if let Some(value) = options.get(option) {
            params[option] = value.clone();
        }
    }
    match bench.run(NativeKind::Unpack, &params) {
        Ok(output) => format!("{}{}", bench.describe(&output.root), output.log),
        Err(error) => format!("error: {error}\n"),
    }
}

fn check(archives: &[(&str, Vec<u8>)], options: &Value, expected: &Expect) {
    expected.assert_eq(&outcome(archives, options));
}

#[test]
fn a_source_archive_becomes_a_tree() {
    let plain = sample();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&plain).unwrap();
    let variants = [
        ("zlib.tar", plain.clone()),
        ("zlib.tar.gz", gzip(&plain)),
        ("zlib.tar.bz2", bzip2.finish().unwrap()),
        ("zlib.tar.xz", xz.finish().unwrap()),
        ("zlib.tar.zst", zstd::encode_all(plain.as_slice(), 1).unwrap()),
    ];
    let expected = outcome(&variants[..1], &json!({ "strip": 1 }));
    expect![[r#"
        epoch 1600000000\n
        tree/
        tree/README read me\n
        tree/configure* #!/bin/sh\n
        tree/copy read me\n
        tree/doc/
        tree/doc/latest -> ../README
        tree/empty/
        5 entries unpacked
    "#]]
    .assert_eq(&expected);
    for variant in variants {
        assert_eq!(outcome(&[variant], &json!({ "strip": 1 })), expected);
    }
}

#[test]
fn streams_in_several_parts_are_read_to_the_end() {
    let plain = sample();
    let (first, second) = plain.split_at(700);
    let whole = outcome(&[("a", plain.clone())], &json!({}));
    let xz = |bytes: &[u8]| {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    assert_eq!(outcome(&[("a", [gzip(first), gzip(second)].concat())], &json!({})), whole);
    assert_eq!(outcome(&[("a", [xz(first), vec![0; 8], xz(second)].concat())], &json!({})), whole);
}

#[test]
fn a_zip_becomes_a_tree() {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let time = ::zip::DateTime::from_date_and_time(2021, 5, 4, 3, 2, 0).unwrap();
    let options = ::zip::write::SimpleFileOptions::default().last_modified_time(time);
    writer.start_file("a/run.sh", options.unix_permissions(0o755)).unwrap();
    writer.write_all(b"#!/bin/sh\n").unwrap();
    writer.start_file("a/text", options).unwrap();
    writer.write_all(b"hello\n").unwrap();
    writer.add_symlink("a/link", "text", options).unwrap();
    writer.add_directory("a/empty", options).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    check(
        &[("a.zip", bytes)],
        &json!({ "strip": 1 }),
        &expect![[r#"
        epoch 1620097320\n
        tree/
        tree/empty/
        tree/link -> text
        tree/run.sh* #!/bin/sh\n
        tree/text hello\n
        4 entries unpacked
    "#]],
    );
}

fn deb(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let size = content.len();
        bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "100644").bytes());
        bytes.extend(content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

#[test]
fn a_binary_package_becomes_a_piece_of_a_root() {
    let data = TarText::default()
        .folder("./")
        .folder("./bin/")
        .entry(b'0', "./bin/su", 0o4755, "", b"su")
        .file("./lib/x86_64-linux-gnu/libz.so.1.2", "elf")
        .link("./lib/x86_64-linux-gnu/libz.so.1", "libz.so.1.2")
        .link("./usr/lib/x86_64-linux-gnu/libz.so", "/lib/x86_64-linux-gnu/libz.so.1.2")
        .link("./usr/bin/awk", "/etc/alternatives/awk")
        .end();
    let aliases = TarText::default().link("./lib", "usr/lib").link("./sbin", "usr/sbin").end();
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", b"???".to_vec()),
        ("data.tar.gz", gzip(&data)),
    ];
    let packages = [("zlib.deb", deb(&members)), ("base.deb", deb(&[("data.tar", aliases)]))];
    let options = json!({ "capture": "root", "links": {"usr/bin/nawk": "/usr/bin/mawk"} });
    check(
        &packages,
        &options,
        &expect![[r#"
        epoch 1600000000\n
        tree/
        tree/usr/
        tree/usr/bin/
        tree/usr/bin/awk -> ../../etc/alternatives/awk
        tree/usr/bin/nawk -> mawk
        tree/usr/bin/su* su
        tree/usr/lib/
        tree/usr/lib/x86_64-linux-gnu/
        tree/usr/lib/x86_64-linux-gnu/libz.so -> libz.so.1.2
        tree/usr/lib/x86_64-linux-gnu/libz.so.1 -> libz.so.1.2
        tree/usr/lib/x86_64-linux-gnu/libz.so.1.2 elf
        8 entries unpacked
        set-id bits dropped: bin/su
    "#]],
    );
    check(
        &packages[1..],
        &json!({ "capture": "base" }),
        &expect![[r#"
        epoch 315532800\n
        tree/
        tree/lib -> usr/lib
        tree/sbin -> usr/sbin
        2 entries unpacked
    "#]],
    );
}

#[test]
fn a_part_of_an_archive_is_taken() {
    let options =
        json!({ "strip": 1, "only": ["doc", "*.*", "READ*"], "without": ["configure"], "into": "src/z" });
    check(
        &[("a", sample())],
        &options,
        &expect![[r#"
        error: archive `a`: `only` has the glob `*.*`, which no entry matches
        hint: globs see the paths after `strip`; the first ones are: README, configure, copy, doc/latest, empty
    "#]],
    );
    check(
        &[("a", sample())],
        &json!({ "strip": 1, "only": ["READ*", "doc/**"], "into": "src/z" }),
        &expect![[r#"
        epoch 1600000000\n
        tree/
        tree/src/
        tree/src/z/
        tree/src/z/README read me\n
        tree/src/z/doc/
        tree/src/z/doc/latest -> ../README
        2 entries unpacked
    "#]],
    );
}

#[test]
fn the_epoch_may_be_given_and_is_never_before_1980() {
    check(
        &[],
        &json!({}),
        &expect![[r#"
        epoch 315532800\n
        tree/
        0 entries unpacked
    "#]],
    );
    check(
        &[("a", sample())],
        &json!({ "epoch_value": 7, "only": ["*/README"] }),
        &expect![[r#"
        epoch 7\n
        tree/
        tree/zlib-1.3/
        tree/zlib-1.3/README read me\n
        1 entries unpacked
    "#]],
    );
}

#[test]
fn the_last_entry_at_a_path_wins() {
    let archive = TarText::default().file("a", "old").link("l", "a").file("a", "new").file("l", "file").end();
    check(
        &[("a", archive)],
        &json!({}),
        &expect![[r#"
        epoch 1600000000\n
        tree/
        tree/a new
        tree/l file
        4 entries unpacked
    "#]],
    );
}

#[test]
fn long_names_are_read_in_both_dialects() {
    let long = "n".repeat(150);
    let pax_record = |key: &str, value: &str| {
        let length = key.len() + value.len() + 3;
        let digits = (length + 3).to_string().len();
        format!("{} {key}={value}\n", length + digits)
    };
    let records = [pax_record("path", &long), pax_record("mtime", "1700000000.5")].concat();
    let archive = TarText::default()
        .entry(b'L', "././@LongLink", 0o644, "", format!("gnu/{long}\0").as_bytes())
        .file("short", "1")
        .entry(b'x', "pax", 0o644, "", records.as_bytes())
        .file("short", "2")
        .entry(b'g', "pax_global_header", 0o644, "", b"13 comment=x\n")
        .end();
    check(
        &[("a", archive)],
        &json!({}),
        &expect![[r#"
        epoch 1700000000\n
        tree/
        tree/gnu/
        tree/gnu/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 1
        tree/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 2
        2 entries unpacked
    "#]],
    );
}

#[test]
fn what_is_malicious_is_refused_by_name() {
    let file = |name: &str| TarText::default().file(name, "x");
    let cases: Vec<TarText> = vec![
        file("/etc/passwd"),
        file("a/../../b"),
        file("a\nb"),
        TarText::default().link("out", "/etc").file("out/passwd", "x"),
        TarText::default().link("a/out", "../../etc"),
        TarText::default().link("in", "sub").file("in/file", "x"),
        file("f").file("f/below", "x"),
        file("d/f").file("d", "x"),
        TarText::default().folder("d").link("d", "e"),
        TarText::default().entry(b'1', "h", 0o644, "/etc/passwd", b""),
        TarText::default().entry(b'1', "h", 0o644, "../x", b""),
        TarText::default().entry(b'1', "h", 0o644, "later", b"").file("later", "x"),
        TarText::default().link("l", "x").entry(b'1', "h", 0o644, "l", b""),
        TarText::default().entry(b'3', "dev/null", 0o644, "", b""),
        TarText::default().entry(b'6', "pipe", 0o644, "", b""),
        TarText::default().entry(b'S', "sparse", 0o644, "", b""),
        TarText::default().entry(b'x', "pax", 0o644, "", b"nonsense").file("x", ""),
        TarText::default().link("empty", ""),
    ];
    let mut text = String::new();
    for case in cases {
        text.push_str(&outcome(&[("evil.tar", case.end())], &json!({})));
    }
    expect![[r#"
        error: archive `evil.tar`, entry `/etc/passwd`: its path is absolute
        hint: no usual program writes such archives: take the source from a place you trust
        error: archive `evil.tar`, entry `a/../../b`: its path leads out of the archive
        hint: no usual program writes such archives: take the source from a place you trust
        error: archive `evil.tar`, entry `a�b`: its name is not UTF-8 without line breaks
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `out`: the link to `/etc` leads out of the tree
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `a/out`: the link to `../../etc` leads out of the tree
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `in/file`: it would be written through `in`, which is not a folder
        hint: leave one of the two out with `without`
        error: archive `evil.tar`, entry `f/below`: it would be written through `f`, which is not a folder
        hint: leave one of the two out with `without`
        error: archive `evil.tar`, entry `d`: the archive has a folder and something else at this path
        error: archive `evil.tar`, entry `d`: the archive has a folder and something else at this path
        error: archive `evil.tar`, entry `h`: its path is absolute
        hint: no usual program writes such archives: take the source from a place you trust
        error: archive `evil.tar`, entry `h`: its path leads out of the archive
        hint: no usual program writes such archives: take the source from a place you trust
        error: archive `evil.tar`, entry `h`: it is a hard link to `later`, which is not a file unpacked before it
        error: archive `evil.tar`, entry `h`: it is a hard link to `l`, which is not a file unpacked before it
        error: archive `evil.tar`, entry `dev/null`: it is a character device, which no tree can hold
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `pipe`: it is a named pipe, which no tree can hold
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `sparse`: it is a sparse file, which is not supported
        hint: leave it out with `without`
        error: archive `evil.tar`, entry `pax`: its extended header is longer than 1048576 bytes or malformed
        error: archive `evil.tar`, entry `empty`: the target of the link is empty or not UTF-8
    "#]].assert_eq(&text);
}

#[test]
fn what_is_no_archive_or_half_of_one_is_refused() {
    let gz = gzip(&sample());
    let mut wrong_sum = gz.clone();
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    let mut header = sample();
    header[512] ^= 1;
    let cases = [
        b"<html>not found</html>".to_vec(),
        vec![],
        gzip(b"no tar"),
        gz[..gz.len() / 2].to_vec(),
        wrong_sum,
        sample()[..1024].to_vec(),
        header,
        b"PK\x03\x04garbage".to_vec(),
        deb(&[("debian-binary", b"2.0\n".to_vec())]),
        b"!<arch>\nshort".to_vec(),
        b"\xfd7zXZ\0garbage".to_vec(),
    ];
    let mut text = String::new();
    for case in cases {
        text.push_str(&outcome(&[("bad", case)], &json!({})));
    }
    expect![[r#"
        error: archive `bad`: this is no archive that can be unpacked: tar (plain, gzip, xz, bzip2, zstd or lzip), zip and deb can
        hint: a server may have sent a page instead of the file: look at it
        error: archive `bad`: this is no archive that can be unpacked: tar (plain, gzip, xz, bzip2, zstd or lzip), zip and deb can
        hint: a server may have sent a page instead of the file: look at it
        error: archive `bad`: this is no archive that can be unpacked: tar (plain, gzip, xz, bzip2, zstd or lzip), zip and deb can
        hint: a server may have sent a page instead of the file: look at it
        error: archive `bad`: it is damaged or cut off: incomplete deflate stream
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it is damaged or cut off: corrupt gzip stream does not have a matching checksum
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it is damaged or cut off: the file is cut off
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it is damaged: no tar header at byte 512 of the unpacked stream
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it is damaged or cut off: invalid Zip archive: Could not find EOCD
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it has no member `data.tar`
        error: archive `bad`: it is damaged or cut off: a member's header is cut off
        hint: compare it with what its authors publish; if that is whole, change `sha256`
        error: archive `bad`: it is damaged or cut off: lzma data error
        hint: compare it with what its authors publish; if that is whole, change `sha256`
    "#]].assert_eq(&text);
}

#[test]
fn bombs_are_refused_with_the_way_out() {
    let zeros = TarText::default().entry(b'0', "zeros", 0o644, "", &vec![0; 65 << 20]).end();
    let mut cases =
        vec![outcome(&[("bomb.tar.gz", zstd::encode_all(zeros.as_slice(), 1).unwrap())], &json!({}))];
    let small = gzip(&sample());
    cases.push(outcome(&[("a.tar.gz", small.clone())], &json!({ "max_bytes": 2000 })));
    cases.push(outcome(&[("a.tar.gz", small)], &json!({ "max_entries": 3 })));
    let mut lie = TarText::default().file("lie", "x").end();
    lie[124..136].copy_from_slice(b"777777777777");
    let mut header = ::tar::Header::new_gnu();
    header.as_mut_bytes().copy_from_slice(&lie[..512]);
    header.set_cksum();
    lie[..512].copy_from_slice(header.as_bytes());
    cases.push(outcome(&[("lie.tar", lie)], &json!({})));
    expect![[r#"
        error: archive `bomb.tar.gz`: 2156 bytes unpack to more than 67108864 bytes, over 250 times as many: this looks like an archive bomb
        hint: if that is right, set `max_bytes`
        error: archive `a.tar.gz`: it unpacks to more than 2000 bytes
        hint: if that is right, raise `max_bytes`
        error: archive `a.tar.gz`: it has more than 3 entries
        hint: if that is right, raise `max_entries`
        error: archive `lie.tar`: it unpacks to more than 17179869184 bytes
        hint: if that is right, raise `max_bytes`
    "#]].assert_eq(&cases.concat());
}

#[test]
fn archives_may_not_overlap_unless_they_agree() {
    let one = TarText::default().folder("d").file("d/same", "x").file("d/one", "1").end();
    let two = TarText::default().folder("d").file("d/same", "x").file("d/two", "2").end();
    let three = TarText::default().file("d/one", "other").end();
    check(
        &[("one.tar", one.clone()), ("two.tar", two)],
        &json!({}),
        &expect![[r#"
        epoch 1600000000\n
        tree/
        tree/d/
        tree/d/one 1
        tree/d/same x
        tree/d/two 2
        6 entries unpacked
    "#]],
    );
    check(
        &[("one.tar", one.clone()), ("three.tar", three)],
        &json!({}),
        &expect![[r#"
        error: archive `one.tar` and archive `three.tar` both put something at `d/one`
        hint: leave it out of one of them with `only` or `without`, or move one with `into`
    "#]],
    );
    check(
        &[("one.tar", one)],
        &json!({ "links": {"d/one": "same"} }),
        &expect![[r#"
        error: archive `one.tar` and archive `what the definition adds` both put something at `d/one`
        hint: leave it out of one of them with `only` or `without`, or move one with `into`
    "#]],
    );
}

#[test]
fn nothing_is_written_through_a_link_of_a_root() {
    let archive = TarText::default().link("var/run", "/run").file("var/run/pid", "1").end();
    check(
        &[("a.tar", archive)],
        &json!({ "capture": "root" }),
        &expect![[r#"
            error: archive `a.tar`, entry `var/run/pid`: it would be written through `var/run`, which is not a folder
            hint: leave one of the two out with `without`
        "#]],
    );
}

#[test]
fn two_paths_that_are_one_in_a_root_are_refused() {
    let archive = TarText::default().file("bin/x", "1").file("usr/bin/x", "2").end();
    check(
        &[("a.tar", archive)],
        &json!({ "capture": "root" }),
        &expect![[r#"
        error: archive `a.tar`, entry `usr/bin/x`: it is the same file as `bin/x`, since `/bin`, `/sbin`, `/lib` and `/lib64` lie under `/usr`
    "#]],
    );
}

#[test]
fn wrong_parameters_are_told() {
    let bench = Bench::new();
    let error =
        bench.run(NativeKind::Unpack, &json!({ "archive": [], "tree": {"$output": "t"} })).unwrap_err();
    expect![[r#"
        the parameters of `unpack` are wrong: unknown field `archive`, expected one of `archives`, `files`, `links`, `without`, `capture`, `max_bytes`, `max_entries`, `epoch_value`, `tree`, `epoch`
        hint: the table of native actions in docs/design/starlark-api.md says what it takes"#]].assert_eq(&error.to_string());
}

/// The digest of what a fixed input becomes: a change here needs a new version of
/// the kind, since old results would be taken for new ones.
#[test]
fn golden_unpack() {
    let mut bench = Bench::new();
    let archive = bench.input_bytes("a", &gzip(&sample()));
    let params = json!({
        "archives": [{"archive": archive, "strip": 1}],
        "tree": {"$output": "tree"}, "epoch": {"$output": "epoch"},
    });
    let output = bench.run(NativeKind::Unpack, &params).unwrap();
    assert_eq!(NativeKind::Unpack.version(), 1);
    expect!["7ab6c833033e10d27879a81183246e2e1bc67d4d9be71d053ad4eecbf5193670/158"]
        .assert_eq(&output.root.to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However an archive is damaged: a tree or an error, never a panic, and nothing
    /// outside the store.
    #[test]
    fn damaged_archives_do_no_harm(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
        compressed in any::<bool>(),
    ) {
        let mut bytes = if compressed { gzip(&sample()) } else { sample() };
        for (index, byte) in flips {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut bench = Bench::new();
        let archive = bench.input_bytes("damaged", &bytes);
        let params = json!({ "archives": [{"archive": archive}], "tree": {"$output": "tree"} });
        match bench.run(NativeKind::Unpack, &params) {
            Ok(output) => prop_assert!(bench.store.walk(&output.root).all(|entry| entry.is_ok())),
            Err(NativeError::Unpack(error)) => prop_assert!(error.to_string().contains("`damaged`")),
            Err(error) => prop_assert!(false, "{error}"),
        }
        prop_assert_eq!(bench.entries_outside_the_store(), Vec::<String>::new());
    }
}
