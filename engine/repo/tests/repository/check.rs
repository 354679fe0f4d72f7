//! What a check finds, case by case, and that it finds nothing in a sound repository.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use wiz_apk::Record;
use wiz_apk::index::archive::{self, IndexArchive};
use wiz_apk::signature::Signature;

use crate::bench::{ARCH, Bench, faults, key};

const SOUND: [&str; 3] =
    ["base 1-r0 /etc/base:one", "base 2-r0 /etc/base:two", "tool 1-r0 depends=base>=2 /usr/bin/tool:tool"];

/// Signs packages, spoils the architecture's folder, and compares what is found.
#[track_caller]
fn check(packages: &[&str], spoil: impl FnOnce(&Bench, &Path), expected: &Expect) {
    let bench = Bench::new();
    let folder = bench.signed("repo", "first", packages);
    assert!(folder.join(ARCH).is_dir());
    spoil(&bench, &folder.join(ARCH));
    // The size of a compressed signature depends on the key.
    let size = fs::metadata(folder.join(ARCH).join("tool-1-r0.apk")).map_or(0, |file| file.len());
    let found = bench.faults("repo", &["first"]);
    expected.assert_eq(&found.replace(&format!("has {size} bytes"), "has SIZE bytes"));
}

/// Signs other records than those the packages have.
fn rewrite_index(folder: &Path, change: impl FnOnce(&mut Vec<Record>)) {
    let path = folder.join("APKINDEX.tar.gz");
    let index = IndexArchive::read(fs::read(&path).unwrap().as_slice()).unwrap();
    let mut records = index.records().unwrap();
    change(&mut records);
    let member = archive::write(&records, &index.description, 1).unwrap();
    let signature = Signature::sign(&member, &key("first")).unwrap().to_member().unwrap();
    fs::write(&path, [signature, member].concat()).unwrap();
}

#[test]
fn a_sound_repository_has_no_faults() {
    check(&SOUND, |_, _| {}, &expect![[""]]);
}

