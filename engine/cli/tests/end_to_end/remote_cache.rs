//! Results shared over `wiz cache serve`: what one build made, another takes; and whatever the
//! server does, the build is right.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use expect_test::expect;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::{Ended, Fixture, LOAD, next_random, rounds};

const CHAIN: &str = r#"
tool(name = "first", srcs = ["a.txt"])
tool(name = "second", deps = [":first"], words = ["say", "two"])
tool(name = "large", words = ["fill", "9"])
tool(name = "last", deps = [":second"], words = ["say", "three"])
"#;

fn workspace() -> Fixture {
    Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{CHAIN}")), ("c/a.txt", "a\n")])
}

/// A served cache; ends with the value.
pub(crate) struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(crate) address: String,
    pub(crate) home: Fixture,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_over(Fixture::new(&[]))
    }

    fn start_over(home: Fixture) -> Self {
        Self::start_with(home, &["--listen", "127.0.0.1:0"])
    }

    /// A server over the cache of `home`, where it finds the files that arguments name.
    pub(crate) fn start_with(home: Fixture, arguments: &[&str]) -> Self {
        let command = home.command(&[&["cache", "serve"], arguments].concat());
        Self::start_by(home, command)
    }

    /// A server that this command begins.
    fn start_by(home: Fixture, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, lines, address: String::new(), home };
        server.address = server.next_line();
        server
    }

    /// The next line that it prints.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Ends the server as an operator does, and returns its exit status.
    pub(crate) fn stop(mut self) -> (Option<i32>, Fixture) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap().code();
        (status, std::mem::replace(&mut self.home, Fixture::new(&[])))
    }

    fn blobs(&self) -> Vec<std::path::PathBuf> {
        let shards = fs::read_dir(self.home.cache().join("v1-blake3/blobs")).unwrap();
        let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(workspace: &Fixture, address: &str, label: &str) -> (Ended, serde_json::Value) {
    let ended = workspace.wiz(&["build", "--json", label, "--remote-cache", address]);
    assert_eq!(ended.status, 0, "{ended}");
    let json = serde_json::from_str(&ended.stdout).unwrap();
    (ended, json)
}

/// How many actions were executed, found locally and found remotely.
fn counts(json: &serde_json::Value) -> [u64; 3] {
    ["executed", "local_hits", "remote_hits"].map(|name| json["actions"][name].as_u64().unwrap())
}

#[test]
fn what_one_builds_another_takes() {
    let server = Server::start();
    let (one, other) = (workspace(), workspace());
    let (_, first) = build(&one, &server.address, "//c:all");
    assert_eq!(counts(&first), [4, 0, 0]);
    let (ended, second) = build(&other, &server.address, "//c:all");
    assert_eq!(counts(&second), [0, 0, 4], "{ended}");
    assert_eq!(first["targets"], second["targets"]);
    assert_eq!(fs::metadata(other.path("wiz-out/c/large/large.txt")).unwrap().len(), 9 << 20);
    // What is here needs nobody.
    let address = server.address.clone();
    assert_eq!(server.stop().0, Some(0));
    assert_eq!(counts(&build(&other, &address, "//c:all").1), [0, 4, 0]);
}

#[test]
fn what_was_built_before_is_published_as_well() {
    let server = Server::start();
    let (one, other) = (workspace(), workspace());
    assert_eq!(one.executed("//c:all"), 4);
    let _ = fs::remove_dir_all(one.cache().join("workspaces"));
    assert_eq!(counts(&build(&one, &server.address, "//c:all").1), [0, 4, 0]);
    assert_eq!(counts(&build(&other, &server.address, "//c:all").1), [0, 0, 4]);
}

#[test]
fn what_was_built_before_is_published_although_there_is_nothing_to_do() {
    let server = Server::start();
    let (one, other) = (workspace(), workspace());
    assert_eq!(one.executed("//c:all"), 4);
    assert_eq!(counts(&build(&one, &server.address, "//c:all").1), [0, 4, 0]);
    assert_eq!(counts(&build(&other, &server.address, "//c:all").1), [0, 0, 4]);
    // It is remembered that this server has all of it: it is not even asked.
    let address = server.address.clone();
    server.stop();
    let (ended, json) = build(&one, &address, "//c:all");
    assert_eq!((counts(&json), ended.stderr.contains("WIZ2111")), ([0, 4, 0], false), "{ended}");
}

const LARGE: &str = r#"
tool(name = "large", words = ["fill", "9"])
tool(name = "small", unread = [":large"], words = ["say", "one"])
"#;

/// The largest blob in a workspace's cache, in bytes.
fn largest_blob(workspace: &Fixture) -> u64 {
    let shards = fs::read_dir(workspace.cache().join("v1-blake3/blobs")).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().metadata().unwrap().len()).max().unwrap()
}

