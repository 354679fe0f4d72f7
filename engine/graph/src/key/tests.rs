//! Keys: what changes them and what does not, and that the manifest says what.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use expect_test::{Expect, expect};
use wiz_base::{DigestFunction, Directory, Label, Platform, PlatformName};

use super::manifest::{Line, Manifest};
use super::*;
use crate::action::{Capture, Limits, OutputKind};
use crate::native::NativeKind;
use crate::target::ConfiguredTarget;

/// A store that keeps everything in memory and merges nothing twice.
#[derive(Default)]
struct Memory {
    blobs: RefCell<BTreeMap<Digest, Vec<u8>>>,
}

impl Memory {
    fn directory(&self, directory: &Directory) -> Digest {
        self.blob(&directory.encode()).unwrap_or_else(|never| match never {})
    }

    fn read(&self, digest: &Digest) -> Directory {
        Directory::decode(&self.blobs.borrow()[digest]).unwrap()
    }

    fn graft_one(&self, directory: &mut Directory, segments: &[&str], node: &Node) {
        let [first, rest @ ..] = segments else { return };
        if rest.is_empty() {
            directory.insert(first, node.clone()).unwrap();
            return;
        }
        let mut child = match directory.get(first) {
            Some(Node::Directory(digest)) => self.read(digest),
            _ => Directory::new(),
        };
        self.graft_one(&mut child, rest, node);
        directory.insert(first, Node::Directory(self.directory(&child))).unwrap();
    }
}

impl Trees for Memory {
    type Error = Infallible;

    fn blob(&self, bytes: &[u8]) -> Result<Digest, Infallible> {
        let digest = DigestFunction::Blake3.digest(bytes);
        self.blobs.borrow_mut().insert(digest, bytes.to_vec());
        Ok(digest)
    }

    fn text(&self, digest: &Digest) -> Result<String, Infallible> {
        Ok(String::from_utf8(self.blobs.borrow()[digest].clone()).unwrap())
    }

    fn merge(&self, trees: &[Digest]) -> Result<Digest, Infallible> {
        let mut merged = Directory::new();
        for tree in trees {
            for (name, node) in self.read(tree).entries() {
                merged.insert(name, node.clone()).unwrap();
            }
        }
        Ok(self.directory(&merged))
    }

    fn graft(&self, base: Option<Digest>, nodes: &[(RelPath, Node)]) -> Result<Digest, Infallible> {
        let mut top = base.map_or_else(Directory::new, |base| self.read(&base));
        for (path, node) in nodes {
            self.graft_one(&mut top, &path.segments().collect::<Vec<_>>(), node);
        }
        Ok(self.directory(&top))
    }

    fn empty(&self) -> Digest {
        self.directory(&Directory::new())
    }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn owner() -> ConfiguredTarget {
    ConfiguredTarget {
        label: Label::parse("//a:b", &RelPath::root()).unwrap(),
        platform: PlatformName::new("x86_64").unwrap(),
    }
}

fn source(text: &str) -> Artifact {
    Artifact::Source { path: path(text) }
}

fn run_action() -> Action {
    let piece = |pieces: Vec<Piece>| Argument(pieces);
    Action {
        owner: owner(),
        category: "greet".to_owned(),
        identifier: None,
        outputs: BTreeMap::from([(path("greeting.txt"), OutputKind::File)]),
        kind: ActionKind::Run(Box::new(Run {
            arguments: vec![
                Argument::text("/bin/sh"),
                piece(vec![Piece::Path(source("a/in.sh"))]),
                piece(vec![Piece::Path(source("b/in.sh"))]),
                piece(vec![Piece::Text("--out=".to_owned()), Piece::Output(path("greeting.txt"))]),
            ],
            environment: BTreeMap::from([(
                "SOURCE_DATE_EPOCH".to_owned(),
                piece(vec![Piece::TextOf(source("epoch"))]),
            )]),
            root: vec![source("root")],
            source: None,
            hidden: vec![],
            log: None,
            platform: Platform {
                name: PlatformName::new("x86_64").unwrap(),
                os: "linux".to_owned(),
                cpu: "x86_64".to_owned(),
            },
            capture: Capture::default(),
            user: None,
            limits: Limits::default(),
        })),
    }
}

fn inputs<'a>(memory: &Memory, action: &'a Action, epoch: &str) -> Inputs<'a> {
    let node = |artifact: &Artifact| match artifact.basename() {
        "root" => Node::Directory(memory.empty()),
        "epoch" => Node::File { digest: memory.blob(epoch.as_bytes()).unwrap(), executable: false },
        name => Node::File { digest: memory.blob(name.as_bytes()).unwrap(), executable: false },
    };
    action.inputs().into_iter().map(|artifact| (artifact, node(artifact))).collect()
}