#[test]
fn an_index_without_a_trusted_signature() {
    let index = |folder: &Path| folder.join("APKINDEX.tar.gz");
    let unsigned = |_: &Bench, folder: &Path| {
        let bytes = fs::read(index(folder)).unwrap();
        fs::write(index(folder), &bytes[crate::openssl::member_length(&bytes)..]).unwrap();
    };
    check(
        &SOUND,
        unsigned,
        &expect![[r#"
        `x86_64/APKINDEX.tar.gz` is not trusted: there is no signature
        hint: `wiz build` and `wiz repo publish` write signed ones
    "#]],
    );
    let by_a_stranger = |bench: &Bench, folder: &Path| {
        let other = bench.signed("other", "stranger", &SOUND);
        fs::copy(index(&other.join(ARCH)), index(folder)).unwrap();
    };
    check(
        &SOUND,
        by_a_stranger,
        &expect![[r#"
        `x86_64/APKINDEX.tar.gz` is not trusted: signed with `stranger-00000003.rsa.pub`, which is not a trusted key
        hint: give the folder of its public key with `--keys-dir`
    "#]],
    );
    let changed = |_: &Bench, folder: &Path| {
        let bytes = fs::read(index(folder)).unwrap();
        rewrite_index(folder, |records| records.truncate(1));
        let other = fs::read(index(folder)).unwrap();
        let cut = crate::openssl::member_length;
        fs::write(index(folder), [&bytes[..cut(&bytes)], &other[cut(&other)..]].concat()).unwrap();
    };
    check(
        &SOUND,
        changed,
        &expect![[r#"
        `x86_64/APKINDEX.tar.gz` is not trusted: the signature by `first-00000001.rsa.pub` does not fit the content
        hint: it was changed after it was signed: take it from where it was published
    "#]],
    );
    check(
        &SOUND,
        |_, folder| fs::write(index(folder), "no gzip").unwrap(),
        &expect![[r#"
        the index `x86_64/APKINDEX.tar.gz` cannot be read: cannot read the index: unexpected end of file
    "#]],
    );
}

#[test]
fn packages_that_are_missing_or_tampered_with() {
    let package = |folder: &Path| folder.join("tool-1-r0.apk");
    let list_size = |folder: &Path| {
        let size = fs::metadata(package(folder)).unwrap().len();
        rewrite_index(folder, |records| records[2].size = size);
    };
    check(
        &SOUND,
        |_, folder| rewrite_index(folder, |records| records[2].size = 429),
        &expect![[r#"
            `tool-1-r0.apk` has SIZE bytes, the index says 429
        "#]],
    );
    check(
        &SOUND,
        |_, folder| fs::remove_file(package(folder)).unwrap(),
        &expect![[r#"
        cannot read `x86_64/tool-1-r0.apk`: No such file or directory (os error 2)
    "#]],
    );
    let data = |_: &Bench, folder: &Path| {
        let mut bytes = fs::read(package(folder)).unwrap();
        let cut = crate::openssl::member_length;
        let start = cut(&bytes) + cut(&bytes[cut(&bytes)..]);
        let last = bytes.len() - 1;
        assert!(start < last);
        // The operating system in the header of the data's member: what it unpacks to is the same.
        bytes[start + 9] ^= 1;
        fs::write(package(folder), bytes).unwrap();
    };
    check(
        &SOUND,
        data,
        &expect![[r#"
        the package `x86_64/tool-1-r0.apk` cannot be read: the data has SHA-256 `e0a36112d7b24405f587d732c568b8f39c68af0c3aa1486617858e29d27d8c23`, `.PKGINFO` says `78d02b5284f7afa47651d1bfebc972eca693f7b9b8d066103f1010c5e7558d09`
    "#]],
    );
    let other_content = |bench: &Bench, folder: &Path| {
        let other = bench.signed("other", "first", &["tool 1-r0 depends=base>=2 /usr/bin/tool:evil"]);
        fs::copy(other.join(ARCH).join("tool-1-r0.apk"), package(folder)).unwrap();
        list_size(folder);
    };
    check(
        &SOUND,
        other_content,
        &expect![[r#"
        `tool-1-r0.apk` is `Q1RhPWckgcL+IuJmQQ0TaT3Wl71LM=`, the index says `Q1Cvai7RnDpH2DHxlST9KVrsPE3wU=`
    "#]],
    );
    let by_a_stranger = |bench: &Bench, folder: &Path| {
        let other = bench.signed("other", "stranger", &SOUND);
        fs::copy(other.join(ARCH).join("tool-1-r0.apk"), package(folder)).unwrap();
        list_size(folder);
    };
    check(
        &SOUND,
        by_a_stranger,
        &expect![[r#"
        `tool-1-r0.apk`: signed with `stranger-00000003.rsa.pub`, which is not a trusted key
    "#]],
    );
    let unsigned = |bench: &Bench, folder: &Path| {
        let from = bench.path("repo.unsigned").join(ARCH).join("tool-1-r0.apk");
        fs::copy(from, package(folder)).unwrap();
        list_size(folder);
    };
    check(
        &SOUND,
        unsigned,
        &expect![[r#"
        `tool-1-r0.apk`: there is no signature
    "#]],
    );
}

#[test]
fn an_index_that_says_something_else_than_the_packages() {
    let less = |records: &mut Vec<Record>| records[2].depends.clear();
    check(
        &SOUND,
        |_, folder| rewrite_index(folder, less),
        &expect![[r#"
        `tool-1-r0.apk` says something else of itself than the index does in `D:`
    "#]],
    );
    let twice = |records: &mut Vec<Record>| records.push(records[0].clone());
    check(
        &SOUND,
        |_, folder| rewrite_index(folder, twice),
        &expect![[r#"
        `base-1-r0` is listed more than once
    "#]],
    );
    let outside = |records: &mut Vec<Record>| records[0].name = "../base".parse().unwrap();
    check(
        &SOUND,
        |_, folder| rewrite_index(folder, outside),
        &expect![[r#"
        the index `x86_64/APKINDEX.tar.gz` lists `../base-1-r0.apk`, which is no file name
    "#]],
    );
}

#[test]
fn an_older_index_is_told_by_the_packages_beside_it() {
    let older = |bench: &Bench, folder: &Path| {
        let other = bench.signed("other", "first", &SOUND[..1]);
        fs::copy(other.join(ARCH).join("APKINDEX.tar.gz"), folder.join("APKINDEX.tar.gz")).unwrap();
    };
    check(
        &SOUND,
        older,
        &expect![[r#"
        `base-2-r0.apk` is there and the index does not list it: the index is older than its packages
        hint: publish again, or remove the file if it was never published
        `tool-1-r0.apk` is there and the index does not list it: the index is older than its packages
        hint: publish again, or remove the file if it was never published
    "#]],
    );
}

#[test]
fn an_older_repository_is_told_by_an_index_that_was_seen_before() {
    let bench = Bench::new();
    let older = bench.signed("older", "first", &SOUND[..1]);
    let newer = bench.signed("newer", "first", &SOUND);
    let index = newer.join(ARCH).join("APKINDEX.tar.gz");
    let expected = expect![[r#"
        `base-2-r0` was listed and is not any more: this index is older than the one it is held against
        `tool-1-r0` was listed and is not any more: this index is older than the one it is held against
    "#]];
    let found = faults(&older, &["first"], Some(&newer));
    expected.assert_eq(&found);
    assert_eq!(faults(&older, &["first"], Some(&index)), found);
    assert_eq!(faults(&newer, &["first"], Some(&older)), "");
    let error = wiz_repo::check(&newer, &crate::bench::trusted(&["second"]), Some(&older)).unwrap().1;
    assert_eq!(error.len(), 1, "an index that is not trusted is held against nothing");
}

#[test]
fn files_in_two_packages() {
    check(
        &["a 1-r0 /x:1 /y:1", "b 1-r0 /x:2 /y:1"],
        |_, _| {},
        &expect![[r#"
        `x` is in both `a-1-r0` and `b-1-r0`
        hint: let one declare `replaces`, or let them conflict
        `y` is in both `a-1-r0` and `b-1-r0`
        hint: let one declare `replaces`, or let them conflict
    "#]],
    );
    for fine in [
        ["a 1-r0 /x:1", "b 1-r0 replaces=a /x:2"],
        ["a 1-r0 replaces=b<2 /x:1", "b 1-r0 /x:2"],
        ["a 1-r0 origin=o /x:1", "b 1-r0 origin=o /x:2"],
        ["a 1-r0 depends=!b /x:1", "b 1-r0 /x:2"],
        ["a 1-r0 provides=sh=1 /x:1", "b 1-r0 provides=sh=2 /x:2"],
        ["a 1-r0 /x:1", "a 2-r0 /x:2"],
        ["a 1-r0 /d/x:1", "b 1-r0 /d/y:2"],
    ] {
        check(&fine, |_, _| {}, &expect![[""]]);
    }
    check(
        &["a 1-r0 replaces=b>=2 /x:1", "b 1-r0 provides=sh /x:2"],
        |_, _| {},
        &expect![[r#"
        `x` is in both `a-1-r0` and `b-1-r0`
        hint: let one declare `replaces`, or let them conflict
    "#]],
    );
}

#[test]
fn packages_that_cannot_be_installed() {
    check(
        &["a 1-r0 depends=none", "b 1-r0 depends=a,!c", "c 1-r0"],
        |_, _| {},
        &expect![[r#"
        `a-1-r0` cannot be installed: cannot choose packages
          `none` is provided by no package
            required by world[a=1-r0] -> a-1-r0[none]
        `b-1-r0` cannot be installed: cannot choose packages
          `none` is provided by no package
            required by world[b=1-r0] -> b-1-r0[a] -> a-1-r0[none]
    "#]],
    );
}

#[test]
fn a_folder_without_an_index_is_no_repository() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("empty/x86_64")).unwrap();
    let error = wiz_repo::check(&bench.path("empty"), &crate::bench::trusted(&["first"]), None).unwrap_err();
    assert!(error.to_string().contains("is no repository"), "{error}");
}
