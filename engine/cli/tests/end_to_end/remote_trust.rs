//! Results from elsewhere that are not simply believed: signed ones, audited ones, sources.

use std::fs;

use sha2::{Digest as _, Sha256};

use crate::fixture::{Ended, Fixture, LOAD};
use crate::remote_access::configure;
use crate::remote_cache::Server;

// Made with `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`, for these tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIKEEhJVeQZfTUo7KqRciU5yTzlPIN3P2D6Va4l674bkE
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAH5W9P/ckoOX7/LpC44oYComCQob6txsM7rjjVzb4vwE=
-----END PUBLIC KEY-----
";
const OTHER_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICRQkn4PHuTZKtsvWUlr1NayTewDnMALRhgzjg/Vuush
-----END PRIVATE KEY-----
";

const TARGETS: &str = r#"
tool(name = "one", words = ["say", "one"])
tool(name = "dice", words = ["dice"])
"#;

fn workspace(config: &str) -> Fixture {
    let workspace = Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{TARGETS}"))]);
    configure(&workspace, config, &[("key", KEY), ("key.pub", PUBLIC), ("other", OTHER_KEY)]);
    workspace
}

/// Builds and returns what was executed, found remotely, and said.
fn build(workspace: &Fixture, address: &str, label: &str) -> (u64, u64, Ended) {
    let ended = workspace.wiz(&["build", "--json", label, "--remote-cache", address]);
    assert_eq!(ended.status, 0, "{ended}");
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let count = |name: &str| json["actions"][name].as_u64().unwrap();
    (count("executed"), count("remote_hits"), ended)
}

const TRUSTING: &str = "trusted_keys = [\"key.pub\"]\n";

#[test]
fn only_what_a_trusted_key_has_signed_is_used() {
    let server = Server::start();
    // Unsigned, then signed by somebody else.
    for config in ["", "sign_results = \"other\"\n"] {
        build(&workspace(config), &server.address, "//c:one");
        let (executed, found, ended) = build(&workspace(TRUSTING), &server.address, "//c:one");
        assert_eq!((executed, found), (1, 0), "{ended}");
        assert_eq!(ended.stderr.matches("no trusted key has signed").count(), 1, "{ended}");
    }
    // Who trusts nobody in particular believes it.
    assert_eq!(build(&workspace(""), &server.address, "//c:one").1, 1);
    // A trusted builder puts a better one in its place, and all are served.
    let signing = format!("sign_results = \"key\"\n{TRUSTING}");
    assert_eq!(build(&workspace(&signing), &server.address, "//c:one").0, 1);
    assert_eq!(build(&workspace(TRUSTING), &server.address, "//c:one").1, 1);
    assert_eq!(build(&workspace(""), &server.address, "//c:one").1, 1);
}

#[test]
fn trusted_keys_of_the_workspace() {
    let server = Server::start();
    build(&workspace(""), &server.address, "//c:one");
    let own = workspace("");
    own.write("keys/ci.pub", PUBLIC);
    own.write(
        "WORKSPACE.star",
        "workspace(name = \"test\", remote = {\"trusted_keys\": [\"keys/ci.pub\"]})\n",
    );
    let (executed, _, ended) = build(&own, &server.address, "//c:one");
    assert!(executed == 1 && ended.stderr.contains("no trusted key has signed"), "{ended}");
    own.write("keys/ci.pub", "no key\n");
    let ended = own.wiz(&["build", "//c:dice", "--remote-cache", &server.address]);
    assert!(ended.status == 2 && ended.stderr.contains("WIZ2115"), "{ended}");
    own.write("WORKSPACE.star", "workspace(name = \"test\", remote = {\"keys\": []})\n");
    let ended = own.wiz(&["build", "//c:one"]);
    assert!(ended.status == 2 && ended.stderr.contains("WIZ2113"), "{ended}");
}

#[test]
fn an_audit_finds_what_is_not_reproducible() {
    let server = Server::start();
    build(&workspace(""), &server.address, "//c:all");
    let (executed, found, ended) = build(&workspace("audit = \"100%\"\n"), &server.address, "//c:all");
    assert_eq!((executed, found), (2, 0), "{ended}");
    assert_eq!(ended.stderr.matches("WIZ2119").count(), 1, "{ended}");
    assert!(ended.stderr.contains("//c:dice") && ended.stderr.contains("different in `dice.txt`"), "{ended}");
    // What disagrees is not published: others still find what was there.
    assert_eq!(build(&workspace("audit = \"0%\"\n"), &server.address, "//c:all").1, 2);
}

#[test]
fn a_source_is_found_by_its_digest_before_any_place_is_asked() {
    let server = Server::start();
    let text = "a source\n";
    let sha256 = hex::encode(Sha256::digest(text));
    let fetching = |url: &str| {
        let target = format!("fetched(name = \"source\", urls = [\"{url}\"], sha256 = \"{sha256}\")\n");
        Fixture::new(&[("s/BUILD.star", &format!("{LOAD}{target}"))])
    };
    let one = fetching("file:here.txt");
    one.write("here.txt", text);
    build(&one, &server.address, "//s:source");
    // Nobody is there.
    let other = fetching("file:gone.txt");
    let (_, _, ended) = build(&other, &server.address, "//s:source");
    assert_eq!(fs::read_to_string(other.path("wiz-out/s/source/file")).unwrap(), text, "{ended}");
}
