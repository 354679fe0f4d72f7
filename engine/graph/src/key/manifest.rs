//! What went into a key, line by line: small enough to be stored with each
//! result, so that a later key can be compared with it.

use wiz_base::{Digest, DigestFunction, Node, RelPath};

use super::Visitor;
use crate::artifact::Artifact;

/// Bytes of the longest value that is kept as it is; of a longer one only the digest is.
const LONGEST_VALUE: usize = 1024;

/// The lines of a manifest, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The [lasting name](crate::Action::lasting_name) of the action.
    pub action: String,
    /// In the order of the walk.
    pub lines: Vec<Line>,
}

/// One thing that went into a key: of which sort, what it is called, and its value or digest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line(pub Part, pub String, pub String);

/// A sort of thing that goes into a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// An argument of the command; called by its place.
    Argument,
    /// A variable of its environment.
    Variable,
    /// A parameter of work the engine does itself.
    Parameter,
    /// A tree of its root.
    Root,
    /// A file or folder it reads.
    Input,
    /// A file whose text stands in an argument, a variable or a parameter.
    Text,
    /// A property of the platform it runs on.
    Platform,
    /// What else separates results.
    Salt,
}

impl Manifest {
    /// An empty manifest of the action with that lasting name.
    #[must_use]
    pub fn of(action: String) -> Self {
        Self { action, lines: Vec::new() }
    }

    fn add(&mut self, part: Part, name: String, value: String) {
        let value = if value.len() > LONGEST_VALUE {
            format!("text {}", DigestFunction::Blake3.digest(value.as_bytes()))
        } else {
            value
        };
        self.lines.push(Line(part, name, value));
    }
}

impl Visitor for Manifest {
    fn argument(&mut self, text: String) {
        let number = self.lines.iter().filter(|Line(part, ..)| *part == Part::Argument).count();
        self.add(Part::Argument, number.to_string(), text);
    }

    fn variable(&mut self, name: &str, value: String) {
        self.add(Part::Variable, name.to_owned(), value);
    }

    fn wants_parameters(&self) -> bool {
        true
    }

    fn parameter(&mut self, name: &str, value: &str) {
        self.add(Part::Parameter, name.to_owned(), value.to_owned());
    }

    fn text(&mut self, artifact: &Artifact, text: &str) {
        self.add(Part::Text, artifact.to_string(), text.to_owned());
    }

    fn root(&mut self, artifact: &Artifact, tree: Digest) {
        self.add(Part::Root, artifact.to_string(), node_text(&Node::Directory(tree)));
    }

    fn input(&mut self, artifact: Option<&Artifact>, _: RelPath, node: Node) {
        // What no artifact stands for is a mount point, or parameters that are lines themselves.
        if let Some(artifact) = artifact {
            self.add(Part::Input, artifact.to_string(), node_text(&node));
        }
    }

    fn property(&mut self, name: &str, value: &str) {
        self.add(Part::Platform, name.to_owned(), value.to_owned());
    }

    fn salt(&mut self, name: &str, value: &str) {
        self.add(Part::Salt, name.to_owned(), value.to_owned());
    }
}

/// A node as the value of a line: `file <digest>`, `program <digest>`, `folder <digest>` or
/// `link <target>`.
#[must_use]
pub fn node_text(node: &Node) -> String {
    match node {
        Node::File { digest, executable: false } => format!("file {digest}"),
        Node::File { digest, executable: true } => format!("program {digest}"),
        Node::Directory(digest) => format!("folder {digest}"),
        Node::Symlink(target) => format!("link {target}"),
    }
}

/// The digest of the folder that a line's value stands for, if it stands for one.
#[must_use]
pub fn folder_digest(value: &str) -> Option<Digest> {
    value.strip_prefix("folder ")?.parse().ok()
}
