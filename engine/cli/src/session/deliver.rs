//! Results where people look for them: linked under wiz-out/, copied on request.

use std::collections::BTreeMap;
use std::path::Path;

use wiz_base::reapi::ActionResult;
use wiz_base::{Digest, RelPath};
use wiz_cas::{Stamp, Store};
use wiz_exec::{Delivered, MaterialiseError, OutputLinks, materialise};
use wiz_graph::{AnalyzedTarget, Artifact};
use wiz_recall::{Around, ReceiptOutput, ReceiptTarget};

use super::repository::{DeclaredRepository, SignedRepository};
use super::{Built, Session, Work, store_error};
use crate::error::{CliError, Kind};

/// One requested target and its outputs.
#[derive(Debug)]
pub(crate) struct DeliveredTarget {
    /// The target's label.
    pub(crate) label: String,
    /// Digests of the output folders they were linked from, in the order of the actions'
    /// names.
    pub(crate) made: Vec<Digest>,
    /// Its outputs.
    pub(crate) outputs: Vec<DeliveredOutput>,
    /// What outside of the workspace decided what became of them.
    pub(crate) around: Vec<Around>,
    /// The last day on which they count: the first on which an exception ends; none for ever.
    pub(crate) until: Option<String>,
    /// The repository among them, if it was delivered now.
    pub(crate) repository: Option<SignedRepository>,
}

/// One output.
#[derive(Debug)]
pub(crate) struct DeliveredOutput {
    /// Its declared path.
    pub(crate) name: String,
    /// Where people find it, relative to the workspace; empty for what stays in the cache.
    pub(crate) path: String,
    /// Digest of the file or tree; empty for what stays in the cache and for sources.
    pub(crate) digest: String,
    /// What it consists of.
    pub(crate) inner: Inner,
}

/// What an output consists of, by path below its place, itself included; empty for what
/// stays in the cache.
#[derive(Debug)]
pub(crate) enum Inner {
    /// It was linked or written now.
    Paths(Vec<RelPath>),
    /// It was linked or written by an earlier build and stands.
    Stamped(Vec<(String, Stamp)>),
}

impl From<ReceiptTarget> for DeliveredTarget {
    fn from(target: ReceiptTarget) -> Self {
        let output = |output: ReceiptOutput| DeliveredOutput {
            name: output.name,
            path: output.path,
            digest: output.digest,
            inner: Inner::Stamped(output.entries),
        };
        Self {
            label: target.label,
            made: target.made,
            outputs: target.outputs.into_iter().map(output).collect(),
            around: target.around,
            until: target.until,
            repository: None,
        }
    }
}

