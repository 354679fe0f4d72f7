//! Packages written and read back, other people's packages, and damaged ones.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use expect_test::{Expect, expect};
use wiz_testkit::reference_data;

use super::reader::PackageReader;
use super::writer::{DataWriter, WrittenPackage, write_package};
use super::{PackageError, Script};
use crate::archive::{Entry, Kind, Owner};
use crate::checksum::Checksum;
use crate::pkginfo::PkgInfo;

const EPOCH: u64 = 1_700_000_000;

fn info() -> PkgInfo {
    PkgInfo {
        license: Some("MIT".to_owned()),
        ..PkgInfo::new("hello".parse().unwrap(), "1.0-r0".parse().unwrap(), "x86_64")
    }
}

fn entries() -> Vec<(Entry, &'static [u8])> {
    let capability = BTreeMap::from([("security.capability".to_owned(), vec![1, 0, 10, 2])]);
    let owner = Owner { uid: 65532, gid: 65532, user: "nonroot".to_owned(), group: "nonroot".to_owned() };
    vec![
        (Entry { owner, mode: 0o700, ..Entry::directory("home") }, b""),
        (Entry::directory("usr"), b""),
        (Entry::directory("usr/bin"), b""),
        (
            Entry { mode: 0o755, xattrs: capability, ..Entry::file("usr/bin/hello", b"#!/bin/sh\n") },
            b"#!/bin/sh\n",
        ),
        (Entry::symlink("usr/bin/hi", "hello"), b""),
        (Entry { mode: 0o755, ..Entry::hard_link("usr/bin/hola", "usr/bin/hello") }, b""),
        (Entry::file("usr/empty", b""), b""),
    ]
}

fn write_all<W: io::Write>(writer: &mut DataWriter<W>) -> Result<(), PackageError> {
    entries().into_iter().try_for_each(|(entry, mut content)| writer.append(&entry, &mut content))
}

fn write() -> (Vec<u8>, WrittenPackage) {
    let mut output = Vec::new();
    let written = write_package(&info(), EPOCH, Cursor::new(Vec::new()), &mut output, write_all).unwrap();
    (output, written)
}