#[test]
fn only_what_is_wanted_travels() {
    let server = Server::start();
    let made = || Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{LARGE}"))]);
    let (one, other) = (made(), made());
    let (_, first) = build(&one, &server.address, "//c:small");
    let (_, second) = build(&other, &server.address, "//c:small");
    assert_eq!((counts(&second), &second["targets"]), ([0, 0, 2], &first["targets"]));
    assert!(largest_blob(&other) < 1 << 20);
    // A local action needs it.
    other.write("c/BUILD.star", &format!("{LOAD}{LARGE}").replace("one", "two"));
    let (ended, json) = build(&other, &server.address, "//c:small");
    assert_eq!(counts(&json)[0], 1, "{ended}");
    assert_eq!(largest_blob(&other), 9 << 20);
}

#[test]
fn a_log_that_stayed_there_is_fetched_when_it_is_asked_for() {
    let server = Server::start();
    let made = || {
        let target = "tool(name = \"loud\", words = [\"tell\", \"a word\"])\n";
        Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{target}"))])
    };
    let (one, other) = (made(), made());
    build(&one, &server.address, "//c:loud");
    assert_eq!(counts(&build(&other, &server.address, "//c:loud").1), [0, 0, 1]);
    let ended = other.run(other.command(&["log", "//c:loud"]).env("WIZ_REMOTE_CACHE", &server.address));
    assert!(ended.status == 0 && ended.stdout.contains("a word"), "{ended}");
    // It is here now.
    assert_eq!(other.wiz(&["log", "//c:loud"]).stdout, ended.stdout);
}

#[test]
fn a_blob_that_is_evicted_meanwhile_is_made_again() {
    let server = Server::start();
    let made = || Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{LARGE}"))]);
    let (one, other) = (made(), made());
    let _ = build(&one, &server.address, "//c:small");
    let _ = build(&other, &server.address, "//c:small");
    let large = server.blobs().into_iter().max_by_key(|blob| fs::metadata(blob).unwrap().len()).unwrap();
    fs::remove_file(large).unwrap();
    let edited = format!("{LOAD}{LARGE}").replace("one", "two");
    for workspace in [&one, &other] {
        workspace.write("c/BUILD.star", &edited);
    }
    let (ended, json) = build(&other, &server.address, "//c:small");
    assert_eq!(counts(&json)[0], 2, "{ended}");
    assert_eq!(json["targets"], build(&one, "", "//c:small").1["targets"]);
}

#[test]
fn why_knows_results_from_elsewhere() {
    let server = Server::start();
    let (one, other) = (workspace(), workspace());
    let _ = build(&one, &server.address, "//c:last");
    let _ = build(&other, &server.address, "//c:last");
    other.write("c/a.txt", "changed\n");
    let said = other.wiz(&["why", "//c:last"]).stdout;
    assert!(said.contains("source c/a.txt: file"), "{said}");
}

