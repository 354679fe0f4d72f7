//! `wiz lock` against a small archive on the loopback interface.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use crate::fixture::{Ended, Fixture};

const RULES: &str = include_str!("../../../../starlark-rules/lock.star");

const REQUEST: &str = r#"load("//starlark-rules/lock.star", "debian_lock", "locked")
debian_lock(
    name = "lock",
    file = "pins.star",
    doc = "What is pinned.",
    suite = "able",
    architecture = "amd64",
    KEY
    lists = {
        "TOOLS": locked(doc = "Programs.", packages = ["shell"], without = ["libc"]),
        "LIBC": locked(doc = "The C library.", packages = ["libc"]),
    },
)
"#;

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// An archive, and a workspace that locks packages of it.
struct Bench {
    fixture: Fixture,
    files: Files,
}

impl Bench {
    fn new(key: &str) -> Self {
        let files = Files::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mirror = format!("http://{}/debian", listener.local_addr().unwrap());
        let served = Arc::clone(&files);
        std::thread::spawn(move || serve(&listener, &served));
        let request = REQUEST.replace("KEY", key);
        let workspace = format!("workspace(name = \"test\", mirrors = {{\"debian\": [\"{mirror}\"]}})\n");
        let fixture = Fixture::new(&[
            ("starlark-rules/lock.star", RULES),
            ("lock/BUILD.star", &request),
            ("WORKSPACE.star", &workspace),
        ]);
        let bench = Self { fixture, files };
        bench.publish("5.2-1");
        bench
    }

    /// Makes the archive one that has this version of the shell.
    fn publish(&self, version: &str) {
        let index = [
            entry("shell", version, "Depends: libc (>= 2), words | libc\n"),
            entry("words", "1:7", ""),
            entry("libc", "2.36", ""),
        ];
        let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 6);
        packed.write_all(index.concat().as_bytes()).unwrap();
        let index = packed.finish().unwrap();
        let digest = sha256(b"lib 1.10");
        let files = format!(" {digest} 8 lib_1.10.orig.tar.xz\n {digest} 9 lib_1.10-1.dsc\n");
        let sources =
            format!("Package: lib\nDirectory: pool/main/l/lib\nChecksums-Sha256:\n{files}").into_bytes();
        let release = release(&index, &sources);
        self.put("dists/able/main/binary-amd64/Packages.xz", index);
        self.put("dists/able/main/source/Sources", sources);
        self.put("dists/able/InRelease", unsigned(&release).into_bytes());
    }

    fn put(&self, path: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(format!("/debian/{path}"), bytes);
    }

    fn lock(&self, arguments: &[&str]) -> Ended {
        self.fixture.wiz(&[&["lock"], arguments].concat())
    }

    fn pins(&self) -> Option<String> {
        fs::read_to_string(self.fixture.path("pins.star")).ok()
    }

    /// Locks, expecting this status and to be told these things.
    #[track_caller]
    fn check(&self, arguments: &[&str], status: i32, said: &[&str]) {
        let ended = self.lock(arguments);
        assert_eq!(ended.status, status, "{}", ended.stderr);
        // Messages are broken to the width of the terminal.
        let words = |text: &str| text.replace("  | ", "").split_whitespace().collect::<Vec<_>>().join(" ");
        let stderr = words(&ended.stderr);
        for part in said {
            assert!(stderr.contains(part), "{part:?} is not in:\n{}", ended.stderr);
        }
    }
}

fn serve(listener: &TcpListener, files: &Files) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = String::new();
        let mut reader = BufReader::new(&stream);
        while reader.read_line(&mut request).is_ok_and(|count| count > 2) {}
        let path = request.split(' ').nth(1).unwrap_or_default();
        let found = files.lock().unwrap().get(path).cloned();
        let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
        let body = found.unwrap_or_default();
        let head =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn entry(name: &str, version: &str, more: &str) -> String {
    let digest = sha256(format!("{name} {version}").as_bytes());
    format!(
        "Package: {name}\nVersion: {version}\n{more}Filename: pool/{name}_{version}.deb\nSize: 7\nSHA256: {digest}\n\n"
    )
}

fn release(index: &[u8], sources: &[u8]) -> String {
    let (digest, size) = (sha256(index), index.len());
    let (of_sources, long) = (sha256(sources), sources.len());
    format!(
        "Origin: Test\nSuite: stable\nCodename: able\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n\
         SHA256:\n {digest} {size} main/binary-amd64/Packages.xz\n {of_sources} {long} main/source/Sources\n"
    )
}

/// A release file in the form of a signed one.
fn unsigned(release: &str) -> String {
    let signature = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";
    format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{release}{signature}")
}

