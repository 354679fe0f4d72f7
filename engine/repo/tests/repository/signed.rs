//! Signed repositories: what is in them, and when they are written.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use expect_test::expect;
use wiz_apk::index::archive::IndexArchive;
use wiz_repo::Written;

use crate::bench::{ARCH, Bench, key, names, trusted};

const TWO: [&str; 2] = ["base 1-r0 /etc/base:one", "tool 2-r1 depends=base /usr/bin/tool:two"];

#[test]
fn a_signed_repository_has_packages_index_and_keys_and_is_whole() {
    let bench = Bench::new();
    let folder = bench.signed("repo", "first", &TWO);
    assert_eq!(names(&folder), ["keys", ARCH]);
    assert_eq!(names(&folder.join(ARCH)), ["APKINDEX.tar.gz", "base-1-r0.apk", "tool-2-r1.apk"]);
    assert_eq!(names(&folder.join("keys")), ["first-00000001.rsa.pub"]);
    assert_eq!(bench.faults("repo", &["first"]), "");
}

#[test]
fn the_index_counts_signatures_and_keeps_identities() {
    let bench = Bench::new();
    let folder = bench.signed("repo", "first", &TWO).join(ARCH);
    let unsigned = bench.path("repo.unsigned").join(ARCH);
    let read = |path| IndexArchive::read(fs::read(path).unwrap().as_slice()).unwrap();
    let before = read(unsigned.join("APKINDEX.unsigned.tar.gz")).records().unwrap();
    let index = read(folder.join("APKINDEX.tar.gz"));
    assert_eq!(index.verify(&trusted(&["first"])).unwrap(), "first-00000001.rsa.pub");
    assert_eq!(index.description, "made up");
    for (before, after) in before.iter().zip(index.records().unwrap()) {
        let file = fs::metadata(folder.join(after.file_name())).unwrap();
        assert_eq!(after.size, file.len());
        assert!(after.size > before.size);
        assert_eq!(after, wiz_apk::Record { size: after.size, ..before.clone() });
    }
}

#[test]
fn the_same_key_gives_the_same_bytes_and_another_key_does_not() {
    let bench = Bench::new();
    let once = bench.signed("once", "first", &TWO).join(ARCH);
    let twice = bench.signed("twice", "first", &TWO).join(ARCH);
    let other = bench.signed("other", "second", &TWO).join(ARCH);
    for name in names(&once) {
        let bytes = |folder: &std::path::Path| fs::read(folder.join(&name)).unwrap();
        assert_eq!(bytes(&once), bytes(&twice), "{name}");
        assert_ne!(bytes(&once), bytes(&other), "{name}");
    }
}

#[test]
fn nothing_is_written_until_something_changes() {
    let bench = Bench::new();
    let sign = |by, keys: &[&str], packages: &[&str]| bench.sign("repo", by, keys, packages).unwrap();
    let inode = || fs::metadata(bench.path("repo").join(ARCH)).unwrap().ino();
    assert_eq!(sign("first", &["first"], &TWO), Written::Signed { packages: 2 });
    let first = inode();
    fs::remove_dir_all(bench.path("repo.unsigned")).unwrap();
    assert_eq!(sign("first", &["first"], &TWO), Written::Unchanged);
    assert!(!bench.path("repo.unsigned").exists(), "the unsigned packages are not asked for");

    // A package that somebody touched or removed is written again.
    let package = bench.path("repo").join(ARCH).join("base-1-r0.apk");
    fs::write(&package, "not what it was").unwrap();
    assert_eq!(sign("first", &["first"], &TWO), Written::Signed { packages: 2 });
    assert_ne!(inode(), first);
    fs::remove_file(&package).unwrap();
    assert_eq!(sign("first", &["first"], &TWO), Written::Signed { packages: 2 });
    assert_eq!(bench.faults("repo", &["first"]), "");

    // So is everything when the key is another; what is gone from the input is gone.
    assert_eq!(sign("second", &["first", "second"], &TWO[..1]), Written::Signed { packages: 1 });
    assert_eq!(names(&bench.path("repo").join(ARCH)), ["APKINDEX.tar.gz", "base-1-r0.apk"]);
    assert_eq!(bench.faults("repo", &["second"]), "");

    // Keys alone change without signing anew.
    let signed = inode();
    assert_eq!(sign("second", &["second"], &TWO[..1]), Written::Signed { packages: 0 });
    assert_eq!(names(&bench.path("repo/keys")), [key("second").public_file_name()]);
    assert_eq!(inode(), signed);
}

#[test]
fn only_the_packages_that_the_index_means_are_signed() {
    let check = |spoil: &dyn Fn(&mut Vec<u8>), expected: expect_test::Expect| {
        let bench = Bench::new();
        let unsigned = bench.unsigned("unsigned", &TWO);
        let package = unsigned.join(ARCH).join("base-1-r0.apk");
        let mut bytes = fs::read(&package).unwrap();
        spoil(&mut bytes);
        fs::write(&package, bytes).unwrap();
        let input = wiz_repo::Unsigned { arch: ARCH, tree: "spoiled" };
        let keys = crate::bench::public(&["first"]);
        let error = wiz_repo::write_signed(input, &key("first"), &keys, &bench.path("repo"), || {
            Ok::<_, wiz_repo::RepositoryError>(unsigned.clone())
        });
        let text = error.unwrap_err().to_string();
        expected.assert_eq(&text.replace(&bench.path("").display().to_string(), ""));
        assert!(!bench.path("repo").join(ARCH).exists(), "nothing half signed is to be seen");
    };
    let last = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    check(
        &last,
        expect![
            "the package `unsigned/x86_64/base-1-r0.apk` cannot be read: the data has SHA-256 `5166ae4b0cd7417680fb7eeec27f6bc9242a1f676d675161f136d6caf5933d3d`, `.PKGINFO` says `8809cd612e8fabfa5e433856b2896a2b33de78a9cc67e433be9318a40f09ed00`"
        ],
    );
    let other = |bytes: &mut Vec<u8>| {
        let bench = Bench::new();
        let folder = bench.unsigned("other", &["base 1-r0 /etc/base:other"]);
        *bytes = fs::read(folder.join(ARCH).join("base-1-r0.apk")).unwrap();
    };
    check(
        &other,
        expect![
            "`unsigned/x86_64/base-1-r0.apk` is not the package that the index means: it is `Q1U2wdVWG6cxPEpMyTAxuPqyTSwHE=`, the index says `Q1tWKmeZUi65aNbftAK3DqL91KSLA=`"
        ],
    );
}
