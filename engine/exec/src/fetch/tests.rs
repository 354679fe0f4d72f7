//! Fetching from servers on the loopback interface that misbehave in known ways.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use sha2::{Digest as _, Sha256};
use wiz_base::DigestFunction;
use wiz_cas::StoreOptions;

use super::*;

const BODY: &[u8] = b"the quick brown fox jumps over the lazy dog";

/// What a server does with its n-th request.
type Behaviour = fn(usize, &str, &mut TcpStream);

/// A server for as long as the test lasts.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    accepted: Receiver<()>,
}

impl Server {
    fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/fox.txt", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, accepted) = channel();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(request.clone());
                    seen.len() - 1
                };
                let _ = told.send(());
                behaviour(number, &request, &mut stream);
            }
        });
        Self { url, requests, accepted }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> String {
    let mut text = String::new();
    let mut reader = BufReader::new(stream);
    while reader.read_line(&mut text).is_ok_and(|count| count > 2) {}
    text.to_lowercase()
}

fn respond(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

fn whole(_: usize, _: &str, stream: &mut TcpStream) {
    respond(stream, &format!("200 OK\r\nContent-Length: {}", BODY.len()), BODY);
}

fn other(_: usize, _: &str, stream: &mut TcpStream) {
    respond(stream, "200 OK\r\nContent-Length: 5", b"other");
}

fn absent(_: usize, _: &str, stream: &mut TcpStream) {
    respond(stream, "404 Not Found\r\nContent-Length: 0", b"");
}

/// Breaks off in the middle the first time, then resumes.
fn breaks_off(number: usize, request: &str, stream: &mut TcpStream) {
    let length = BODY.len();
    if number == 0 {
        respond(stream, &format!("200 OK\r\nContent-Length: {length}"), &BODY[..10]);
    } else {
        assert!(request.contains("range: bytes=10-"), "{request}");
        let range = format!("Content-Range: bytes 10-{}/{length}", length - 1);
        let head = format!("206 Partial Content\r\n{range}\r\nContent-Length: {}", length - 10);
        respond(stream, &head, &BODY[10..]);
    }
}

/// Breaks off in the middle the first time, and cannot resume.
fn starts_over(number: usize, _: &str, stream: &mut TcpStream) {
    let end = if number == 0 { 10 } else { BODY.len() };
    respond(stream, &format!("200 OK\r\nContent-Length: {}", BODY.len()), &BODY[..end]);
}

/// Resumes anywhere.
fn resumes(_: usize, request: &str, stream: &mut TcpStream) {
    let range = request.split("range: bytes=").nth(1).and_then(|rest| rest.split('-').next());
    match range.map(|begin| begin.parse::<usize>().unwrap()) {
        None => whole(0, request, stream),
        Some(begin) => {
            let length = BODY.len();
            let range = format!("Content-Range: bytes {begin}-{}/{length}", length - 1);
            let head = format!("206 Partial Content\r\n{range}\r\nContent-Length: {}", length - begin);
            respond(stream, &head, &BODY[begin..]);
        }
    }
}

/// Never answers, and keeps the connection.
fn silent(_: usize, _: &str, stream: &mut TcpStream) {
    std::mem::forget(stream.try_clone().unwrap());
}

struct Bench {
    home: tempfile::TempDir,
    store: Store,
    settings: FetchSettings,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), DigestFunction::Blake3, &StoreOptions::default()).unwrap();
        let patience = Patience {
            answer: Duration::from_millis(300),
            late_answer: Duration::from_millis(300),
            stall: Duration::from_secs(5),
            attempts: 2,
            back_off: Duration::ZERO,
        };
        let apt = home.path().join("apt");
        let settings = FetchSettings { patience, apt, ..FetchSettings::default() };
        Self { home, store, settings }
    }

    fn fetcher(&self) -> Fetcher {
        Fetcher::new(&self.store, self.home.path(), self.home.path(), self.settings.clone()).unwrap()
    }

    fn fetch(&self, urls: &[&str]) -> Result<Digest, FetchError> {
        fetch(&self.fetcher(), urls, BODY, &CancelToken::new())
    }

    #[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
    fn check(&self, urls: &[&str], expected: Expect) {
        let shown = match self.fetch(urls) {
            Ok(digest) => format!("{} bytes", digest.size()),
            Err(error) => error.to_string(),
        };
        let mut shown = shown.replace(&sha256(BODY), "<right>").replace(&sha256(b"other"), "<wrong>");
        for (number, url) in urls.iter().enumerate() {
            shown = shown.replace(url, &format!("<{number}>"));
        }
        shown = shown.replace(&self.home.path().display().to_string(), "<home>");
        expected.assert_eq(&shown);
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn fetch(fetcher: &Fetcher, urls: &[&str], body: &[u8], cancel: &CancelToken) -> Result<Digest, FetchError> {
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    let request = Request { urls: &urls, sha256: &sha256(body), size: None };
    fetcher.fetch(&request, cancel, &|_, _| {})
}

#[test]
fn what_was_fetched_is_never_asked_for_again() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let digest = bench.fetch(&[&server.url]).unwrap();
    assert_eq!(bench.store.read(&digest).unwrap(), BODY);
    assert_eq!(bench.fetch(&[&server.url]).unwrap(), digest);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(fs::read_dir(bench.home.path().join("partial")).unwrap().count(), 0);
}

