//! Pushes and pulls against a registry that does what registries do on bad days: asks who is
//! there, breaks connections, answers 429 and 500, and lies.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use wiz_oci::descriptor::Platform;
use wiz_oci::image::index::ImageIndex;
use wiz_oci::image::manifest::Manifest;
use wiz_oci::{Descriptor, Sha256Digest, media_type};
use wiz_registry::{
    Connection, Credentials, Layout, Patience, Pushed, Reference, RegistryError, pull, push, referrers,
};

/// What a registry does wrong, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// The connection breaks after half of a body was read, or sent.
    Cut,
    /// `429 Too Many Requests`.
    Busy,
    /// `500 Internal Server Error`.
    Broken,
}

#[derive(Default)]
struct State {
    /// By repository and digest.
    blobs: BTreeMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    /// What was asked, in order: method and path.
    asked: Vec<String>,
    /// What goes wrong with the requests of these numbers.
    troubles: BTreeMap<usize, Trouble>,
    /// Whether it wants a token.
    is_private: bool,
    /// Whether it changes a byte of what it sends.
    lies_about_blobs: bool,
    /// Whether it tells another digest than that of what it took.
    lies_about_digests: bool,
    mounts: BTreeSet<String>,
}

/// A registry on loopback; ends with the process.
#[derive(Clone)]
struct Registry {
    address: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let registry = Self { address, state: Arc::default() };
        let own = registry.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                std::thread::spawn(move || own.converse(stream.unwrap()));
            }
        });
        registry
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state.lock().unwrap());
        self
    }

    /// Answers the requests of a connection until it ends.
    fn converse(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some((request, is_cut)) = self.read(&mut reader) {
            if is_cut {
                return;
            }
            let (status, headers, body) = self.answer(&request);
            let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            let trouble = self.state.lock().unwrap().asked.len() - 1;
            let trouble = self.state.lock().unwrap().troubles.get(&trouble).copied();
            let is_head = request.method == "HEAD";
            if stream.write_all(head.as_bytes()).is_err() {
                return;
            }
            if trouble == Some(Trouble::Cut) {
                let _ = stream.write_all(&body[..body.len() / 2]);
                return;
            }
            if !is_head && stream.write_all(&body).is_err() {
                return;
            }
        }
    }

    /// Reads a request; whether the connection broke on the way.
    fn read(&self, reader: &mut BufReader<TcpStream>) -> Option<(Request, bool)> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let number = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(format!("{method} {}", path.split('?').next().unwrap()));
            state.asked.len() - 1
        };
        let is_cut = self.state.lock().unwrap().troubles.get(&number) == Some(&Trouble::Cut);
        let mut body = vec![0; if is_cut && method == "PATCH" { length / 2 } else { length }];
        reader.read_exact(&mut body).ok()?;
        let request = Request { method, path, headers, body };
        if is_cut && request.method == "PATCH" {
            // Half of it has arrived.
            let upload = request.path.split('?').next().unwrap().to_owned();
            self.state.lock().unwrap().uploads.entry(upload).or_default().extend(&request.body);
            return Some((request, true));
        }
        Some((request, false))
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state.lock().unwrap();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match state.troubles.get(&(state.asked.len() - 1)) {
            Some(Trouble::Busy) => return (429, vec![("retry-after", "0".to_owned())], Vec::new()),
            Some(Trouble::Broken) => return (500, Vec::new(), Vec::new()),
            Some(Trouble::Cut) | None => {}
        }
        if path == "/token" {
            let is_known =
                request.headers.get("authorization").is_some_and(|said| said == "Basic bWU6c2VjcmV0");
            return if is_known {
                (200, Vec::new(), br#"{"token": "good"}"#.to_vec())
            } else {
                (401, Vec::new(), Vec::new())
            };
        }
        if state.is_private && request.headers.get("authorization").is_none_or(|said| said != "Bearer good") {
            let realm = format!("Bearer realm=\"http://{}/token\",service=\"here\"", self.address);
            return (401, vec![("www-authenticate", realm)], Vec::new());
        }
        let rest = path.strip_prefix("/v2/").unwrap();
        if let Some((repository, digest)) =
            rest.split_once("/blobs/").filter(|(_, rest)| !rest.starts_with("uploads"))
        {
            let found = state.blobs.get(&(repository.to_owned(), digest.to_owned())).cloned();
            let Some(mut bytes) = found else { return (404, Vec::new(), Vec::new()) };
            if state.lies_about_blobs {
                bytes[0] ^= 1;
            }
            let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
            let from = range.and_then(|range| range.trim_end_matches('-').parse().ok()).unwrap_or(0);
            return (if from > 0 { 206 } else { 200 }, Vec::new(), bytes[from..].to_vec());
        }
        let told = |digest: &str, lies: bool| {
            if lies { Sha256Digest::of(b"something else").to_string() } else { digest.to_owned() }
        };
        if rest.contains("/referrers/") {
            return (404, Vec::new(), Vec::new());
        }
        if let Some((repository, name)) = rest.split_once("/manifests/") {
            let key = (repository.to_owned(), name.to_owned());
            if request.method == "PUT" {
                let digest = Sha256Digest::of(&request.body).to_string();
                let kept = (request.headers["content-type"].clone(), request.body.clone());
                state.manifests.insert(key, kept);
                let digest = told(&digest, state.lies_about_digests);
                return (201, vec![("docker-content-digest", digest)], Vec::new());
            }
            return match state.manifests.get(&key) {
                Some((kind, bytes)) => (200, vec![("content-type", kind.clone())], bytes.clone()),
                None => (404, Vec::new(), Vec::new()),
            };
        }
        upload(&mut state, request, path, query)
    }

    fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.address).parse().unwrap()
    }

    fn connect(&self, reference: &Reference, credentials: Option<Credentials>) -> Connection {
        let patience = Patience { back_off: Duration::from_millis(1), ..Patience::default() };
        Connection::new(reference, credentials, None, false, patience)
    }

    fn push(&self, layout: &Layout, rest: &str, beside: Option<&str>) -> Result<Pushed, RegistryError> {
        let reference = self.reference(rest);
        push(&self.connect(&reference, None), layout, &reference, beside, &|_| {})
    }

    /// Pulls into a folder, and returns the bytes of the image's blobs.
    fn pull(&self, rest: &str, folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, RegistryError> {
        let reference = self.reference(rest);
        let platform = Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None };
        pull(&self.connect(&reference, None), &reference, &platform, &Layout::new(folder), &|_| {})?;
        let blobs = std::fs::read_dir(folder.join("blobs/sha256")).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
        });
        Ok(blobs.collect())
    }

    fn tags(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state
            .manifests
            .keys()
            .filter(|(_, name)| !name.starts_with("sha256:"))
            .map(|(_, name)| name.clone())
            .collect()
    }
}

