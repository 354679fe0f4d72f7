//! Packages, indexes and databases of other projects, whole and damaged.

use std::fs;
use std::path::Path;

use expect_test::expect;

use crate::reference_data;
use crate::repository::{Repository, package};
use crate::roots::{prepared, trust};
use crate::scratch::Scratch;

/// Damaged copies made of each file.
const COPIES: u64 = 40;

const PACKAGES: [&str; 4] = [
    "alpine-317--alpine-baselayout-3.4.0-r0.apk",
    "cli--packages--x86_64--custom-ca-certs-1-1.0.0-r0.apk",
    "cli--packages--x86_64--replayout-1.0.0-r0.apk",
    "hello-wolfi-2.12.1-r0.apk",
];
const INDEXES: [&str; 2] = ["cli--packages--x86_64--APKINDEX.tar.gz", "rsa256-signed--APKINDEX.tar.gz"];

/// A root with melange's key.
fn trusting(fixtures: &Path) -> Scratch {
    let scratch = Scratch::new();
    let key = fs::read_to_string(fixtures.join("cli--melange.rsa.pub")).unwrap();
    scratch.write("etc/apk/keys/melange.rsa.pub", &key);
    scratch
}

/// One of many ways to damage bytes: a bit turned, a piece cut out, the end cut off.
fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = (mixed >> 16) as usize % bytes.len();
    let mut damaged = bytes.to_vec();
    match seed % 3 {
        0 => damaged[place] ^= 1 << (mixed % 8),
        1 => drop(damaged.drain(place..(place + 1 + (mixed >> 8) as usize % 64).min(bytes.len()))),
        _ => damaged.truncate(place),
    }
    damaged
}