#[test]
fn a_lock_file_is_written_and_checked() {
    let bench = Bench::new("");
    bench.check(
        &[],
        1,
        &["TOOLS: + shell 5.2-1", "TOOLS: + words 1:7", "LIBC: + libc 2.36", "wiz lock --update //lock"],
    );
    assert_eq!(bench.pins(), None);
    let ended = bench.lock(&["--update"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "//lock\tpins.star\n"), "{}", ended.stderr);
    let pin = |name: &str, version: &str| {
        let digest = sha256(format!("{name} {version}").as_bytes());
        format!(
            "    {{\"name\": \"{name}\", \"version\": \"{version}\", \"size\": 7, \
             \"path\": \"pool/{name}_{version}.deb\", \"sha256\": \"{digest}\"}},\n"
        )
    };
    let expected = format!(
        "\"\"\"What is pinned.\n\nWritten by `wiz lock --update //lock`: change what is asked for there, not this file.\n\"\"\"\n\
         \n# Programs.\nTOOLS = [\n{}{}]\n\n# The C library.\nLIBC = [\n{}]\n",
        pin("shell", "5.2-1"),
        pin("words", "1:7"),
        pin("libc", "2.36")
    );
    assert_eq!(bench.pins().unwrap(), expected);
    bench.check(&["//lock"], 0, &["signature: not checked, for the request names no key"]);
    bench.check(&["lock"], 0, &["has the SHA-256 of the release file"]);
}

#[test]
fn a_new_version_is_a_difference() {
    let bench = Bench::new("");
    bench.check(&["--update"], 0, &[]);
    let before = bench.pins();
    bench.publish("5.2-1+b1");
    bench.check(
        &[],
        1,
        &["TOOLS: shell 5.2-1 -> 5.2-1+b1", "`pins.star` is not what `//lock` comes to today"],
    );
    assert_eq!(bench.pins(), before, "a check writes nothing");
    bench.check(&["--update"], 0, &["TOOLS: shell 5.2-1 -> 5.2-1+b1"]);
    assert!(bench.pins().unwrap().contains("shell_5.2-1+b1.deb"));
    bench.check(&[], 0, &[]);
}

#[test]
fn a_damaged_lock_file_is_written_anew() {
    let bench = Bench::new("");
    bench.check(&["--update"], 0, &[]);
    let right = bench.pins().unwrap();
    bench.fixture.write("pins.star", &right.replace("TOOLS = [\n", "TOOLS = [\n<<<<<<< ours\n"));
    bench.check(&[], 1, &["the same packages, written otherwise"]);
    bench.check(&["--update"], 0, &[]);
    assert_eq!(bench.pins().unwrap(), right);
}

#[test]
fn an_index_with_another_digest_is_refused() {
    let bench = Bench::new("");
    bench.put("dists/able/main/binary-amd64/Packages.xz", b"another".to_vec());
    bench.check(
        &["--update"],
        3,
        &["no place has the index with the SHA-256", "dists/able/main/binary-amd64/Packages.xz"],
    );
    assert_eq!(bench.pins(), None);
}

#[test]
fn what_is_no_release_of_the_suite_is_refused() {
    let bench = Bench::new("");
    let trap = format!("Origin: Evil\n{}", unsigned(&release(b"", b"")));
    bench.put("dists/able/InRelease", trap.into_bytes());
    bench.check(&["--update"], 3, &["it is not one clear-signed text"]);
    let other = unsigned(&release(b"", b"")).replace("Codename: able", "Codename: baker");
    bench.put("dists/able/InRelease", other.into_bytes());
    bench.check(&["--update"], 3, &["it is of suite `stable`, codename `baker`"]);
    bench.files.lock().unwrap().clear();
    bench.check(&["--update"], 3, &["the server answers with status 404"]);
}

#[test]
fn a_package_that_is_not_there_is_named() {
    let bench = Bench::new("");
    bench
        .fixture
        .write("lock/BUILD.star", &REQUEST.replace("KEY", "").replace("\"shell\"", "\"shel\", \"nosuch\""));
    let said =
        ["the index has no package `shel`", "did you mean `shell`?", "the index has no package `nosuch`"];
    bench.check(&["--update"], 2, &said);
    assert_eq!(bench.pins(), None);
}

#[test]
fn a_wrong_request_is_said() {
    let bench = Bench::new("");
    bench.fixture.write("lock/BUILD.star", &REQUEST.replace("KEY", "").replace("\"able\"", "\"../able\""));
    bench.check(&[], 2, &["the `LockInfo` of `//lock` is wrong: `suite` is `../able`"]);
    bench.check(&["//root"], 2, &["none of these targets says what to lock"]);
}

#[test]
fn without_the_network_nothing_is_locked() {
    let bench = Bench::new("");
    bench.check(&["--offline"], 3, &["`--offline` forbids to ask for `debian:dists/able/InRelease`"]);
}

