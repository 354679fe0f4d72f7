//! The tree `out` of a packer, put together from its declared outputs. Unaware of
//! what the outputs hold.

use serde::Serialize;
use wiz_base::{Digest, Node};
use wiz_cas::{Store, TreeBuilder};

use super::params::Output;
use super::{NativeError, NativeOutput};

/// Collects outputs.
#[derive(Debug)]
pub(super) struct Outputs<'a> {
    store: &'a Store,
    builder: TreeBuilder,
}

impl<'a> Outputs<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, builder: TreeBuilder::new() }
    }

    /// A tree that is stored already.
    pub(super) fn tree(&mut self, output: &Output, tree: Digest) -> Result<(), NativeError> {
        self.node(output, Node::Directory(tree))
    }

    /// A file that is stored already.
    pub(super) fn file(&mut self, output: &Output, digest: Digest) -> Result<(), NativeError> {
        self.node(output, Node::File { digest, executable: false })
    }

    /// A file of these bytes.
    pub(super) fn bytes(&mut self, output: &Output, bytes: &[u8]) -> Result<(), NativeError> {
        let digest = self.store.put_bytes(bytes)?;
        self.file(output, digest)
    }

    /// A JSON file, indented by one space so that it can be looked at, with a line
    /// break at its end.
    pub(super) fn json(&mut self, output: &Output, value: &impl Serialize) -> Result<(), NativeError> {
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        value
            .serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
            .expect("reports have text keys only and are written to memory");
        bytes.push(b'\n');
        self.bytes(output, &bytes)
    }

    /// The finished result.
    pub(super) fn finish(self, log: String) -> Result<NativeOutput, NativeError> {
        Ok(NativeOutput { root: self.builder.build(self.store)?, log })
    }

    fn node(&mut self, output: &Output, node: Node) -> Result<(), NativeError> {
        Ok(self.builder.insert(self.store, &output.path, node)?)
    }
}