#[test]
fn nobody_there() {
    let workspace = workspace();
    let address = format!("grpc://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let ended = workspace.wiz(&["build", "//c:first", "--remote-cache", &address]);
    assert_eq!(ended.status, 0, "{ended}");
    assert!(ended.stderr.contains("WIZ2111") && ended.stderr.contains("it is not used"), "{ended}");
    assert_eq!(ended.stderr.matches("the remote cache").count(), 1, "{ended}");
}

#[test]
fn an_address_that_is_none() {
    let ended = workspace().wiz(&["build", "//c:first", "--remote-cache", "cache.example:80"]);
    expect![[r#"
        status 2
        WIZ2110

          x `cache.example:80` is not the address of a remote cache: it begins with neither `grpc://` nor `grpcs://`
          help: addresses look like `grpcs://cache.example:8980` or `grpc://127.0.0.1:[PORT]/instance`
    "#]]
    .assert_eq(&ended.to_string());
}

#[test]
fn blobs_that_the_server_has_lost_or_damaged() {
    let server = Server::start();
    let one = workspace();
    let (_, expected) = build(&one, &server.address, "//c:all");
    for (number, blob) in server.blobs().iter().enumerate() {
        let bytes = fs::read(blob).unwrap();
        fs::remove_file(blob).unwrap();
        if number % 2 == 0 {
            fs::write(blob, vec![b'x'; bytes.len()]).unwrap();
        }
    }
    let other = workspace();
    let (ended, json) = build(&other, &server.address, "//c:all");
    assert_eq!(json["targets"], expected["targets"], "{ended}");
    assert_eq!(counts(&json)[0], 4, "{ended}");
    // It has been mended by what was published meanwhile.
    let third = workspace();
    let (ended, json) = build(&third, &server.address, "//c:all");
    assert_eq!(json["targets"], expected["targets"], "{ended}");
}

#[test]
fn a_server_that_is_killed_comes_back_with_all_it_took() {
    let server = Server::start();
    let one = workspace();
    let (_, expected) = build(&one, &server.address, "//c:all");
    let (status, home) = server.stop();
    assert_eq!(status, Some(0));
    let again = Server::start_over(home);
    let other = workspace();
    let (_, json) = build(&other, &again.address, "//c:all");
    assert_eq!((counts(&json), &json["targets"]), ([0, 0, 4], &expected["targets"]));
}

#[test]
fn a_server_that_is_killed_at_any_moment() {
    let mut random = 11;
    let mut home = Fixture::new(&[]);
    let mut expected = None;
    for _ in 0..rounds("WIZ_RANDOM_KILLS", 6) {
        let mut server = Server::start_over(home);
        let one = workspace();
        let mut command =
            one.command(&["build", "--json", "//c:all", "--remote-cache", server.address.as_str()]);
        let building = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(next_random(&mut random) % 250_000));
        server.child.kill().unwrap();
        let ended = one.ended(building.wait_with_output().unwrap());
        assert_eq!(ended.status, 0, "{ended}");
        assert!(ended.stderr.matches("the remote cache").count() <= 1, "{ended}");
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(&json["targets"], expected.get_or_insert_with(|| json["targets"].clone()), "{ended}");
        home = server.stop().1;
    }
    let server = Server::start_over(home);
    let (ended, json) = build(&workspace(), &server.address, "//c:all");
    assert_eq!(Some(json["targets"].clone()), expected, "{ended}");
    assert_eq!(counts(&build(&workspace(), &server.address, "//c:all").1), [0, 0, 4]);
}

#[test]
fn a_server_whose_disk_is_full() {
    let home = Fixture::new(&[]);
    let script = "mkdir -p \"$WIZ_CACHE_DIR\"; mount -t tmpfs -o size=2m wiz \"$WIZ_CACHE_DIR\"; exec \"$@\"";
    let command = home.surrounded(script, &["cache", "serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start_by(home, command);
    let (ended, _) = build(&workspace(), &server.address, "//c:all");
    assert_eq!(ended.stderr.matches("the remote cache").count(), 1, "{ended}");
    assert!(ended.stderr.contains("the server's disk is full"), "{ended}");
    // What fits is shared.
    let (ended, json) = build(&workspace(), &server.address, "//c:first");
    assert_eq!(counts(&json), [0, 0, 1], "{ended}");
}

/// Passes bytes between a client and a server, and cuts the connection after so many of the
/// server's.
fn cutting_proxy(server: &str, mut bytes: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("grpc://{}", listener.local_addr().unwrap());
    let server = server.trim_start_matches("grpc://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(mut client), Ok(mut upstream)) = (client, TcpStream::connect(&server)) else { return };
            let (mut from_client, mut to_server) =
                (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = upstream.read(&mut piece) {
                if client.write_all(&piece[..read]).is_err() || bytes < read as u64 {
                    break;
                }
                bytes -= read as u64;
            }
            let _ = client.shutdown(std::net::Shutdown::Both);
            let _ = upstream.shutdown(std::net::Shutdown::Both);
            bytes = bytes.max(1 << 16) * 2;
        }
    });
    address
}

#[test]
fn connections_that_are_cut() {
    let server = Server::start();
    let one = workspace();
    let (_, expected) = build(&one, &server.address, "//c:all");
    let mut random = 7;
    for _ in 0..4 {
        let other = workspace();
        let proxy = cutting_proxy(&server.address, next_random(&mut random) % (4 << 20));
        let (ended, json) = build(&other, &proxy, "//c:all");
        assert_eq!(json["targets"], expected["targets"], "{ended}");
        assert!(ended.stderr.matches("the remote cache").count() <= 1, "{ended}");
    }
}
