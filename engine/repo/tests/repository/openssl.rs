//! Packages and indexes verified with openssl and tar alone: what a user without wiz
//! and without apk would do.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use flate2::bufread::GzDecoder;

use crate::bench::{ARCH, Bench, names};

/// Cuts the first gzip member off, takes the signature out of it with tar, and asks
/// openssl whether it is over the next `members` members.
fn verified(file: &Path, keys: &Path, scratch: &Path, signs_the_rest: bool) -> bool {
    let bytes = fs::read(file).unwrap();
    let first = member_length(&bytes);
    let rest = &bytes[first..];
    let signed = if signs_the_rest { rest } else { &rest[..member_length(rest)] };
    let _ = fs::remove_dir_all(scratch);
    fs::create_dir_all(scratch).unwrap();
    fs::write(scratch.join("signature.tar.gz"), &bytes[..first]).unwrap();
    fs::write(scratch.join("signed"), signed).unwrap();
    let tar = Command::new("tar").args(["-xzf", "signature.tar.gz"]).current_dir(scratch).output().unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    let mut entries = fs::read_dir(scratch).unwrap().map(|entry| entry.unwrap().file_name());
    let signature = entries.find(|name| name.to_string_lossy().starts_with(".SIGN.RSA256.")).unwrap();
    let key = signature.to_string_lossy().strip_prefix(".SIGN.RSA256.").unwrap().to_owned();
    let openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(keys.join(key))
        .arg("-signature")
        .arg(&signature)
        .arg("signed")
        .current_dir(scratch)
        .output()
        .unwrap();
    openssl.status.success()
}

pub(crate) fn member_length(bytes: &[u8]) -> usize {
    let mut decoder = GzDecoder::new(bytes);
    decoder.read_to_end(&mut Vec::new()).unwrap();
    bytes.len() - decoder.into_inner().len()
}

#[test]
fn openssl_verifies_packages_and_index() {
    let bench = Bench::new();
    let folder = bench.signed("repo", "first", &["base 1-r0 /etc/base:one", "tool 2-r1 /usr/bin/tool:two"]);
    let (keys, scratch) = (folder.join("keys"), bench.path("scratch"));
    for name in names(&folder.join(ARCH)) {
        let path = folder.join(ARCH).join(&name);
        let is_index = name == "APKINDEX.tar.gz";
        assert!(verified(&path, &keys, &scratch, is_index), "{name}");
        // One bit of what is signed, and openssl says no.
        let mut bytes = fs::read(&path).unwrap();
        let place = member_length(&bytes) + 4;
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(!verified(&path, &keys, &scratch, is_index), "{name}");
    }
}