#[test]
fn signatures_of_others_hold_with_their_key_alone() {
    let Some(fixtures) = reference_data::find("apk/fixtures") else { return };
    let scratch = trusting(&fixtures);
    let mut shown = String::new();
    for name in PACKAGES.iter().chain(&INDEXES) {
        let path = fixtures.join(name).display().to_string();
        let run = scratch.apk(["verify", &path]);
        shown.push_str(&run.output.replace(&format!("{}/", fixtures.display()), ""));
    }
    expect![[r#"
        alpine-317--alpine-baselayout-3.4.0-r0.apk: UNTRUSTED signature: signed with `alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub`, which is not a trusted key, hint: put its key into /etc/apk/keys, or take it nevertheless with --allow-untrusted
        cli--packages--x86_64--custom-ca-certs-1-1.0.0-r0.apk: OK
        cli--packages--x86_64--replayout-1.0.0-r0.apk: OK
        hello-wolfi-2.12.1-r0.apk: UNTRUSTED signature: the signature by `melange.rsa.pub` does not fit the content, hint: put its key into /etc/apk/keys, or take it nevertheless with --allow-untrusted
        cli--packages--x86_64--APKINDEX.tar.gz: OK
        rsa256-signed--APKINDEX.tar.gz: UNTRUSTED signature: signed with `test-rsa256.rsa.pub`, which is not a trusted key
    "#]]
    .assert_eq(&shown);
}

#[test]
fn damaged_files_are_refused_with_a_reason() {
    let Some(fixtures) = reference_data::find("apk/fixtures") else { return };
    let scratch = trusting(&fixtures);
    for name in PACKAGES.iter().chain(&INDEXES) {
        let bytes = fs::read(fixtures.join(name)).unwrap();
        let paths: Vec<String> = (0..COPIES)
            .map(|seed| {
                let path = scratch.path().join(format!("{seed}-{name}"));
                fs::write(&path, damaged(&bytes, seed)).unwrap();
                path.display().to_string()
            })
            .collect();
        let run = scratch.apk(["verify"].into_iter().chain(paths.iter().map(String::as_str)));
        let code = run.status.code().unwrap();
        assert_eq!(code, COPIES as i32, "{name}: {}", run.output);
        assert_eq!(run.output.lines().count(), paths.len(), "{name}: {}", run.output);
        assert!(!run.output.contains("panicked"), "{}", run.output);
    }
}

#[test]
fn scripts_of_others_are_listed_and_refused() {
    let Some(fixtures) = reference_data::find("apk/fixtures") else { return };
    let scratch = Scratch::new();
    trust(&scratch);
    let needed = package("needed", "1", &[("usr/", ""), ("usr/needed", "text")]).with(|info| {
        let provides = ["alpine-baselayout-data=3.2.0-r23", "/bin/sh=1", "so:libc.musl-aarch64.so.1=1"];
        info.provides = provides.map(|text| text.parse().unwrap()).to_vec();
    });
    Repository::publish(&scratch.path().join("repo"), &[needed]);
    let repository = scratch.path().join("repo").display().to_string();
    let path = fixtures.join(PACKAGES[0]).display().to_string();
    let common =
        ["--arch", "x86_64", "--arch", "aarch64", "--no-cache", "--allow-untrusted", "-X", &repository];
    let add = |more: &[&'static str]| {
        let words = ["add", "--initdb", &path].into_iter().chain(common).chain(more.iter().copied());
        let run = scratch.apk(words.collect::<Vec<_>>());
        format!("{}[{}]\n", run.output, run.status.code().unwrap())
    };
    expect![[r#"
        ERROR: alpine-baselayout-3.2.0-r23: has scripts that would run as root: pre-install, post-install, pre-upgrade, post-upgrade
        ERROR: hint: --scripts runs them, --no-scripts installs without running them
        [1]
    "#]]
    .assert_eq(&add(&[]));
    assert!(!scratch.root().join("usr/needed").exists(), "nothing was touched");
    expect![[r#"
        (1/2) Installing needed (1)
        (2/2) Installing alpine-baselayout (3.2.0-r23)
        OK: 332 KiB in 2 packages
        [0]
    "#]]
    .assert_eq(&add(&["--no-scripts"]));
    let audit = scratch.apk(["audit", "--system", "--check-permissions"]);
    assert_eq!(audit.output, "", "every file and mode is the package's");
    assert!(scratch.apk(["info", "-e", "alpine-baselayout"]).status.success());
}

#[test]
fn databases_of_others_are_read() {
    let Some(fixtures) = reference_data::find("apk/fixtures") else { return };
    let scratch = prepared(&[]);
    for name in ["installed", "scripts.tar", "triggers"] {
        let path = scratch.root().join("lib/apk/db").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixtures.join(name), path).unwrap();
    }
    let installed = fs::read_to_string(fixtures.join("installed")).unwrap();
    let count = installed.lines().filter(|line| line.starts_with("P:")).count();
    let listed = scratch.apk(["list", "--manifest"]);
    assert!(listed.status.success(), "{}", listed.output);
    assert_eq!(listed.output.lines().count(), count);
    let all = scratch.apk(["info", "-a", "alpine-baselayout"]);
    assert!(all.output.contains("alpine-baselayout-"), "{}", all.output);
}

#[test]
fn an_index_of_others_is_searched() {
    let Some(fixtures) = reference_data::find("apk/fixtures") else { return };
    let scratch = Scratch::new();
    let index = format!("test:{}", fixtures.join("alpine-317--APKINDEX.tar.gz").display());
    let common = ["--arch", "aarch64", "--no-cache", "--allow-untrusted", "-X", &index];
    let search =
        |words: &[&'static str]| scratch.apk(words.iter().copied().chain(common).collect::<Vec<_>>()).output;
    expect![[r#"
        nginx-1.22.1-r0
    "#]]
    .assert_eq(&search(&["search", "-e", "nginx"]));
    expect![[r#"
        zlib-1.2.13-r0
    "#]]
    .assert_eq(&search(&["search", "-e", "so:libz.so.1"]));
}
