//! Signatures made and verified, by ourselves and by openssl.

use std::process::Command;
use std::sync::LazyLock;

use rand_core::{TryCryptoRng, TryRng};

use super::{Algorithm, Signature, verify_any};
use crate::gzip;
use crate::key::{PrivateKey, PublicKey, PublicKeys};

/// A generator that gives the same numbers each time; for tests alone.
struct Repeatable(u64);

impl TryRng for Repeatable {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Repeatable {}

/// 2048 bits, because making 4096 takes longer than all other tests together.
static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate_with_bits("tests@wiz", 2048, &mut Repeatable(1)).unwrap());

fn keys() -> PublicKeys {
    PublicKeys::from([(KEY.public_file_name(), KEY.public())])
}

#[test]
fn a_signature_holds_for_its_bytes_alone() {
    let signature = Signature::sign(b"member", &KEY).unwrap();
    assert_eq!((signature.algorithm, signature.bytes.len()), (Algorithm::Rsa256, 256));
    signature.verify(b"member", &keys()).unwrap();
    assert!(signature.verify(b"Member", &keys()).is_err());
    let shortened = Signature { bytes: signature.bytes[1..].to_vec(), ..signature.clone() };
    assert!(shortened.verify(b"member", &keys()).is_err());
    let unknown = signature.verify(b"member", &PublicKeys::new()).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        format!("signed with `{}`, which is not a trusted key", KEY.public_file_name())
    );
}

#[test]
fn the_other_hash_functions_are_verified_too() {
    for algorithm in [Algorithm::Rsa, Algorithm::Rsa512] {
        let bytes = KEY.rsa().sign(algorithm.scheme(), &algorithm.hash(b"member")).unwrap();
        let signature = Signature { algorithm, key: KEY.public_file_name(), bytes };
        signature.verify(b"member", &keys()).unwrap();
        assert!(Signature { algorithm: Algorithm::Rsa256, ..signature }.verify(b"member", &keys()).is_err());
    }
}

#[test]
fn one_trusted_signature_is_enough() {
    let good = Signature::sign(b"member", &KEY).unwrap();
    let stranger = Signature { key: "stranger.rsa.pub".to_owned(), ..good.clone() };
    assert_eq!(verify_any(&[stranger.clone(), good], b"member", &keys()).unwrap(), KEY.public_file_name());
    assert!(verify_any(&[stranger], b"member", &keys()).is_err());
    assert_eq!(verify_any(&[], b"member", &keys()).unwrap_err().to_string(), "there is no signature");
}

#[test]
fn keys_round_trip_through_pem() {
    let again = PrivateKey::from_pem(KEY.name(), &KEY.to_pem().unwrap()).unwrap();
    assert_eq!(again.public_file_name(), KEY.public_file_name());
    assert_eq!(PublicKey::from_pem(&KEY.public().to_pem()).unwrap(), KEY.public());
    assert!(PrivateKey::from_pem("a/b", &KEY.to_pem().unwrap()).is_err());
    assert!(PrivateKey::from_pem("a", "nothing").is_err());
    assert!(!format!("{:?}", *KEY).contains("BEGIN"));
    let name = KEY.public_file_name();
    let digits = name.strip_prefix("tests@wiz-").unwrap().strip_suffix(".rsa.pub").unwrap();
    assert!(digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
}

/// Only openssl and the file's own bytes: what a user without wiz or apk would do.
#[test]
fn openssl_verifies_a_signed_package() {
    let control = gzip::compress(b"a control member");
    let signature = Signature::sign(&control, &KEY).unwrap();
    let package = [signature.to_member().unwrap(), control].concat();
    let mut rest = package.as_slice();
    let first = gzip::read_member(&mut rest, 4096).unwrap().unwrap();
    assert_eq!(first.content.len(), 1024, "a header and a padded signature, no end blocks");

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let signature = file("signature", &first.content[512..512 + 256]);
    let key = file("key.pem", KEY.public().to_pem().as_bytes());
    let member = file("control", rest);
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", "-verify"]).arg(key).arg("-signature").arg(signature).arg(member);
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("skipped: openssl is not installed"),
    }
}