#[test]
fn a_note_in_the_cache_is_not_believed_blindly() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let digest = bench.store.put_bytes(b"other").unwrap();
    bench.fetcher().known.remember(&sha256(BODY), &digest).unwrap();
    let fetched = bench.fetch(&[&server.url]).unwrap();
    assert_eq!(bench.store.read(&fetched).unwrap(), BODY);
}

#[test]
fn a_wrong_file_is_refused_with_both_digests_and_the_url() {
    let (bench, server) = (Bench::new(), Server::start(other));
    bench.check(
        &[&server.url],
        expect![[r#"
            the source with SHA-256 `<right>` could not be had from any of its places:
            `<0>`: its SHA-256 is `<wrong>`, not `<right>`
            hint: if the new file is the right one, change `sha256` in the definition; if not, somebody has changed it"#]],
    );
}

#[test]
fn the_next_url_is_tried() {
    let bench = Bench::new();
    let servers = [Server::start(absent), Server::start(other), Server::start(whole)];
    let urls: Vec<&str> = servers.iter().map(|server| server.url.as_str()).collect();
    bench.check(&urls, expect!["43 bytes"]);
}

#[test]
fn every_failed_place_is_listed() {
    let (bench, server) = (Bench::new(), Server::start(absent));
    bench.check(
        &[&server.url, "file:fox.txt", "debian:pool/fox.txt", "gopher:fox"],
        expect![[r#"
            the source with SHA-256 `<right>` could not be had from any of its places:
            `<2>`: no mirror is configured for `debian:`
            `<3>`: `<3>` is not a URL that can be fetched: it starts with none of https: http: file: debian: crate: pypi: npm:
            `<1>`: No such file or directory (os error 2)
            `<0>`: the server answers with status 404
            hint: set `mirrors.debian` in WORKSPACE.star or in the configuration to a base URL, or configure apt on this machine
            hint: correct its place in the definition, or name a folder that has the file with `--distdir`"#]],
    );
}

#[test]
fn a_broken_transfer_goes_on_where_it_ended() {
    let (bench, server) = (Bench::new(), Server::start(breaks_off));
    bench.check(&[&server.url], expect!["43 bytes"]);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_later_build_goes_on_where_a_transfer_ended() {
    let (mut bench, server) = (Bench::new(), Server::start(breaks_off));
    bench.settings.patience.attempts = 1;
    bench.fetch(&[&server.url]).unwrap_err();
    bench.check(&[&server.url], expect!["43 bytes"]);
}

#[test]
fn a_server_that_cannot_resume_starts_over() {
    let (bench, server) = (Bench::new(), Server::start(starts_over));
    bench.check(&[&server.url], expect!["43 bytes"]);
}

#[test]
fn a_spoilt_partial_is_dropped() {
    let (bench, server) = (Bench::new(), Server::start(resumes));
    let partial = bench.home.path().join("partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join(sha256(BODY)), "not what was").unwrap();
    bench.check(&[&server.url], expect!["43 bytes"]);
    let resumed = server.requests().iter().map(|request| request.contains("range: ")).collect::<Vec<_>>();
    assert_eq!(resumed, [true, false]);
}

#[test]
fn a_host_that_does_not_answer_goes_last_from_then_on() {
    let (bench, slow, quick) = (Bench::new(), Server::start(silent), Server::start(whole));
    let fetcher = bench.fetcher();
    let cancel = CancelToken::new();
    fetch(&fetcher, &[&slow.url, &quick.url], BODY, &cancel).unwrap();
    assert_eq!(slow.requests().len(), 1);
    fetch(&fetcher, &[&slow.url, &quick.url], b"unknown", &cancel).unwrap_err();
    let order = [slow.requests().len(), quick.requests().len()];
    assert_eq!(order, [2, 2]);
    assert!(fetcher.late.lock().unwrap().len() == 1);
}

#[test]
fn a_silent_host_is_named() {
    let (bench, server) = (Bench::new(), Server::start(silent));
    bench.check(
        &[&server.url],
        expect![[r#"
            the source with SHA-256 `<right>` could not be had from any of its places:
            `<0>`: the host does not answer
            hint: check the network, or name a folder that has the file with `--distdir`"#]],
    );
}

#[test]
fn offline_says_what_it_would_fetch() {
    let (mut bench, server) = (Bench::new(), Server::start(whole));
    bench.settings.offline = true;
    bench.check(
        &[&server.url],
        expect![[r#"
            the source with SHA-256 `<right>` is not in the cache, and `--offline` forbids to fetch it from:
            `<0>`
            hint: build once without `--offline`, or name a folder that has it with `--distdir`"#]],
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_folder_of_tarballs_is_asked_first() {
    let (mut bench, server) = (Bench::new(), Server::start(whole));
    bench.settings.offline = true;
    bench.settings.distdirs = vec![bench.home.path().join("dist")];
    fs::create_dir(&bench.settings.distdirs[0]).unwrap();
    fs::write(bench.settings.distdirs[0].join("fox.txt"), BODY).unwrap();
    bench.check(&[&server.url], expect!["43 bytes"]);
}

#[test]
fn a_declared_size_is_checked() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let urls = [server.url.clone()];
    let request = Request { urls: &urls, sha256: &sha256(BODY), size: Some(3) };
    let error = bench.fetcher().fetch(&request, &CancelToken::new(), &|_, _| {}).unwrap_err();
    assert!(error.to_string().contains("it has 43 bytes, not 3"), "{error}");
}

#[test]
fn cancelling_ends_a_transfer_at_once() {
    let (mut bench, server) = (Bench::new(), Server::start(silent));
    bench.settings.patience.answer = Duration::from_secs(600);
    let (fetcher, cancel) = (bench.fetcher(), CancelToken::new());
    let result = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| fetch(&fetcher, &[&server.url], BODY, &cancel));
        server.accepted.recv().unwrap();
        cancel.cancel();
        fetching.join().unwrap()
    });
    assert!(matches!(result, Err(FetchError::Cancelled)));
}

#[test]
fn progress_reaches_the_whole() {
    let (bench, server) = (Bench::new(), Server::start(whole));
    let reports = Mutex::new(Vec::new());
    let urls = [server.url.clone()];
    let request = Request { urls: &urls, sha256: &sha256(BODY), size: None };
    let note = |done, total| reports.lock().unwrap().push((done, total));
    bench.fetcher().fetch(&request, &CancelToken::new(), &note).unwrap();
    assert_eq!(*reports.lock().unwrap(), [(0, Some(43)), (43, Some(43))]);
}
