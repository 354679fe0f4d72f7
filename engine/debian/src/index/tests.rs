//! Indexes, sound and not.

use std::io::Write as _;

use super::*;

/// A paragraph of an index.
fn entry(name: &str, version: &str, more: &str) -> String {
    let digest = "0f".repeat(32);
    format!(
        "Package: {name}\nVersion: {version}\n{more}Filename: pool/{name}.deb\nSize: 7\nSHA256: {digest}\n\n"
    )
}

#[test]
fn the_latest_version_counts() {
    let text = [entry("a", "1", ""), entry("a", "1+b1", ""), entry("a", "1~rc", "")].concat();
    let index = Index::parse(&text).unwrap();
    assert_eq!((index.len(), index.package("a").unwrap().version.as_str()), (1, "1+b1"));
}

#[test]
fn every_compression_is_read() {
    let text = entry("a", "1", "Provides: x (= 2), y\nPre-Depends: c\nDepends: b (>= 1)\n");
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
    xz.write_all(text.as_bytes()).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    let plain = Index::read("Packages", text.as_bytes()).unwrap();
    assert_eq!(Index::read("Packages.xz", &xz.finish().unwrap()).unwrap(), plain);
    assert_eq!(Index::read("Packages.gz", &gz.finish().unwrap()).unwrap(), plain);
    let depends: Vec<_> = plain.package("a").unwrap().depends.iter().map(ToString::to_string).collect();
    assert_eq!(depends, ["c", "b (>= 1)"]);
    assert!(matches!(Index::read("Packages.xz", b"no"), Err(IndexError::Stream(_))));
}

#[test]
fn provisions_meet_constraints_by_their_version() {
    let text = [entry("a", "9", "Provides: x (= 2), y\n"), entry("b", "9", "Provides: x\n")].concat();
    let index = Index::parse(&text).unwrap();
    let providers = |wanted: &str| -> Vec<String> {
        let wanted = &relation::parse(wanted).unwrap()[0].alternatives[0];
        index.providers(wanted).into_iter().map(|package| package.name.clone()).collect()
    };
    assert_eq!(providers("x"), ["a", "b"]);
    assert_eq!(providers("x (>= 2)"), ["a"]);
    assert_eq!(providers("x (>= 3)"), [""; 0]);
    assert_eq!(providers("y (>= 1)"), [""; 0]);
}

#[test]
fn faults_name_the_package() {
    let fault = |text: String| Index::parse(&text).unwrap_err().to_string();
    assert!(fault(entry("a", "1_", "")).contains("package `a`: `1_` is not a version"));
    assert!(fault(entry("a", "1", "Depends: b (1)\n")).contains("package `a`: `b (1)` is not a relation"));
    assert!(fault(entry("a", "1", "").replace("Size: 7", "Size: x")).contains("`a` has no valid `Size`"));
    assert!(fault(entry("a", "1", "").replace("pool/", "../")).contains("`a` has no valid `Filename`"));
    assert!(fault(entry("a", "1", "").replace("0f0f", "0F0F")).contains("`a` has no valid `SHA256`"));
}