/// gpg makes the signatures; where it is not installed, this says so and ends.
#[test]
fn a_signature_by_the_key_is_demanded() {
    let bench = Bench::new("key = \"key.asc\",");
    let home = bench.fixture.path("gnupg");
    fs::create_dir(&home).unwrap();
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(&home).args(["--batch", "--quiet", "--passphrase", ""]).args(arguments);
        command.output()
    };
    if gpg(&["--quick-gen-key", "Tester <tester@test.example>", "ed25519", "sign", "never"]).is_err() {
        println!("gpg is not installed: no signature is made");
        return;
    }
    let key = String::from_utf8(gpg(&["--armor", "--export"]).unwrap().stdout).unwrap();
    bench.fixture.write("lock/key.asc", &key);
    bench.check(&["--update"], 3, &["it has no good signature by"]);

    let index = bench.files.lock().unwrap()["/debian/dists/able/main/binary-amd64/Packages.xz"].clone();
    bench.fixture.write("gnupg/release", &release(&index, b""));
    let text = home.join("release");
    let signed = gpg(&["--output", "-", "--clear-sign", text.to_str().unwrap()]).unwrap().stdout;
    let _ = Command::new("gpgconf").arg("--homedir").arg(&home).args(["--kill", "all"]).output();
    bench.put("dists/able/InRelease", signed.clone());
    bench.check(&["--update"], 0, &["signature: good, checked by gpgv", "Tester <tester@test.example>"]);

    let changed = String::from_utf8(signed).unwrap().replace("Origin: Test", "Origin: Evil");
    bench.put("dists/able/InRelease", changed.into_bytes());
    bench.check(&[], 3, &["it has no good signature by", "BADSIG"]);

    let ended = bench.fixture.command(&["lock"]).env("PATH", "/nonexistent").output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains("signature: NOT CHECKED"), "{stderr}");
}

const PACKAGE: &str = r#"
PackageInfo = provider(doc = "A package.", fields = {"packed": provider_field(dict, doc = "It.")})

def _impl(ctx: AnalysisContext) -> list[Provider]:
    urls = [url.replace("{version}", ctx.attrs.version) for url in ctx.attrs.source["urls"]]
    archives = [{"urls": urls, "sha256": ctx.attrs.source["sha256"]}]
    packed = {"name": ctx.attrs.name, "version": ctx.attrs.version + "-r0", "source": {"archives": archives}}
    return [DefaultInfo(), PackageInfo(packed = packed)]

package = rule(impl = _impl, doc = "A package.", attrs = {
    "version": attrs.string(doc = "Upstream's."),
    "source": attrs.any(doc = "Where it is from."),
})
"#;

const DEFINITION: &str = r#"load("//p:package.star", "package")

package(
    name = "lib",
    version = "1.9",
    source = {
        "urls": ["debian:pool/main/l/lib/lib_{version}.orig.tar.gz"],
        "sha256": "DIGEST",
    },
)
"#;

#[test]
fn newer_sources_are_written_into_definitions() {
    let bench = Bench::new("");
    let definition = DEFINITION.replace("DIGEST", &"0f".repeat(32));
    let place = bench.fixture.path("p/BUILD.star");
    fs::create_dir_all(bench.fixture.path("p")).unwrap();
    fs::write(bench.fixture.path("p/package.star"), PACKAGE).unwrap();
    fs::write(&place, &definition).unwrap();
    bench.put("pool/main/l/lib/lib_1.10.orig.tar.xz", b"lib 1.11".to_vec());
    let update =
        |arguments: &[&str]| bench.fixture.wiz(&[&["update", "--suite", "able"], arguments].concat());
    let told = update(&["--dry-run"]);
    assert_eq!((told.status, &*told.stdout), (0, "lib\t1.9\t1.10\tp/BUILD.star\n"), "{}", told.stderr);
    assert_eq!(fs::read_to_string(&place).unwrap(), definition);
    let wrong = update(&["p"]);
    assert!(wrong.stderr.contains("lib 1.10 is in the index and cannot be had"), "{wrong}");
    assert_eq!(fs::read_to_string(&place).unwrap(), definition);
    bench.put("pool/main/l/lib/lib_1.10.orig.tar.xz", b"lib 1.10".to_vec());
    assert_eq!(update(&["p"]).status, 0);
    let expected = definition
        .replace("1.9", "1.10")
        .replace("orig.tar.gz", "orig.tar.xz")
        .replace(&"0f".repeat(32), &sha256(b"lib 1.10"));
    assert_eq!(fs::read_to_string(&place).unwrap(), expected);
    let current = update(&["//p:lib"]);
    assert!(current.stdout.is_empty() && current.stderr.contains("1 of 1 packages are as new"), "{current}");
    assert_eq!(update(&["//lock"]).status, 2);
}
