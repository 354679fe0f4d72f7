//! Sources that cannot be had or trusted: all that is said, where, and with which status.
//! Servers listen on the loopback interface and live as long as the test.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

/// The SHA-256 of nothing that is served here.
const WANTED: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

/// A host with a port that answers every request with `body`.
fn server(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = BufReader::new(&stream).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let length = body.len();
            // A client that has gone away is the test's to notice.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    host
}

/// A host with a port where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Fetches from these URLs in a workspace where `debian:` leads to `mirror`.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check_fetch(urls: &[&str], mirror: &str, arguments: &[&str], expected: Expect) {
    let definition = format!("{LOAD}fetched(name = \"x\", urls = {urls:?}, sha256 = {WANTED:?})\n");
    let fixture = Fixture::new(&[("a/BUILD.star", &definition), ("dist/x.txt", "another file")]);
    let mirrors =
        format!("workspace(name = \"test\", mirrors = {{\"debian\": [\"http://{mirror}/debian\"]}})\n");
    fixture.write("WORKSPACE.star", &mirrors);
    expected.assert_eq(&fixture.wiz(&[&["build", "//a:x"], arguments].concat()).to_string());
}

#[test]
fn a_wrong_sha256() {
    let url = format!("http://{}/x.txt", server("not what was pinned"));
    check_fetch(
        &[&url],
        &nobody(),
        &[],
        expect![[r#"
        status 2
        failed: //a:x fetch (file) [WIZ1040]
          defined at a/BUILD.star:2:1
          the source with SHA-256 `00000000000000000000000000000000000000000000000000000000000000aa` could not be had from any of its places:
          `http://127.0.0.1:[PORT]/x.txt`: its SHA-256 is `bf4b800e4883663cebe97fa7b8bbd8e12e5b89a01c37ec46bf46193b8a7685da`, not `00000000000000000000000000000000000000000000000000000000000000aa`
          hint: if the new file is the right one, change `sha256` in the definition; if not, somebody has changed it
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn a_wrong_sha256_on_this_machine() {
    check_fetch(
        &["file:dist/x.txt"],
        &nobody(),
        &["--distdir", "dist"],
        expect![[r#"
        status 2
        failed: //a:x fetch (file) [WIZ1040]
          defined at a/BUILD.star:2:1
          the source with SHA-256 `00000000000000000000000000000000000000000000000000000000000000aa` could not be had from any of its places:
          `[FOLDER]/workspace/dist/x.txt`: its SHA-256 is `100ef6a71bac925f709fe9c114c60460bf6e472cfdb9d44bd8adf1698135260f`, not `00000000000000000000000000000000000000000000000000000000000000aa`
          `file:dist/x.txt`: its SHA-256 is `100ef6a71bac925f709fe9c114c60460bf6e472cfdb9d44bd8adf1698135260f`, not `00000000000000000000000000000000000000000000000000000000000000aa`
          hint: if the new file is the right one, change `sha256` in the definition; if not, somebody has changed it
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn no_mirror_that_can_be_reached() {
    let url = format!("http://{}/x.txt", nobody());
    check_fetch(
        &[&url, "debian:pool/main/x/x.txt", "npm:x/-/x.tgz"],
        &nobody(),
        &[],
        expect![[r#"
        status 3
        failed: //a:x fetch (file) [WIZ1041]
          defined at a/BUILD.star:2:1
          the source with SHA-256 `00000000000000000000000000000000000000000000000000000000000000aa` could not be had from any of its places:
          `npm:x/-/x.tgz`: no mirror is configured for `npm:`
          `http://127.0.0.1:[PORT]/x.txt`: the host cannot be reached: Connection refused (os error 111)
          `http://127.0.0.1:[PORT]/debian/pool/main/x/x.txt`: the host cannot be reached: Connection refused (os error 111)
          hint: set `mirrors.npm` in WORKSPACE.star or in the configuration to a base URL
          hint: check the network, or name a folder that has the file with `--distdir`
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn nothing_fetched_offline() {
    let url = format!("http://{}/x.txt", nobody());
    check_fetch(
        &[&url, "file:dist/other.txt"],
        &nobody(),
        &["--offline"],
        expect![[r#"
        status 3
        failed: //a:x fetch (file) [WIZ1042]
          defined at a/BUILD.star:2:1
          the source with SHA-256 `00000000000000000000000000000000000000000000000000000000000000aa` is not in the cache, and `--offline` forbids to fetch it from:
          `http://127.0.0.1:[PORT]/x.txt`
          `file:dist/other.txt`: No such file or directory (os error 2)
          hint: build once without `--offline`, or name a folder that has it with `--distdir`
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

/// Unpacks these bytes.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check_unpack(archive: &[u8], expected: Expect) {
    let definition = format!("{LOAD}unpacked(name = \"x\", archive = \"archive.tar\")\n");
    let fixture = Fixture::new(&[("a/BUILD.star", &definition)]);
    std::fs::write(fixture.path("a/archive.tar"), archive).unwrap();
    expected.assert_eq(&fixture.wiz(&["build", "//a:x"]).to_string());
    assert!(!fixture.path("escaped").exists());
}

/// A tar archive of entries: a name as it stands in the header, and a link's target or none
/// for a file.
fn tar(entries: &[(&str, Option<&str>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, target) in entries {
        let mut header = tar::Header::new_gnu();
        let content = if target.is_some() { "" } else { "text" };
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if let Some(target) = target {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name_literal(target).unwrap();
        }
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

#[test]
fn an_archive_that_escapes_its_folder() {
    check_unpack(
        &tar(&[("good", None), ("x/../../../escaped", None)]),
        expect![[r#"
        status 1
        failed: //a:x unpack [WIZ1064]
          defined at a/BUILD.star:2:1
          archive `a/archive.tar`, entry `x/../../../escaped`: its path leads out of the archive
          hint: no usual program writes such archives: take the source from a place you trust
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn an_archive_with_an_absolute_path() {
    check_unpack(
        &tar(&[("/escaped", None)]),
        expect![[r#"
        status 1
        failed: //a:x unpack [WIZ1064]
          defined at a/BUILD.star:2:1
          archive `a/archive.tar`, entry `/escaped`: its path is absolute
          hint: no usual program writes such archives: take the source from a place you trust
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn an_archive_that_writes_through_a_link() {
    check_unpack(
        &tar(&[("out", Some("../../..")), ("out/escaped", None)]),
        expect![[r#"
        status 1
        failed: //a:x unpack [WIZ1064]
          defined at a/BUILD.star:2:1
          archive `a/archive.tar`, entry `out`: the link to `../../..` leads out of the tree
          hint: leave it out with `without`
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn an_archive_bomb() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_size(65 << 20);
    header.set_mode(0o644);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut File::open("/dev/zero").unwrap().take(65 << 20), &mut bomb).unwrap();
    check_unpack(
        &bomb.finish().unwrap(),
        expect![[r#"
            status 1
            failed: //a:x unpack [WIZ1065]
              defined at a/BUILD.star:2:1
              archive `a/archive.tar`: 66328 bytes unpack to more than 67108864 bytes, over 250 times as many: this looks like an archive bomb
              hint: if that is right, set `max_bytes`
            0 of 1 actions executed, 1 failed  [TIME]
        "#]],
    );
}

#[test]
fn an_archive_that_is_cut_off() {
    check_unpack(
        &tar(&[("good", None)])[..700],
        expect![[r#"
        status 1
        failed: //a:x unpack [WIZ1063]
          defined at a/BUILD.star:2:1
          archive `a/archive.tar`: it is cut off: the tar stream ends without its end marker
          hint: compare it with what its authors publish; if that is whole, change `sha256`
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}

#[test]
fn an_archive_that_is_none() {
    check_unpack(
        b"<!doctype html>",
        expect![[r#"
        status 1
        failed: //a:x unpack [WIZ1063]
          defined at a/BUILD.star:2:1
          archive `a/archive.tar`: this is no archive that can be unpacked: tar (plain, gzip, xz, bzip2, zstd or lzip), zip and deb can
          hint: a server may have sent a page instead of the file: look at it
        0 of 1 actions executed, 1 failed  [TIME]
    "#]],
    );
}