fn key_of(action: &Action) -> Key {
    let memory = Memory::default();
    prepare(action, &inputs(&memory, action, "1\n"), "class", &memory).unwrap().key
}

fn check(action: &Action, expected: Expect) {
    let memory = Memory::default();
    let mut manifest = Manifest::default();
    walk(action, &inputs(&memory, action, "1700000000\n"), "class", &memory, &mut manifest).unwrap();
    let short = |value: &str| match value.split_once(' ') {
        Some((kind, digest)) if digest.len() > 64 => format!("{kind} {}…", &digest[..6]),
        _ => value.to_owned(),
    };
    let line = |Line(part, name, value): &Line| format!("{part:?} {name}: {}\n", short(value));
    expected.assert_eq(&manifest.lines.iter().map(line).collect::<String>());
}

#[test]
fn a_command_is_walked_whole() {
    check(
        &run_action(),
        expect![[r#"
            Argument 0: /bin/sh
            Argument 1: /build/in/in.sh
            Argument 2: /build/in/2/in.sh
            Argument 3: --out=/build/out/greeting.txt
            Text epoch: 1700000000
            Variable HOME: /build
            Variable LANG: C.UTF-8
            Variable PATH: /usr/bin:/usr/sbin
            Variable SOURCE_DATE_EPOCH: 1700000000
            Variable TMPDIR: /tmp
            Variable TZ: UTC
            Root root: folder af1349…
            Input a/in.sh: file 33bc06…
            Input b/in.sh: file 33bc06…
            Platform ISA: x86-64
            Platform OSFamily: linux
            Salt class: class
            Salt capture: plain
            Salt output greeting.txt: file
        "#]],
    );
}

#[test]
fn a_packer_reads_parameters_with_numbered_inputs() {
    let action = Action {
        kind: ActionKind::Native(NativeAction {
            kind: NativeKind::Unpack,
            params: BTreeMap::from([
                ("a".to_owned(), Param::Input(source("x"))),
                ("b".to_owned(), Param::List(vec![Param::Input(source("y")), Param::Input(source("x"))])),
                ("c".to_owned(), Param::Output(path("tree"))),
            ]),
        }),
        ..run_action()
    };
    let memory = Memory::default();
    prepare(&action, &inputs(&memory, &action, ""), "class", &memory).unwrap();
    let params =
        br#"{"a":{"$input":"in/0"},"b":[{"$input":"in/1"},{"$input":"in/0"}],"c":{"$output":"tree"}}"#;
    assert!(memory.blobs.borrow().values().any(|blob| blob == params));
}

#[test]
fn only_what_can_change_the_output_changes_the_key() {
    let base = key_of(&run_action());
    let change = |edit: &dyn Fn(&mut Run)| {
        let mut action = run_action();
        let ActionKind::Run(run) = &mut action.kind else { unreachable!("a command") };
        edit(run);
        key_of(&action)
    };
    assert_eq!(base, change(&|run| run.limits.seconds = Some(1)));
    assert_eq!(base, change(&|run| run.limits.memory = Some(1)));
    assert_ne!(base, change(&|run| run.capture.root = true));
    assert_ne!(base, change(&|run| run.arguments.push(Argument::text("more"))));
    assert_ne!(base, change(&|run| run.platform.cpu = "aarch64".to_owned()));
    assert_ne!(base, change(&|run| run.environment = BTreeMap::new()));
    assert_ne!(base, change(&|run| run.hidden.push(source("hidden"))));
}

#[test]
fn the_urls_of_a_source_are_not_in_its_key() {
    let fetch = |url: &str, sha256: &str| {
        key_of(&Action {
            kind: ActionKind::Fetch { urls: vec![url.to_owned()], sha256: sha256.to_owned(), size: None },
            ..run_action()
        })
    };
    assert_eq!(fetch("https://a", "00"), fetch("https://b", "00"));
    assert_ne!(fetch("https://a", "00"), fetch("https://a", "01"));
}
