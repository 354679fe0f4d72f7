//! Bundles: what is right is believed, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wiz_sign::statement::PROVENANCE;
use wiz_sign::{Bundle, KeyError, PrivateKey, PublicKey, RunDetails, Statement};

// Made by openssl for these tests: `genpkey -algorithm EC`, `pkey -pubout`, `pkcs8 -topk8` with the password `hush`.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgn4J6/S4twOyRGVtg
1LLN0lC3jYD55csnlPHuXbN0BwWhRANCAAQ9ybdd2iuKL35kItFy8W6szvp/+Gvh
Tsp9wz8tJCt0jvv+DqfOMb/Otj45Bx+bWi36TFH8ZqMtmywf4YXjZwyI
-----END PRIVATE KEY-----
";
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiXRBS10AOzIgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBYrvBhN7UqBYTFNb14RXkgEgZDE
iRxt/R9tSuyaDpo0swpOvgS1kcpLOva6NgfZaL8TWteei3lt4ZbQDG81o2txPeFh
+tYrSYSKunDAQN4fNGaSDejcH+5bFIFi512rDqRh1X9Mn8G40UDmKddLYiHDM/bc
8JEZcLaywT7DKMwiPrA/UXQPost1suqEgKpC87x0NKTobwzzkmXV5sfA11cLb/8=
-----END ENCRYPTED PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPcm3Xdorii9+ZCLRcvFurM76f/hr
4U7KfcM/LSQrdI77/g6nzjG/zrY+OQcfm1ot+kxR/GajLZssH+GF42cMiA==
-----END PUBLIC KEY-----
";
const OTHER_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2sroKnpb8hvAr9B4
XHzAF2gE/pnsk4AQlB/urE47VVKhRANCAATZcpspARY0VOvrqplsRLjrSnsbN7FS
ZxcdZeG6hZKS+X6qUaSLkyvGb132rRgg86ZMwQtDZuSaiAzPlzoqa6Nb
-----END PRIVATE KEY-----
";
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2XKbKQEWNFTr66qZbES460p7Gzex
UmcXHWXhuoWSkvl+qlGki5Mrxm9d9q0YIPOmTMELQ2bkmogMz5c6KmujWw==
-----END PUBLIC KEY-----
";

fn subject(byte: &str) -> String {
    byte.repeat(32)
}

fn statement() -> Statement {
    let definition = json!({"buildDefinition": {"buildType": "x", "externalParameters": {"label": "//a"}}});
    let run = RunDetails {
        builder: "https://ci.example".to_owned(),
        revision: Some("abc".to_owned()),
        finished: None,
    };
    Statement::about("a.apk", &subject("ab"), PROVENANCE, definition).with_run(&run).unwrap()
}

fn bundle() -> Bundle {
    Bundle::sign(&statement(), &PrivateKey::from_pem(PRIVATE, None).unwrap())
}

fn public(text: &str) -> PublicKey {
    PublicKey::from_pem(text).unwrap()
}

/// What is wrong with a bundle that was changed.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_slice(&bundle().encode()).unwrap();
    change(&mut value);
    let bundle = Bundle::read(&serde_json::to_vec(&value).unwrap());
    let verified = bundle.and_then(|bundle| bundle.verify(&public(PUBLIC), &subject("ab")));
    verified.unwrap_err().to_string()
}

#[test]
fn what_was_signed_is_believed() {
    let read = Bundle::read(&bundle().encode()).unwrap();
    let statement = read.verify(&public(PUBLIC), &subject("ab")).unwrap();
    assert_eq!(statement.kind(), Some(PROVENANCE));
    let predicate = statement.predicate().unwrap();
    assert_eq!(predicate["runDetails"]["builder"]["id"], "https://ci.example");
    assert_eq!(predicate["buildDefinition"]["externalParameters"]["revision"], "abc");
    // Signing is deterministic.
    assert_eq!(bundle(), bundle());
}

#[test]
fn another_key_or_another_subject_is_not() {
    let error = bundle().verify(&public(OTHER_PUBLIC), &subject("ab")).unwrap_err();
    assert_eq!(error.to_string(), "the signature is not that of this key over this statement");
    let error = bundle().verify(&public(PUBLIC), &subject("cd")).unwrap_err().to_string();
    assert!(error.starts_with("the statement is about `sha256:abab"), "{error}");
    let other = Bundle::sign(&statement(), &PrivateKey::from_pem(OTHER_PRIVATE, None).unwrap());
    assert!(other.verify(&public(PUBLIC), &subject("ab")).is_err());
}

#[test]
fn a_changed_bundle_is_not() {
    let payload = |value: &Value| {
        let text = value["dsseEnvelope"]["payload"].as_str().unwrap();
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    };
    let signature = "the signature is not that of this key over this statement";
    assert_eq!(
        refused(|value| {
            let changed = payload(value).replace("//a", "//b");
            value["dsseEnvelope"]["payload"] = json!(STANDARD.encode(changed));
        }),
        signature
    );
    assert_eq!(
        refused(
            |value| value["dsseEnvelope"]["signatures"][0]["sig"] = json!(STANDARD.encode("no signature"))
        ),
        signature
    );
    assert_eq!(
        refused(|value| value["dsseEnvelope"]["signatures"] = json!([])),
        "the envelope has 0 signatures, where one is wanted"
    );
    assert_eq!(
        refused(|value| {
            let one = value["dsseEnvelope"]["signatures"][0].clone();
            value["dsseEnvelope"]["signatures"] = json!([one.clone(), one]);
        }),
        "the envelope has 2 signatures, where one is wanted"
    );
    assert!(
        refused(|value| value["dsseEnvelope"]["payloadType"] = json!("text/plain")).contains("`text/plain`")
    );
    assert!(refused(|value| value["dsseEnvelope"]["payload"] = json!("!")).contains("not base64"));
    assert!(refused(|value| value["mediaType"] = json!("x")).contains("its type is `x`"));
    assert!(refused(|value| drop(value["verificationMaterial"].take())).contains("no Sigstore bundle"));
}

#[test]
fn keys_with_and_without_a_password() {
    let plain = PrivateKey::from_pem(PRIVATE, None).unwrap();
    let opened = PrivateKey::from_pem(ENCRYPTED, Some(b"hush")).unwrap();
    assert_eq!(plain.public(), opened.public());
    assert_eq!(plain.public(), public(PUBLIC));
    assert_eq!(PrivateKey::from_pem(ENCRYPTED, None).unwrap_err(), KeyError::Locked);
    assert_eq!(PrivateKey::from_pem(ENCRYPTED, Some(b"wrong")).unwrap_err(), KeyError::Password);
    for text in ["", PUBLIC, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(PrivateKey::from_pem(text, None).unwrap_err(), KeyError::Malformed("private"), "{text}");
    }
    assert_eq!(PublicKey::from_pem(PRIVATE).unwrap_err(), KeyError::Malformed("public"));
    assert_eq!(format!("{plain:?}"), "PrivateKey");
}

#[test]
fn only_provenance_says_who_ran_a_build() {
    let run = RunDetails { builder: "x".to_owned(), revision: None, finished: None };
    assert!(
        Statement::about("a", &subject("ab"), "https://spdx.dev/Document", json!({})).with_run(&run).is_err()
    );
    assert!(Statement::read(b"[]").is_err() && Statement::read(b"{}").is_err());
}
