//! An executor whose commands are functions over bytes: nothing runs, so random
//! graphs are built by the thousand.
//!
//! The programs: `concat` joins its inputs; `count` writes how many bytes they have,
//! so that many edits leave it unchanged; `const TEXT` writes the text; `fail` fails;
//! `panic` panics; `cancel` asks the build to stop and is interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, Directory, Node, RelPath};
use wiz_graph::key::{self, Inputs, KeyError};
use wiz_graph::{Action, ActionGraph, ActionId, ActionKind, Artifact, Piece};
use wiz_scheduler::{
    ActionFailure, Execution, Executor, FailureKind, History, Hit, Lookup, Past, Probe, Setback,
};

use crate::fixture::OUTPUT;
use crate::memory_trees::{MemoryTrees, TreeError};

/// A workspace, a store and a history, all in memory.
#[derive(Debug, Default)]
pub struct FakeExecutor {
    trees: MemoryTrees,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sources: BTreeMap<RelPath, Vec<u8>>,
    results: BTreeMap<Digest, ActionResult>,
    past: BTreeMap<String, Past>,
    /// Targets whose actions fail whatever their command.
    failing: BTreeSet<String>,
}

impl FakeExecutor {
    /// Writes a file of the workspace.
    pub fn write(&self, path: &RelPath, bytes: &[u8]) {
        self.lock().sources.insert(path.clone(), bytes.to_vec());
    }

    /// Lets exactly the actions of these targets fail from now on.
    pub fn fail(&self, labels: impl IntoIterator<Item = String>) {
        self.lock().failing = labels.into_iter().collect();
    }

    /// Pretends that the actions took so long the last time.
    pub fn took(&self, label: &str, wall_ms: u64) {
        let past = Past { wall_ms: Some(wall_ms), output: None };
        self.lock().past.insert(label.to_owned(), past);
    }

    /// Loses the outputs of a result, but not the result.
    pub fn lose(&self, result: &ActionResult) {
        if let Ok(Some(Node::File { digest, .. })) = self.trees.lookup(&result.output_root, &output()) {
            self.trees.forget(&digest);
        }
    }

    /// The bytes of a result's one output.
    ///
    /// # Panics
    /// If they were lost.
    #[must_use]
    pub fn bytes(&self, result: &ActionResult) -> Vec<u8> {
        match self.trees.lookup(&result.output_root, &output()) {
            Ok(Some(Node::File { digest, .. })) => self.trees.get(&digest).expect("the output is there"),
            other => panic!("no output: {other:?}"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compute(&self, action: &Action, execution: &Execution<'_>) -> Result<Vec<u8>, Setback> {
        let label = action.owner.label.to_string();
        if self.lock().failing.contains(&label) {
            return Err(failure(&format!("{label} was told to fail")));
        }
        let (words, inputs) = words_and_inputs(action);
        let mut bytes = Vec::new();
        for input in inputs {
            if let Some(Node::File { digest, .. }) = execution.inputs.get(input) {
                bytes.extend(self.trees.get(digest).map_err(setback)?);
            }
        }
        match words.as_slice() {
            ["concat", ..] => Ok(bytes),
            ["count", ..] => Ok(bytes.len().to_string().into_bytes()),
            ["const", text, ..] => Ok(text.as_bytes().to_vec()),
            ["panic", ..] => panic!("told to panic"),
            ["cancel", ..] => {
                execution.cancel.cancel();
                Err(Setback::Cancelled)
            }
            other => Err(failure(&format!("{other:?} fails"))),
        }
    }
}

impl Executor for FakeExecutor {
    fn source_node(&self, path: &RelPath) -> Result<Node, Setback> {
        match self.lock().sources.get(path) {
            Some(bytes) => Ok(Node::File { digest: self.trees.put(bytes), executable: false }),
            None => Err(failure(&format!("`{path}` does not exist"))),
        }
    }

    fn output_node(&self, result: &ActionResult, output: &RelPath, inner: &RelPath) -> Result<Node, Setback> {
        let node = self.trees.lookup(&result.output_root, &output.join(inner)).map_err(setback)?;
        node.ok_or_else(|| failure("no such output"))
    }

    fn probe(
        &self,
        graph: &ActionGraph,
        id: ActionId,
        inputs: &Inputs<'_>,
        lookup: Lookup,
    ) -> Result<Probe, Setback> {
        let prepared =
            key::prepare(graph.action(id), inputs, "fake", &self.trees).map_err(|error| match error {
                KeyError::Trees(error) => setback(error),
                error @ KeyError::WrongKind { .. } => failure(&error.to_string()),
            })?;
        match self.lock().results.get(&prepared.key.0) {
            Some(result) if lookup == Lookup::Believe => Ok(Probe::Hit(result.clone(), Hit::Local)),
            _ => Ok(Probe::Miss(Box::new(prepared))),
        }
    }

    fn execute(&self, execution: &Execution<'_>) -> Result<ActionResult, Setback> {
        let action = execution.graph.action(execution.id);
        let bytes = self.compute(action, execution)?;
        let mut directory = Directory::new();
        let node = Node::File { digest: self.trees.put(&bytes), executable: false };
        directory.insert(OUTPUT, node).expect("the output's name is one segment");
        let output_root = self.trees.put_directory(&directory);
        let result = ActionResult { output_root, log: None, wall_ms: 1 };
        let mut state = self.lock();
        state.results.insert(execution.prepared.key.0, result.clone());
        let past = Past { wall_ms: Some(result.wall_ms), output: Some(output_root) };
        state.past.insert(action.owner.label.to_string(), past);
        Ok(result)
    }

    fn deliver(&self, _: &ActionGraph, _: ActionId, result: &ActionResult) -> Result<(), Setback> {
        match self.trees.lookup(&result.output_root, &output()).map_err(setback)? {
            Some(Node::File { digest, .. }) => self.trees.get(&digest).map(drop).map_err(setback),
            _ => Err(failure("no output to deliver")),
        }
    }

    fn is_intact(&self, result: &ActionResult) -> bool {
        let node = self.trees.lookup(&result.output_root, &output());
        matches!(node, Ok(Some(Node::File { digest, .. })) if self.trees.get(&digest).is_ok())
    }
}

impl History for FakeExecutor {
    fn recall(&self, graph: &ActionGraph, ids: &[ActionId]) -> BTreeMap<ActionId, Past> {
        let state = self.lock();
        let past = |id: &ActionId| state.past.get(&graph.action(*id).owner.label.to_string()).copied();
        ids.iter().filter_map(|id| Some((*id, past(id)?))).collect()
    }
}

fn words_and_inputs(action: &Action) -> (Vec<&str>, Vec<&Artifact>) {
    let ActionKind::Run(run) = &action.kind else { return (Vec::new(), Vec::new()) };
    let (mut words, mut inputs) = (Vec::new(), Vec::new());
    for piece in run.all_arguments().flat_map(|argument| &argument.0) {
        match piece {
            Piece::Text(text) => words.push(text.as_str()),
            Piece::Path(artifact) => inputs.push(artifact),
            Piece::TextOf(_) | Piece::Output(_) => {}
        }
    }
    (words, inputs)
}

fn output() -> RelPath {
    crate::fixture::path(OUTPUT)
}

fn failure(message: &str) -> Setback {
    ActionFailure::new(FailureKind::Build, "WIZ1000", message).into()
}

fn setback(error: TreeError) -> Setback {
    match error {
        TreeError::Missing(digest) => Setback::Lost { digest },
        error => failure(&error.to_string()),
    }
}
