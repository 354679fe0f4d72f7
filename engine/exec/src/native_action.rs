//! A native action from its parameters to its result. Unaware of what packers do.

use std::collections::BTreeMap;
use std::time::Instant;

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::Store;
use wiz_graph::key::{self, Visitor};
use wiz_graph::{Artifact, NativeAction, OutputKind};
use wiz_scheduler::{Execution, FailureKind, Setback};

use crate::failure::{failure, store_setback};
use crate::key_trees::{KeyTrees, key_setback};
use crate::native::{self, NativeError, NativeJob};
use crate::sources::Sources;

/// Carries out a native action.
pub(crate) fn execute(
    store: &Store,
    sources: &Sources,
    execution: &Execution<'_>,
    native: &NativeAction,
) -> Result<ActionResult, Setback> {
    let action = execution.graph.action(execution.id);
    let trees = KeyTrees::new(store, sources);
    let mut gathered = Gathered::default();
    key::walk(action, execution.inputs, "", &trees, &mut gathered)
        .map_err(|error| key_setback(error, action))?;
    let params = gathered.params.and_then(|digest| trees.made(&digest)).unwrap_or_default();
    let params: serde_json::Value =
        serde_json::from_slice(&params).expect("the graph crate writes parameters as JSON");
    let scratch = store.scratch().map_err(|error| store_setback(&error))?;
    let started = Instant::now();
    let output = native::run(&NativeJob {
        kind: native.kind,
        params: &params,
        inputs: &gathered.inputs,
        names: &gathered.names,
        store,
        scratch: scratch.path(),
        cancelled: &|| execution.cancel.is_cancelled(),
    });
    let output = output.map_err(|error| setback(&error))?;
    check(store, &output.root, &action.outputs)?;
    let log = match output.log.as_str() {
        "" => None,
        text => Some(store.put_bytes(text.as_bytes()).map_err(|error| store_setback(&error))?),
    };
    let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(ActionResult { output_root: output.root, log, wall_ms })
}

fn setback(error: &NativeError) -> Setback {
    match error {
        NativeError::Cancelled => Setback::Cancelled,
        NativeError::Store(error) => store_setback(error),
        NativeError::Unpack(fault) => failure(FailureKind::Build, fault.code(), fault).into(),
        error => failure(FailureKind::Build, "WIZ1060", error).into(),
    }
}

/// A packer makes what it was asked for; anything else is a bug.
fn check(store: &Store, root: &Digest, outputs: &BTreeMap<RelPath, OutputKind>) -> Result<(), Setback> {
    for (path, kind) in outputs {
        let found = store.subtree(root, path).map_err(|error| store_setback(&error))?;
        let fits = match found {
            Some(Node::File { .. }) => *kind == OutputKind::File,
            Some(Node::Directory(_)) => *kind == OutputKind::Tree,
            _ => false,
        };
        if !fits {
            let what = if *kind == OutputKind::Tree { "folder" } else { "file" };
            let text = format!("the packer did not make the {what} `{path}` it was asked for");
            return Err(failure(FailureKind::Bug, "WIZ1061", &text).into());
        }
    }
    Ok(())
}

/// What a packer needs of the walk over its action.
#[derive(Default)]
struct Gathered {
    params: Option<Digest>,
    inputs: BTreeMap<String, Node>,
    names: BTreeMap<String, String>,
}

impl Visitor for Gathered {
    fn argument(&mut self, _: String) {}

    fn variable(&mut self, _: &str, _: String) {}

    fn root(&mut self, _: &Artifact, _: Digest) {}

    fn input(&mut self, artifact: Option<&Artifact>, place: RelPath, node: Node) {
        match (artifact, node) {
            (None, Node::File { digest, .. }) => self.params = Some(digest),
            (None, _) => {}
            (Some(artifact), node) => {
                self.names.insert(place.to_string(), artifact.to_string());
                self.inputs.insert(place.to_string(), node);
            }
        }
    }

    fn property(&mut self, _: &str, _: &str) {}

    fn salt(&mut self, _: &str, _: &str) {}
}
