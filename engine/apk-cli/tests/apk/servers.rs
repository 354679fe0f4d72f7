//! Repositories on a server.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use expect_test::expect;

use crate::repository::{Repository, package};
use crate::roots::trust;
use crate::scratch::Scratch;

/// Serves a folder over HTTP on this machine for as long as the test runs; its address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no reason to stop.
            let _ = answer(stream, &folder);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let (status, body) = match fs::read(folder.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

#[test]
fn packages_come_from_a_server_and_are_kept() {
    let scratch = Scratch::new();
    trust(&scratch);
    let folder = scratch.path().join("repo");
    Repository::publish(&folder, &[package("a", "1", &[("usr/", ""), ("usr/a", "text")])]);
    let address = serve(folder);
    scratch.write("etc/apk/repositories", &address);
    fs::create_dir_all(scratch.root().join("etc/apk/cache")).unwrap();
    let added = scratch.apk(["add", "--initdb", "a"]);
    expect![[r#"
        (1/1) Installing a (1)
        OK: 4 B in 1 packages
    "#]]
    .assert_eq(&added.output);
    let names: Vec<String> = fs::read_dir(scratch.root().join("etc/apk/cache"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    // What is in the cache needs no network.
    assert!(scratch.apk(["del", "a"]).status.success());
    let again = scratch.apk(["--no-network", "add", "a"]);
    assert!(again.status.success(), "{}", again.output);
    assert_eq!(fs::read_to_string(scratch.root().join("usr/a")).unwrap(), "text");
}

#[test]
fn a_server_without_the_repository_is_named() {
    let scratch = Scratch::new();
    let address = serve(scratch.path().join("nothing"));
    let run = scratch.apk(["add", "--initdb", "--no-cache", "-X", &address, "a"]);
    assert_eq!(run.status.code(), Some(1));
    expect![[r#"
        WARNING: opening ADDRESS/x86_64/APKINDEX.tar.gz: `ADDRESS/x86_64/APKINDEX.tar.gz` answers HTTP 404
        ERROR: unable to select packages:
          a (no such package):
            required by: world[a]
    "#]]
    .assert_eq(&run.output.replace(&address, "ADDRESS"));
}
