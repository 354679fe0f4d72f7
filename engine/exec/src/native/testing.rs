//! What the tests of packers share: a store in a folder of its own, trees written
//! as text, and jobs run from JSON. Compiled for tests only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wiz_base::{Digest, DigestFunction, Node, RelPath};
use wiz_cas::{Store, StoreOptions, TreeBuilder};
use wiz_graph::native::NativeKind;

use super::{NativeError, NativeJob, NativeOutput};

pub(super) mod elf;

/// A store and the inputs of the next job; gone with the value.
pub(super) struct Bench {
    pub(super) store: Store,
    folder: tempfile::TempDir,
    inputs: BTreeMap<String, Node>,
    names: BTreeMap<String, String>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { boot_id: Some("boot".to_owned()) };
        let store = Store::open(&folder.path().join("cache"), DigestFunction::Blake3, &options).unwrap();
        Self { store, folder, inputs: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// Adds an input and returns how parameters refer to it.
    pub(super) fn input(&mut self, name: &str, node: Node) -> serde_json::Value {
        let place = format!("in/{}", self.inputs.len());
        self.inputs.insert(place.clone(), node);
        self.names.insert(place.clone(), name.to_owned());
        serde_json::json!({ "$input": place })
    }

    pub(super) fn input_bytes(&mut self, name: &str, bytes: &[u8]) -> serde_json::Value {
        let digest = self.store.put_bytes(bytes).unwrap();
        self.input(name, Node::File { digest, executable: false })
    }

    pub(super) fn input_tree(&mut self, name: &str, text: &str) -> serde_json::Value {
        let digest = self.tree(text);
        self.input(name, Node::Directory(digest))
    }

    pub(super) fn run(
        &self,
        kind: NativeKind,
        params: &serde_json::Value,
    ) -> Result<NativeOutput, NativeError> {
        let scratch = self.folder.path().join("scratch");
        std::fs::create_dir_all(&scratch).unwrap();
        super::run(&NativeJob {
            kind,
            params,
            inputs: &self.inputs,
            names: &self.names,
            store: &self.store,
            scratch: &scratch,
            cancelled: &|| false,
        })
    }

    /// The bytes of one output.
    pub(super) fn read(&self, output: &NativeOutput, path: &str) -> Vec<u8> {
        match self.node(output, path) {
            Node::File { digest, .. } => self.store.read(&digest).unwrap(),
            node => panic!("`{path}` is {node:?}"),
        }
    }

    /// The text of one output.
    pub(super) fn text(&self, output: &NativeOutput, path: &str) -> String {
        String::from_utf8(self.read(output, path)).unwrap()
    }

    /// What stands at a path of the output.
    pub(super) fn node(&self, output: &NativeOutput, path: &str) -> Node {
        let path = RelPath::new(path).unwrap();
        self.store.subtree(&output.root, &path).unwrap().expect("the output is there")
    }

    /// Whatever stands beside the store, the empty scratch folder left aside.
    pub(super) fn entries_outside_the_store(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let beside = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let inside = std::fs::read_dir(self.folder.path().join("scratch")).unwrap();
        let inside = inside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        beside.filter(|name| name != "cache" && name != "scratch").chain(inside).collect()
    }

    /// Stores a tree written one entry a line: `path text`, `path* text` for an
    /// executable, `path -> target`, `path/`.
    pub(super) fn tree(&self, text: &str) -> Digest {
        let mut builder = TreeBuilder::new();
        let path = |text: &str| RelPath::new(text).unwrap();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some((name, target)) = line.split_once(" -> ") {
                builder.insert(&self.store, &path(name), Node::Symlink(target.to_owned())).unwrap();
            } else if let Some((name, content)) = line.split_once(' ') {
                let digest = self.store.put_bytes(content.replace("\\n", "\n").as_bytes()).unwrap();
                let node = Node::File { digest, executable: name.ends_with('*') };
                builder.insert(&self.store, &path(name.trim_end_matches('*')), node).unwrap();
            } else {
                builder.directory(&self.store, &path(line.trim_end_matches('/'))).unwrap();
            }
        }
        builder.build(&self.store).unwrap()
    }

    /// The tree with executable files of these bytes besides.
    pub(super) fn with_files(&self, tree: &Digest, files: &[(&str, &[u8])]) -> Digest {
        let mut builder = TreeBuilder::from_tree(&self.store, tree).unwrap();
        for (path, bytes) in files {
            let node = Node::File { digest: self.store.put_bytes(bytes).unwrap(), executable: true };
            builder.insert(&self.store, &RelPath::new(path).unwrap(), node).unwrap();
        }
        builder.build(&self.store).unwrap()
    }

    /// The reverse of [`Bench::tree`], with every folder on a line and long or binary
    /// files by their size.
    pub(super) fn describe(&self, root: &Digest) -> String {
        let mut text = String::new();
        for entry in self.store.walk(root) {
            let (path, node) = entry.unwrap();
            match node {
                Node::Directory(_) => writeln!(text, "{path}/").unwrap(),
                Node::Symlink(target) => writeln!(text, "{path} -> {target}").unwrap(),
                Node::File { digest, executable } => {
                    let mark = if executable { "*" } else { "" };
                    let bytes = self.store.read(&digest).unwrap();
                    match String::from_utf8(bytes) {
                        Ok(content) if content.len() < 100 => {
                            writeln!(text, "{path}{mark} {}", content.replace('\n', "\\n")).unwrap();
                        }
                        _ => writeln!(text, "{path}{mark} ({} bytes)", digest.size()).unwrap(),
                    }
                }
            }
        }
        text
    }
}