#[test]
fn a_written_package_is_read_back() {
    let (bytes, written) = write();
    assert_eq!(bytes.len() as u64, written.size());
    let package = PackageReader::open(bytes.as_slice()).unwrap();
    assert_eq!(package.control().identity(), written.control.identity());
    assert_eq!(package.control().info, written.control.info);
    assert_eq!(package.control().info.size, 10);
    assert!(package.signatures().is_empty() && package.control().scripts.is_empty());
    let mut found = Vec::new();
    let summary = package
        .read_data::<PackageError>(&mut |entry, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).unwrap();
            found.push((entry.clone(), bytes));
            Ok(())
        })
        .unwrap();
    let expected: Vec<(Entry, Vec<u8>)> = entries()
        .into_iter()
        .map(|(entry, content)| (Entry { mtime: EPOCH, ..entry }, content.to_vec()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!((summary.hash, summary.compressed_size), (written.data.hash, written.data.compressed_size));
}

#[test]
fn the_bytes_are_always_the_same() {
    assert_eq!(write(), write());
    let (_, written) = write();
    expect![[r#"
        pkgname = hello
        pkgver = 1.0-r0
        builddate = 1700000000
        size = 10
        arch = x86_64
        license = MIT
        datahash = f26197c2123f6c5fa88f34725c735608767bb075059df93f8d61358db2361b57
    "#]]
    .assert_eq(&written.control.info.to_text().unwrap());
    expect!["Q1Yg5Op1P5u43Wn89s/OpOxOmVyA8="].assert_eq(&written.control.identity().to_string());
}

#[test]
fn a_long_package_passes_through_in_pieces() {
    const SIZE: u64 = 40 << 20;
    let content = || io::repeat(7).take(SIZE);
    let mut state = <sha1::Sha1 as sha1::Digest>::new();
    io::copy(&mut content(), &mut Sha1Writer(&mut state)).unwrap();
    let checksum = Checksum::Sha1(sha1::Digest::finalize(state).into());
    let entry = Entry { checksum: Some(checksum), ..Entry::new("big", Kind::File { size: SIZE }, 0o644) };
    let mut output = Vec::new();
    let scratch = tempfile::tempfile().unwrap();
    let written =
        write_package(&info(), EPOCH, scratch, &mut output, |writer| writer.append(&entry, &mut content()))
            .unwrap();
    assert_eq!(written.data.installed_size, SIZE);
    assert!(output.len() < 1 << 20);
    assert_eq!(PackageReader::open(output.as_slice()).unwrap().list().unwrap().len(), 1);
}

struct Sha1Writer<'a>(&'a mut sha1::Sha1);

impl io::Write for Sha1Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sha1::Digest::update(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_refused(entries: &[(Entry, &[u8])], expected: &Expect) {
    let mut writer = DataWriter::new(Vec::new(), EPOCH);
    let result = entries.iter().try_for_each(|(entry, content)| writer.append(entry, &mut &**content));
    expected.assert_eq(&result.unwrap_err().to_string());
}

#[test]
fn entries_that_break_the_contract_are_refused() {
    check_refused(
        &[(Entry::directory("b"), b""), (Entry::directory("a"), b"")],
        &expect!["`a` is out of order or there twice, hint: entries ascend by path"],
    );
    check_refused(
        &[(Entry::file("a", b"one"), b"two")],
        &expect!["`a` does not have the checksum it is listed with"],
    );
    check_refused(&[(Entry::file("a", b"one"), b"three")], &expect!["`a` has 5 bytes of content, not 3"]);
    check_refused(
        &[(Entry { checksum: None, ..Entry::file("a", b"") }, b"")],
        &expect!["`a` has no SHA-1 checksum"],
    );
    check_refused(
        &[(Entry::hard_link("b", "a"), b"")],
        &expect!["`b` links to `a`, which is no earlier file of the package"],
    );
    check_refused(&[(Entry::directory("../a"), b"")], &expect!["`../a` is not a path below the root"]);
}

#[test]
fn the_identity_is_the_one_the_index_has() {
    let Some(bytes) = reference_data::bytes("apk/fixtures/alpine-317--alpine-baselayout-3.4.0-r0.apk") else {
        return;
    };
    let package = PackageReader::open(bytes.as_slice()).unwrap();
    assert_eq!(package.control().info.version.as_str(), "3.2.0-r23");
    assert_eq!(package.control().identity().to_string(), "Q1LLq2qDNrS/qRnhxQ3hsY/sHbQnc=");
    assert!(package.control().scripts.contains_key(&Script::PreUpgrade));
}

fn read_fully(bytes: &[u8]) -> Result<usize, PackageError> {
    PackageReader::open(bytes)?.list().map(|entries| entries.len())
}

#[test]
fn damaged_packages_are_refused() {
    let check =
        |bytes: &[u8], expected: Expect| expected.assert_eq(&read_fully(bytes).unwrap_err().to_string());
    let (bytes, written) = write();
    let control = written.control.bytes.len();
    check(b"", expect!["there is no control member, hint: is this an apk v2 package?"]);
    check(b"not a package", expect!["cannot read the control member"]);
    check(&bytes[..control - 1], expect!["cannot read the control member"]);
    check(&bytes[..bytes.len() - 1], expect!["cannot read the data member"]);
    check(&bytes[..control], expect!["cannot process the archive"]);
    check(
        &[&bytes[..], &bytes[control..]].concat(),
        expect![
            "the data has SHA-256 `e2c30993d3f6dbf409d91b21c9fcadf0cc8a5c090529aa810581c8f234620968`, `.PKGINFO` says `f26197c2123f6c5fa88f34725c735608767bb075059df93f8d61358db2361b57`"
        ],
    );
    check(&bytes[control..], expect!["the control member has no `.PKGINFO`"]);
}

/// A package is refused or read, whatever happened to its bytes; it never panics.
#[test]
fn mutated_packages_never_panic() {
    let (bytes, written) = write();
    let whole = entries().len();
    let mut random = 1u64;
    let mut next = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % bound
    };
    let mut unharmed = 0;
    for _ in 0..4000 {
        let mut mutated = bytes.clone();
        for _ in 0..=next(3) {
            let at = next(mutated.len());
            match next(4) {
                0 => mutated[at] ^= 1 << next(8),
                1 => mutated[at] = u8::try_from(next(256)).unwrap(),
                2 => drop(mutated.drain(at..(at + next(20)).min(bytes.len()).min(at + 1))),
                _ => mutated.insert(at, u8::try_from(next(256)).unwrap()),
            }
        }
        unharmed += usize::from(read_fully(&mutated).is_ok_and(|entries| entries == whole));
    }
    // Only a change of the control member's gzip header can go unnoticed without a signature.
    assert!(unharmed < 400, "{unharmed}");
    mutate_archives(&written, &mut next);
}

/// The same below the compression, where damage reaches the tar reader.
fn mutate_archives(written: &WrittenPackage, next: &mut impl FnMut(usize) -> usize) {
    let (bytes, _) = write();
    let mut data = Vec::new();
    let compressed = &bytes[written.control.bytes.len()..];
    flate2::bufread::GzDecoder::new(compressed).read_to_end(&mut data).unwrap();
    for _ in 0..4000 {
        let mut mutated = data.clone();
        let at = next(mutated.len());
        mutated[at] = u8::try_from(next(256)).unwrap();
        repair_checksums(&mut mutated);
        let _ = crate::archive::reader::read_archive::<crate::archive::ArchiveError>(
            mutated.as_slice(),
            &mut |_, content| io::copy(content, &mut io::sink()).map(|_| ()).map_err(Into::into),
        );
    }
}

/// Makes every block that looks like a header valid again, so that its fields are read.
fn repair_checksums(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
