//! Who may use a served cache, and how each side knows the other: certificates, tokens,
//! credential helpers. Whatever is refused, the build is right and says so in one line.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use sha2::{Digest as _, Sha256};

use crate::fixture::{Ended, Fixture, LOAD};
use crate::remote_cache::Server;

const ONE: &str = r#"
tool(name = "one", words = ["say", "one"])
"#;

fn workspace() -> Fixture {
    Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{ONE}"))])
}

/// An authority, a server's certificate, and a client's.
struct Certificates {
    authority: String,
    server: (String, String),
    client: (String, String),
}

fn certificates(server_ends: i32) -> Certificates {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority for tests");
    let authority_key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let signed = |names: &[&str], usage, ends| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![usage];
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(ends, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let client = signed(&["client"], ExtendedKeyUsagePurpose::ClientAuth, 2100);
    let server = signed(&["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth, server_ends);
    Certificates { authority: certificate, server, client }
}

/// Starts a server with the files of `certificates` at hand.
fn serve(certificates: &Certificates, arguments: &[&str]) -> Server {
    let (certificate, key) = &certificates.server;
    let files =
        [("server.pem", certificate.as_str()), ("server.key", key), ("ca.pem", &certificates.authority)];
    let always = ["--listen", "127.0.0.1:0", "--tls-certificate", "server.pem", "--tls-key", "server.key"];
    Server::start_with(Fixture::new(&files), &[&always, arguments].concat())
}

/// Writes `[remote]` of a workspace's `config.toml`, and files beside it.
pub(crate) fn configure(workspace: &Fixture, lines: &str, files: &[(&str, &str)]) {
    let folder = workspace.home().join(".config/wiz");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), format!("[remote]\n{lines}")).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Builds and returns what was executed, found remotely, and said.
fn build(workspace: &Fixture, address: &str) -> (u64, u64, Ended) {
    let ended = workspace.wiz(&["build", "--json", "//c:one", "--remote-cache", address]);
    assert_eq!(ended.status, 0, "{ended}");
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let count = |name: &str| json["actions"][name].as_u64().unwrap();
    (count("executed"), count("remote_hits"), ended)
}

/// A file of tokens.
fn tokens(lines: &[(&str, &str)]) -> String {
    lines.iter().map(|(role, token)| format!("{role} {}\n", hex::encode(Sha256::digest(token)))).collect()
}

#[test]
fn a_server_is_believed_by_its_authority() {
    let certificates = certificates(2100);
    let server = serve(&certificates, &[]);
    assert!(server.address.starts_with("grpcs://127.0.0.1:"), "{}", server.address);
    let (believing, other) = (workspace(), workspace());
    for workspace in [&believing, &other] {
        configure(workspace, "ca = \"ca.pem\"\n", &[("ca.pem", &certificates.authority)]);
    }
    assert_eq!(build(&believing, &server.address).0, 1);
    assert_eq!(build(&other, &server.address).1, 1);
    let (executed, _, ended) = build(&workspace(), &server.address);
    assert!(executed == 1 && ended.stderr.contains("UnknownIssuer"), "{ended}");
    assert_eq!(ended.stderr.matches("WIZ2111").count(), 1, "{ended}");
}

#[test]
fn an_expired_certificate() {
    let certificates = certificates(2002);
    let server = serve(&certificates, &[]);
    let workspace = workspace();
    configure(&workspace, "ca = \"ca.pem\"\n", &[("ca.pem", &certificates.authority)]);
    let (executed, _, ended) = build(&workspace, &server.address);
    assert!(executed == 1 && ended.stderr.contains("certificate expired"), "{ended}");
}

#[test]
fn clients_with_certificates() {
    let certificates = certificates(2100);
    let server = serve(&certificates, &["--client-ca", "ca.pem"]);
    let files = [
        ("ca.pem", certificates.authority.as_str()),
        ("me.pem", &certificates.client.0),
        ("me.key", &certificates.client.1),
    ];
    let known = "ca = \"ca.pem\"\ncertificate = \"me.pem\"\nkey = \"me.key\"\n";
    let (one, other, stranger) = (workspace(), workspace(), workspace());
    configure(&one, known, &files);
    configure(&other, known, &files);
    configure(&stranger, "ca = \"ca.pem\"\n", &files);
    assert_eq!(build(&one, &server.address).0, 1);
    assert_eq!(build(&other, &server.address).1, 1);
    let (executed, found, ended) = build(&stranger, &server.address);
    assert_eq!((executed, found), (1, 0), "{ended}");
    assert_eq!(ended.stderr.matches("WIZ2111").count(), 1, "{ended}");
}

#[test]
fn tokens_to_read_and_to_write() {
    let files = [("tokens", tokens(&[("write", "hush-write"), ("read", "hush-read")]))];
    let home = Fixture::new(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
    let server = Server::start_with(home, &["--listen", "127.0.0.1:0", "--tokens", "tokens"]);
    let with = |token: &str| {
        let workspace = workspace();
        configure(&workspace, "token_file = \"token\"\n", &[("token", token)]);
        workspace
    };
    // A reader publishes nothing, and need not be told: it is what the server said at once.
    let (executed, _, ended) = build(&with("hush-read"), &server.address);
    assert!(executed == 1 && !ended.stderr.contains("WIZ2111"), "{ended}");
    assert_eq!(build(&with("hush-write\n"), &server.address).0, 1);
    assert_eq!(build(&with("hush-read"), &server.address).1, 1);
    for (workspace, said) in [
        (with("hush-wrong"), "the token is not known here"),
        (workspace(), "a token or a client certificate"),
    ] {
        let (executed, _, ended) = build(&workspace, &server.address);
        assert!(executed == 1 && ended.stderr.contains(said), "{ended}");
    }
}

#[test]
fn a_token_is_never_shown() {
    let home = Fixture::new(&[("tokens", &tokens(&[("write", "hush-write")]))]);
    let server = Server::start_with(home, &["--listen", "127.0.0.1:0", "--tokens", "tokens"]);
    let workspace = workspace();
    for token in ["hush-write", "hush-wrong"] {
        let arguments = ["build", "//c:one", "--remote-cache", &server.address];
        let mut command = workspace.command(&arguments);
        command.env("WIZ_REMOTE_TOKEN", token).env("WIZ_LOG", "trace");
        let ended = workspace.run(&mut command);
        assert_eq!(ended.status, 0, "{ended}");
        assert!(!ended.stderr.contains("hush-"), "a token is shown");
        let _ = fs::remove_dir_all(workspace.cache());
    }
}

#[test]
fn a_token_does_not_leave_the_machine_in_the_clear() {
    let workspace = workspace();
    configure(&workspace, "token_file = \"token\"\n", &[("token", "hush")]);
    let (executed, _, ended) = build(&workspace, "grpc://192.0.2.1:80");
    assert!(executed == 1 && ended.stderr.contains("not sent unencrypted"), "{ended}");
}

#[test]
fn a_credential_helper() {
    let home = Fixture::new(&[("tokens", &tokens(&[("write", "hush")]))]);
    let server = Server::start_with(home, &["--listen", "127.0.0.1:0", "--tokens", "tokens"]);
    let helper = |script: &str| {
        let workspace = workspace();
        configure(&workspace, "credential_helper = \"./helper\"\n", &[("helper", script)]);
        let path = workspace.home().join(".config/wiz/helper");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        workspace
    };
    let good = "#!/bin/sh\ntest \"$1\" = get && read line && case $line in *'\"uri\":\"http://127.0.0.1'*) ;; *) exit 1 ;; esac\n\
                echo '{\"headers\": {\"Authorization\": [\"Bearer hush\"]}}'\n";
    let (executed, _, ended) = build(&helper(good), &server.address);
    assert!(executed == 1 && !ended.stderr.contains("WIZ2111"), "{ended}");
    assert_eq!(build(&helper(good), &server.address).1, 1);
    for (script, said) in [
        ("#!/bin/sh\nexit 3\n", "exit status: 3"),
        ("#!/bin/sh\necho hush\n", "not the JSON of a credential helper"),
    ] {
        let (executed, _, ended) = build(&helper(script), &server.address);
        assert!(executed == 1 && ended.stderr.contains(said) && !ended.stderr.contains("hush"), "{ended}");
    }
}

#[test]
fn everybody_may_not_write_from_everywhere() {
    let ended = Fixture::new(&[]).wiz(&["cache", "serve", "--listen", "0.0.0.0:0"]);
    expect![[r#"
        status 2
        WIZ2114

          x everybody who reaches `0.0.0.0:0` could write to the cache
          help: give `--tokens FILE` or `--client-ca FILE`, or `--anybody read`; without, only addresses of this machine are served
    "#]]
    .assert_eq(&ended.to_string());
    let ended = Fixture::new(&[("tokens", "admin 12\n")]).wiz(&["cache", "serve", "--tokens", "tokens"]);
    expect![[r#"
        status 2
        WIZ2116

          x `tokens`: line 1 is not `read` or `write`, the SHA-256 of a token, and perhaps a remark
          help: `echo write $(printf %s "$TOKEN" | sha256sum | cut -c1-64) for CI` makes a line
    "#]]
    .assert_eq(&ended.to_string());
}

/// Times vary.
fn without_times(text: &str) -> String {
    let words = text.split_inclusive(' ').collect::<Vec<_>>();
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        let is_time = words.get(at + 1).is_some_and(|next| next.starts_with("ms"));
        out.push_str(if is_time { "[TIME] " } else { word });
    }
    out
}

#[test]
fn the_doctor_says_what_works() {
    let server = Server::start();
    let ended = workspace().wiz(&["cache", "doctor", &server.address]);
    expect![[r#"
        status 0
        remote cache `grpc://127.0.0.1:[PORT]`
        ok      connection: not encrypted, [TIME] ms
        ok      digest function: blake3
        ok      batches: of 4063232 bytes at most
        ok      compression: zstd
        ok      reading: round trip [TIME] ms
        ok      writing: a blob and a result came back as they went
    "#]]
    .assert_eq(&without_times(&ended.to_string()));
}

#[test]
fn the_doctor_says_what_does_not() {
    let home = Fixture::new(&[("tokens", &tokens(&[("read", "hush")]))]);
    let server = Server::start_with(home, &["--listen", "127.0.0.1:0", "--tokens", "tokens"]);
    let workspace = workspace();
    let ended = workspace.wiz(&["cache", "doctor", &server.address]);
    expect![[r#"
        status 3
        remote cache `grpc://127.0.0.1:[PORT]`
        FAILED  authentication: Unauthenticated: a token or a client certificate is needed
                see `[remote]` in config.toml, or set `WIZ_REMOTE_TOKEN`
        WIZ2118

          x builds cannot use this remote cache as they should
          help: the lines below FAILED say what to do; without it, builds are right and take longer
    "#]]
    .assert_eq(&ended.to_string());
    let ended = workspace
        .run(workspace.command(&["cache", "doctor", &server.address]).env("WIZ_REMOTE_TOKEN", "hush"));
    assert!(ended.stdout.contains("absent  writing: this client may only read"), "{ended}");
    let address = server.address.clone();
    server.stop();
    let ended = workspace.wiz(&["cache", "doctor", &address]);
    assert!(ended.status == 3 && ended.stdout.contains("FAILED  connection"), "{ended}");
    assert_eq!(workspace.wiz(&["cache", "doctor"]).status, 2);
}

#[test]
fn a_status_page_with_metrics() {
    let home = Fixture::new(&[]);
    let mut server = Server::start_with(home, &["--listen", "127.0.0.1:0", "--status", "127.0.0.1:0"]);
    let status = server.next_line();
    let (one, other) = (workspace(), workspace());
    build(&one, &server.address);
    build(&other, &server.address);
    let get = |path: &str| {
        let authority = status.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let metrics = get("/metrics");
    assert!(metrics.contains("wiz_cache_result_hits_total 1\n"), "{metrics}");
    assert!(metrics.contains("wiz_cache_results_taken_total 1\n"), "{metrics}");
    assert!(get("/").contains("<h1>wiz cache</h1>"));
    assert!(get("/x").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_server_is_replaced_while_it_serves() {
    let first = Server::start();
    let fixed = first.address.trim_start_matches("grpc://").to_owned();
    let (_, home) = first.stop();
    let old = Server::start_with(home, &["--listen", &fixed]);
    // The next one listens at the same port before the last one ends.
    let new = Server::start_with(Fixture::new(&[]), &["--listen", &fixed]);
    assert_eq!(old.stop().0, Some(0));
    assert_eq!(build(&workspace(), &new.address).0, 1);
    assert_eq!(build(&workspace(), &new.address).1, 1);
}