/// What is answered: status, headers, body.
type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// Answers a request that is about an upload.
fn upload(state: &mut State, request: &Request, path: &str, query: &str) -> Answer {
    let rest = path.strip_prefix("/v2/").unwrap();
    let (repository, upload) = rest.split_once("/blobs/uploads/").unwrap();
    match request.method.as_str() {
        "POST" => {
            let parameter = |name: &str| {
                query.split('&').find_map(|part| part.strip_prefix(&format!("{name}="))).map(str::to_owned)
            };
            if let (Some(digest), Some(from)) = (parameter("mount"), parameter("from")) {
                let from = from.replace("%2F", "/");
                if let Some(bytes) = state.blobs.get(&(from, digest.clone())).cloned() {
                    state.blobs.insert((repository.to_owned(), digest.clone()), bytes);
                    state.mounts.insert(digest);
                    return (201, Vec::new(), Vec::new());
                }
            }
            let number = state.uploads.len();
            let location = format!("/v2/{repository}/blobs/uploads/{number}");
            state.uploads.insert(location.clone(), Vec::new());
            (202, vec![("location", location + "?state=x")], Vec::new())
        }
        "PATCH" => {
            let begun = state.uploads.get_mut(path).unwrap();
            let from: usize = request.headers["content-range"].split('-').next().unwrap().parse().unwrap();
            if from != begun.len() {
                return (416, Vec::new(), Vec::new());
            }
            begun.extend(&request.body);
            (202, vec![("location", format!("{path}?state=y"))], Vec::new())
        }
        "GET" => {
            let length = state.uploads[path].len();
            (204, vec![("range", format!("0-{}", length.saturating_sub(1)))], Vec::new())
        }
        "PUT" => {
            let digest = query.rsplit_once("digest=").unwrap().1.to_owned();
            let bytes = [state.uploads[path].clone(), request.body.clone()].concat();
            if Sha256Digest::of(&bytes).to_string() != digest {
                return (400, Vec::new(), Vec::new());
            }
            state.blobs.insert((repository.to_owned(), digest.clone()), bytes);
            (201, vec![("docker-content-digest", digest)], Vec::new())
        }
        other => panic!("{other} {upload}"),
    }
}

