//! What went into a key, line by line: small enough to be stored with each
//! result, so that a later key can be compared with it.

use wiz_base::{Digest, Node, RelPath};

use super::Visitor;
use crate::artifact::Artifact;

/// The lines of a manifest: what it is called, and its value or digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Name and value, in the order of the walk.
    pub lines: Vec<(String, String)>,
}

impl Visitor for Manifest {
    fn argument(&mut self, text: String) {
        let number = self.lines.iter().filter(|(name, _)| name.starts_with("argument ")).count();
        self.lines.push((format!("argument {number}"), text));
    }

    fn variable(&mut self, name: &str, value: String) {
        self.lines.push((format!("variable {name}"), value));
    }

    fn root(&mut self, artifact: &Artifact, tree: Digest) {
        self.lines.push((format!("root {artifact}"), tree.to_string()));
    }

    fn input(&mut self, artifact: Option<&Artifact>, place: RelPath, node: Node) {
        let name = artifact.map_or_else(|| place.to_string(), ToString::to_string);
        let value = match node {
            Node::File { digest, executable: false } | Node::Directory(digest) => digest.to_string(),
            Node::File { digest, executable: true } => format!("{digest} executable"),
            Node::Symlink(target) => format!("-> {target}"),
        };
        self.lines.push((format!("input {name}"), value));
    }

    fn property(&mut self, name: &str, value: &str) {
        self.lines.push((format!("platform {name}"), value.to_owned()));
    }

    fn salt(&mut self, name: &str, value: &str) {
        self.lines.push((format!("salt {name}"), value.to_owned()));
    }
}
