//! `wiz sign` and `wiz verify`: what was signed holds for what is here, or is refused.

use std::fs;

use expect_test::expect;
use sha2::{Digest as _, Sha256};

use crate::fixture::Fixture;

// Made by openssl for these tests; the encrypted one has the password `hush`.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
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
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2XKbKQEWNFTr66qZbES460p7Gzex
UmcXHWXhuoWSkvl+qlGki5Mrxm9d9q0YIPOmTMELQ2bkmogMz5c6KmujWw==
-----END PUBLIC KEY-----
";

const RULES: &str = r#"
def _impl(ctx: AnalysisContext) -> list[Provider]:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "made.txt", "digest": {"sha256": ctx.attrs.sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"externalParameters": {"label": str(ctx.label)}, "resolvedDependencies": [1, 2]}},
    }
    document = ctx.actions.write("provenance.json", json.encode(statement))
    documents = {"provenance": document} if ctx.attrs.sha256 else {}
    return [DefaultInfo(default_output = document), EvidenceInfo(documents = documents)]

made = rule(impl = _impl, doc = "Something with provenance.", attrs = {"sha256": attrs.string(doc = "Its digest.")})
"#;

fn workspace() -> Fixture {
    let sha256 = hex::encode(Sha256::digest("made\n"));
    let targets = format!(
        "load(\"//e:rules.star\", \"made\")\nmade(name = \"made\", sha256 = \"{sha256}\")\nmade(name = \"none\", sha256 = \"\")\n"
    );
    Fixture::new(&[
        ("e/rules.star", RULES),
        ("e/BUILD.star", &targets),
        ("made.txt", "made\n"),
        ("other.txt", "other\n"),
        ("key.pem", KEY),
        ("encrypted.pem", ENCRYPTED),
        ("key.pub", PUBLIC),
        ("other.pub", OTHER_PUBLIC),
    ])
}

fn verify(workspace: &Fixture, subject: &str, more: &[&str]) -> String {
    let always = ["verify", subject, "--bundle", "made.sigstore.json", "--key", "key.pub"];
    workspace.wiz(&[&always, more].concat()).to_string()
}

#[test]
fn what_was_signed_holds() {
    let workspace = workspace();
    let ended = workspace.wiz(&["sign", "//e:made", "--key", "key.pem", "--builder", "https://ci.example"]);
    assert_eq!(ended.status, 0, "{ended}");
    let said = verify(&workspace, "made.txt", &["--builder", "https://ci.example"]);
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("signed")).collect();
    expect![[r#"
        status 0
        sha256:9ccbd3f1b19a1cdfd8d7c6ae48e9e822e2345f5be1a6187b19e41486c6941004
          label        //e:made
          builder      https://ci.example
          made from    [TIME]"#]]
    .assert_eq(&said.join("\n"));
    assert!(verify(&workspace, "//e:made", &[]).starts_with("status 0"));
}

#[test]
fn what_is_not_what_was_signed_is_refused() {
    let workspace = workspace();
    let mut signing = workspace.command(&["sign", "//e:made", "--key", "encrypted.pem"]);
    let ended = workspace.run(signing.env("WIZ_KEY_PASSWORD", "hush"));
    assert_eq!(ended.status, 0, "{ended}");
    assert!(verify(&workspace, "made.txt", &[]).starts_with("status 0"));
    expect![[r#"
        status 1
        WIZ2322

          x the statement is about `sha256:9ccbd3f1b19a1cdfd8d7c6ae48e9e822e2345f5be1a6187b19e41486c6941004`, not about `sha256:7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87`
          help: do not use what this is about: it, or the bundle, is not what was signed
    "#]].assert_eq(&verify(&workspace, "other.txt", &[]));
    expect![[r#"
        status 1
        WIZ2323

          x it was built by `urn:x-wiz:builder:local`, not by `https://ci.example`
          help: the key is right: ask whose builds it signs
    "#]]
    .assert_eq(&verify(&workspace, "made.txt", &["--builder", "https://ci.example"]));
    let ended =
        workspace.wiz(&["verify", "made.txt", "--bundle", "made.sigstore.json", "--key", "other.pub"]);
    assert!(ended.status == 1 && ended.stderr.contains("not that of this key"), "{ended}");
    let bundle = fs::read_to_string(workspace.path("made.sigstore.json")).unwrap();
    workspace.write("made.sigstore.json", &bundle.replacen("eyJ", "eyK", 1));
    assert!(verify(&workspace, "made.txt", &[]).starts_with("status 1"));
}

#[test]
fn keys_and_targets_that_are_none() {
    let workspace = workspace();
    for (arguments, code) in [
        (&["sign", "//e:made", "--key", "encrypted.pem"][..], "WIZ2311"),
        (&["sign", "//e:made", "--key", "key.pub"], "WIZ2311"),
        (&["sign", "//e:made", "--key", "gone.pem"], "WIZ2311"),
        (&["sign", "//e:none", "--key", "key.pem"], "WIZ2310"),
        (&["verify", "gone.txt", "--bundle", "made.txt", "--key", "key.pub"], "WIZ2320"),
        (&["verify", "made.txt", "--bundle", "made.txt", "--key", "key.pem"], "WIZ2321"),
    ] {
        let ended = workspace.wiz(arguments);
        assert!(ended.status == 2 && ended.stderr.contains(code), "{ended}");
    }
    let ended = workspace.wiz(&["verify", "made.txt", "--bundle", "made.txt", "--key", "key.pub"]);
    assert!(ended.status == 1 && ended.stderr.contains("WIZ2322"), "{ended}");
}
