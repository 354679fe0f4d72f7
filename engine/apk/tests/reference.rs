//! Every package and index of the reference data: read, and its signature verified with
//! whichever of the data's keys fits it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use wiz_apk::index::archive::IndexArchive;
use wiz_apk::key::{PublicKey, PublicKeys};
use wiz_apk::signature::{Signature, verify_any};
use wiz_apk::{PackageReader, index};
use wiz_testkit::reference_data;

/// The files of the folder whose names end so, by name.
fn files(folder: &Path, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.ends_with(ending)))
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// The keys of the folder, by the names that signatures give them.
fn keys(folder: &Path) -> PublicKeys {
    let key = |(name, pem): (String, Vec<u8>)| {
        let name = name.rsplit("--").next().unwrap().to_owned();
        (name, PublicKey::from_pem(&String::from_utf8(pem).unwrap()).unwrap())
    };
    files(folder, ".rsa.pub").into_iter().map(key).collect()
}

/// Who signed, and whether a key of the data bears it out. What is verified must no longer
/// be once a bit of it has changed.
fn verdict(signatures: &[Signature], member: &[u8], keys: &PublicKeys) -> String {
    let signed: Vec<String> = signatures
        .iter()
        .map(|signature| format!("{:?}, {} bits", signature.algorithm, signature.bytes.len() * 8))
        .collect();
    let verdict = match verify_any(signatures, member, keys) {
        Ok(key) => {
            let mut changed = member.to_vec();
            *changed.last_mut().unwrap() ^= 1;
            assert!(verify_any(signatures, &changed, keys).is_err(), "a changed member was verified");
            format!("verified with `{key}`")
        }
        Err(error) => error.to_string(),
    };
    format!("  {}: {verdict}\n", signed.join("; "))
}

fn check(ending: &str, describe: fn(&[u8], &PublicKeys) -> String, expected: &Expect) {
    let Some(folder) = reference_data::folder() else { return };
    let folder = folder.join("apk/fixtures");
    let keys = keys(&folder);
    let described: Vec<String> = files(&folder, ending)
        .iter()
        .map(|(name, bytes)| format!("{name}\n{}", describe(bytes, &keys)))
        .collect();
    expected.assert_eq(&described.concat());
}

fn package(bytes: &[u8], keys: &PublicKeys) -> String {
    let package = PackageReader::open(bytes).unwrap();
    let control = package.control();
    let scripts: Vec<String> = control.scripts.keys().map(|script| format!("{script:?}")).collect();
    let head = format!(
        "  {} {} for {}, {}, scripts: {scripts:?}\n{}",
        control.info.name,
        control.info.version,
        control.info.arch,
        control.identity(),
        verdict(package.signatures(), &control.bytes, keys)
    );
    // Reading the list reads the data to its end and holds it against its checksum.
    let entries = package.list().unwrap();
    format!("{head}  {} entries\n", entries.len())
}

fn index(bytes: &[u8], keys: &PublicKeys) -> String {
    let index = IndexArchive::read(bytes).unwrap();
    let records = index.records().unwrap();
    assert_eq!(index::format(&records), index.text, "an index comes back byte for byte");
    let description = &index.description;
    format!(
        "  {} records, described as {description:?}\n{}",
        records.len(),
        verdict(&index.signatures, &index.member, keys)
    )
}

/// The keys of Alpine and of the one who built `hello-wolfi` are not among the data: the key
/// there that is called `melange.rsa.pub` too is another one.
#[test]
fn every_package_is_read_and_verified() {
    check(
        ".apk",
        package,
        &expect![[r#"
        alpine-317--alpine-baselayout-3.4.0-r0.apk
          alpine-baselayout 3.2.0-r23 for aarch64, Q1LLq2qDNrS/qRnhxQ3hsY/sHbQnc=, scripts: ["PreInstall", "PostInstall", "PreUpgrade", "PostUpgrade"]
          Rsa, 4096 bits: signed with `alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub`, which is not a trusted key
          83 entries
        cli--packages--x86_64--custom-ca-certs-1-1.0.0-r0.apk
          custom-ca-certs-1 1.0.0-r0 for x86_64, Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=, scripts: []
          Rsa256, 4096 bits: verified with `melange.rsa.pub`
          11 entries
        cli--packages--x86_64--replayout-1.0.0-r0.apk
          replayout 1.0.0-r0 for x86_64, Q11/HhSewwwOXgl0r0ffb0O0BRtYc=, scripts: []
          Rsa256, 4096 bits: verified with `melange.rsa.pub`
          7 entries
        hello-wolfi-2.12.1-r0.apk
          hello-wolfi 2.12.1-r0 for x86_64, Q1j9huCmxqWKDR+abKskcY8e/aZMo=, scripts: []
          Rsa, 4096 bits: the signature by `melange.rsa.pub` does not fit the content
          144 entries
    "#]],
    );
}

/// The keys of Alpine and `test-rsa256.rsa.pub` are not among the data.
#[test]
fn every_index_is_read_and_verified() {
    check(
        "APKINDEX.tar.gz",
        index,
        &expect![[r#"
        alpine-317--APKINDEX.tar.gz
          5004 records, described as "v3.17.3-216-g54a39ace82a"
          Rsa, 4096 bits: signed with `alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub`, which is not a trusted key
        cli--packages--x86_64--APKINDEX.tar.gz
          4 records, described as ""
          Rsa256, 4096 bits: verified with `melange.rsa.pub`
        rsa256-signed--APKINDEX.tar.gz
          1 records, described as ""
          Rsa256, 4096 bits: signed with `test-rsa256.rsa.pub`, which is not a trusted key
    "#]],
    );
}