/// A layout with two layers, one of which takes several chunks.
fn layout() -> (TempDir, Layout) {
    let folder = TempDir::new().unwrap();
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |kind: &str, bytes: &[u8]| {
        let digest = Sha256Digest::of(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        Descriptor::new(kind, digest, bytes.len() as u64)
    };
    let config = put(media_type::IMAGE_CONFIG, b"{\"architecture\":\"amd64\",\"os\":\"linux\"}");
    let large: Vec<u8> = (0..9_000_000_u32).map(|n| (n % 251) as u8).collect();
    let layers = vec![put(media_type::LAYER_GZIP, b"small"), put(media_type::LAYER_GZIP, &large)];
    let manifest = Manifest::new(config, layers, BTreeMap::new());
    let manifest = put(media_type::IMAGE_MANIFEST, &serde_json::to_vec(&manifest).unwrap());
    let index = ImageIndex::new(vec![manifest], BTreeMap::new());
    std::fs::write(folder.path().join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    std::fs::write(folder.path().join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}").unwrap();
    let layout = Layout::new(folder.path());
    (folder, layout)
}

#[test]
fn what_is_pushed_is_pulled_and_sent_once() {
    let registry = Registry::start();
    let (folder, layout) = layout();
    let pushed = registry.push(&layout, "team/base:1", None).unwrap();
    assert_eq!((pushed.sent, pushed.present, pushed.mounted), (3, 0, 0));
    let last = registry.state.lock().unwrap().asked.last().cloned().unwrap();
    assert_eq!(last, "PUT /v2/team/base/manifests/1");
    let again = registry.push(&layout, "team/base:2", None).unwrap();
    assert_eq!((again.sent, again.present, again.bytes), (0, 3, 0));
    let beside = registry.push(&layout, "team/other:1", Some("team/base")).unwrap();
    assert_eq!((beside.sent, beside.mounted), (0, 3));
    assert_eq!(registry.state.lock().unwrap().mounts.len(), 3);
    let pulled = TempDir::new().unwrap();
    let blobs = registry.pull("team/base:1", pulled.path()).unwrap();
    for (name, bytes) in &blobs {
        assert_eq!(*bytes, std::fs::read(folder.path().join("blobs/sha256").join(name)).unwrap());
    }
    assert_eq!(blobs.len(), 4);
    assert_eq!(Layout::new(pulled.path()).named().unwrap().digest, pushed.manifest.as_ref().unwrap().digest);
    let by_digest = format!("team/base@{}", pushed.manifest.as_ref().unwrap().digest);
    assert_eq!(registry.pull(&by_digest, TempDir::new().unwrap().path()).unwrap(), blobs);
}

#[test]
fn troubles_that_pass_are_waited_for() {
    let (_folder, layout) = layout();
    let calm = Registry::start();
    calm.push(&layout, "a:1", None).unwrap();
    let requests = calm.state.lock().unwrap().asked.len();
    for trouble in [Trouble::Cut, Trouble::Busy, Trouble::Broken] {
        for number in 0..requests {
            let registry =
                Registry::start().with(|state| state.troubles = BTreeMap::from([(number, trouble)]));
            let pushed = registry.push(&layout, "a:1", None);
            assert!(pushed.is_ok(), "{trouble:?} at {number}: {}", pushed.unwrap_err());
            assert_eq!(registry.tags(), ["1"]);
            registry.state.lock().unwrap().troubles.clear();
            let asked = registry.state.lock().unwrap().asked.len();
            let pulled = TempDir::new().unwrap();
            registry.state.lock().unwrap().troubles =
                (asked..asked + 8).step_by(2).map(|at| (at, trouble)).collect();
            assert_eq!(registry.pull("a:1", pulled.path()).unwrap().len(), 4, "{trouble:?} at {number}");
        }
    }
}

#[test]
fn troubles_that_stay_leave_the_tag_as_it_was() {
    let (_folder, layout) = layout();
    let registry =
        Registry::start().with(|state| state.troubles = (6..999).map(|at| (at, Trouble::Broken)).collect());
    let refused = registry.push(&layout, "a:1", None).unwrap_err();
    assert!(matches!(refused, RegistryError::Status { status: 500, .. }), "{refused}");
    assert!(registry.tags().is_empty());
}

#[test]
fn lies_are_found_out() {
    let (_folder, layout) = layout();
    let registry = Registry::start().with(|state| state.lies_about_digests = true);
    let refused = registry.push(&layout, "a:1", None).unwrap_err();
    assert!(matches!(refused, RegistryError::Corrupt { .. }), "{refused}");
    assert!(registry.tags().is_empty());
    let registry = Registry::start();
    let pushed = registry.push(&layout, "a:1", None).unwrap();
    registry.state.lock().unwrap().lies_about_blobs = true;
    let folder = TempDir::new().unwrap();
    let refused = registry.pull("a:1", folder.path()).unwrap_err();
    assert!(matches!(refused, RegistryError::Corrupt { .. }), "{refused}");
    assert!(Layout::new(folder.path()).named().is_err());
    let other = Sha256Digest::of(b"another manifest");
    let mut state = registry.state.lock().unwrap();
    let honest =
        state.manifests[&("a".to_owned(), pushed.manifest.as_ref().unwrap().digest.to_string())].clone();
    state.manifests.insert(("a".to_owned(), other.to_string()), honest);
    drop(state);
    let refused = registry.pull(&format!("a@{other}"), folder.path()).unwrap_err();
    assert!(matches!(refused, RegistryError::Corrupt { .. }), "{refused}");
}

#[test]
fn a_registry_that_wants_to_know_who_asks() {
    let registry = Registry::start().with(|state| state.is_private = true);
    let (_folder, layout) = layout();
    let refused = registry.push(&layout, "a:1", None).unwrap_err();
    assert!(matches!(refused, RegistryError::Denied { .. }), "{refused}");
    let reference = registry.reference("a:1");
    for (secret, is_good) in [("wrong", false), ("secret", true)] {
        let credentials = Credentials { user: "me".to_owned(), secret: secret.to_owned() };
        let connection = registry.connect(&reference, Some(credentials));
        let pushed = push(&connection, &layout, &reference, None, &|_| {});
        assert_eq!(pushed.is_ok(), is_good, "{pushed:?}");
    }
    // The token is asked for once.
    let asked = registry.state.lock().unwrap().asked.iter().filter(|asked| *asked == "GET /token").count();
    assert_eq!(asked, 3);
}

#[test]
fn documents_beside_an_image() {
    let registry = Registry::start();
    let (_folder, layout) = layout();
    let pushed = registry.push(&layout, "a:1", None).unwrap();
    let subject = pushed.manifest.unwrap();
    let connection = registry.connect(&registry.reference("a:1"), None);
    let documents = |kind: &str| referrers::attached(&connection, &subject.digest, kind).unwrap();
    assert!(documents("x/said").is_empty());
    for (kind, text) in [("x/said", "one"), ("x/said", "two"), ("x/other", "three"), ("x/said", "one")] {
        referrers::attach(&connection, &subject, kind, text.as_bytes(), BTreeMap::new()).unwrap();
    }
    assert_eq!(documents("x/said"), [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(documents("x/other"), [b"three".to_vec()]);
    // What names another image is none of this one's.
    let mut other = subject.clone();
    other.digest = Sha256Digest::of(b"another image");
    referrers::attach(&connection, &other, "x/said", b"false", BTreeMap::new()).unwrap();
    let mut state = registry.state.lock().unwrap();
    let tag = |digest: &Sha256Digest| ("a".to_owned(), format!("sha256-{}", digest.hex()));
    let swapped = state.manifests[&tag(&other.digest)].clone();
    state.manifests.insert(tag(&subject.digest), swapped);
    drop(state);
    assert!(documents("x/said").is_empty());
}

#[test]
fn what_is_not_there() {
    let registry = Registry::start();
    let folder = TempDir::new().unwrap();
    let missing = registry.pull("a:1", folder.path()).unwrap_err();
    assert!(matches!(missing, RegistryError::Missing { .. }), "{missing}");
    let empty = registry.push(&Layout::new(folder.path()), "a:1", None).unwrap_err();
    assert!(matches!(empty, RegistryError::Layout(_)), "{empty}");
}