impl Session<'_> {
    /// Links the outputs of every target that has all of them.
    ///
    /// # Errors
    /// If a link or a copy cannot be written.
    pub(crate) fn deliver(
        &self,
        built: &Built,
        wanted: &[(&AnalyzedTarget, Vec<Artifact>)],
        work: &Work,
        copies: Option<&Path>,
    ) -> Result<Vec<DeliveredTarget>, CliError> {
        let folder = self.root.join("wiz-out");
        let links = OutputLinks { folder, default_platform: self.workspace.default_platform.clone() };
        let copies = copies.map(|folder| self.config.directory.join(folder));
        let mut signing = None;
        let mut delivered = Vec::new();
        for (target, artifacts) in wanted {
            let label = target.id.label.to_string();
            let mut outputs: Vec<(RelPath, ActionResult)> = Vec::new();
            for artifact in artifacts {
                let Artifact::Output { path, .. } = artifact else { continue };
                let result = built.graph.producer(artifact).and_then(|id| work.outcome.result(id));
                outputs.extend(result.map(|result| (path.clone(), result.clone())));
            }
            let sources = artifacts.iter().filter_map(|artifact| match artifact {
                Artifact::Source { path } => Some(DeliveredOutput {
                    name: path.to_string(),
                    path: path.to_string(),
                    digest: String::new(),
                    inner: Inner::Paths(vec![RelPath::root()]),
                }),
                Artifact::Output { .. } => None,
            });
            let mut shown: Vec<_> = sources.collect();
            if outputs.len() + shown.len() < artifacts.len() {
                continue;
            }
            let (mut repository, mut around) = (None, Vec::new());
            if let Some(declared) = DeclaredRepository::of(target)
                && let Some(position) = outputs.iter().position(|(path, _)| path == declared.tree)
            {
                let (_, result) = outputs.remove(position);
                let signing = self.signing_once(&mut signing)?;
                let folder = links.make_folder(&target.id).map_err(|error| refused(&error))?;
                let (output, signed) = self.deliver_repository(
                    &work.store,
                    signing,
                    &declared,
                    &result,
                    folder,
                    copies.as_deref(),
                )?;
                shown.push(output);
                around.clone_from(&signing.around);
                repository = Some(signed);
            }
            if !outputs.is_empty() || repository.is_some() {
                let linked =
                    links.link(&work.store, &target.id, &outputs).map_err(|error| refused(&error))?;
                for output in linked {
                    shown.push(self.delivered(&work.store, output)?);
                }
            }
            if let Some(folder) = &copies {
                materialise::copy(&work.store, folder, &outputs).map_err(|error| refused(&error))?;
            }
            let made = made(built, artifacts, work);
            delivered.push(DeliveredTarget { label, made, outputs: shown, around, until: None, repository });
        }
        Ok(delivered)
    }

    fn delivered(&self, store: &Store, output: Delivered) -> Result<DeliveredOutput, CliError> {
        let mut inner = vec![RelPath::root()];
        if output.is_tree {
            for entry in store.walk(&output.digest) {
                inner.push(entry.map_err(|error| store_error(&error))?.0);
            }
        }
        Ok(DeliveredOutput {
            name: output.name.to_string(),
            path: self.shown(&output.path),
            digest: output.digest.to_string(),
            inner: Inner::Paths(inner),
        })
    }

    /// A path as people type it.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// What the actions that make `artifacts` came to, in the order of their names.
fn made(built: &Built, artifacts: &[Artifact], work: &Work) -> Vec<Digest> {
    let producers = artifacts.iter().filter_map(|artifact| built.graph.producer(artifact));
    let results = producers.filter_map(|id| Some((&built.names[id.index()], work.outcome.result(id)?)));
    let results: BTreeMap<_, _> = results.collect();
    results.values().map(|result| result.output_root).collect()
}

/// The outputs of every target that has all of them, by name only: what tests print is kept
/// in the cache and takes no place among the results.
pub(crate) fn passed(
    built: &Built,
    wanted: &[(&AnalyzedTarget, Vec<Artifact>)],
    work: &Work,
) -> Vec<DeliveredTarget> {
    let mut passed = Vec::new();
    for (target, artifacts) in wanted {
        let mut outputs = Vec::new();
        for artifact in artifacts {
            let Artifact::Output { path, .. } = artifact else { continue };
            if built.graph.producer(artifact).is_some_and(|id| work.outcome.result(id).is_some()) {
                outputs.push(DeliveredOutput {
                    name: path.to_string(),
                    path: String::new(),
                    digest: String::new(),
                    inner: Inner::Paths(Vec::new()),
                });
            }
        }
        let label = target.id.label.to_string();
        let made = made(built, artifacts, work);
        let until = super::policy::exceptions(target).map(|exception| exception.expires.to_owned()).min();
        passed.push(DeliveredTarget { label, made, outputs, around: Vec::new(), until, repository: None });
    }
    passed
}

pub(super) fn refused(error: &MaterialiseError) -> CliError {
    let shown = CliError::of(Kind::Surroundings, "WIZ2045", error);
    if shown.has_hint() {
        shown
    } else {
        shown.hint("make the folder writable, or move away what is in its place")
    }
}
