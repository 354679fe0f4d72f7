//! Results where people look for them: linked under wiz-out/, copied on request.

use std::path::Path;

use wiz_base::RelPath;
use wiz_base::reapi::ActionResult;
use wiz_exec::{MaterialiseError, OutputLinks, materialise};
use wiz_graph::{AnalyzedTarget, Artifact};

use super::{Built, Session, Work};
use crate::error::{CliError, Kind};

/// One requested target and its outputs.
#[derive(Debug)]
pub(crate) struct DeliveredTarget {
    /// The target's label.
    pub(crate) label: String,
    /// Name, path relative to the workspace, and digest of each output.
    pub(crate) outputs: Vec<(String, String, String)>,
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
                Artifact::Source { path } => Some((path.to_string(), path.to_string(), String::new())),
                Artifact::Output { .. } => None,
            });
            let mut shown: Vec<_> = sources.collect();
            if outputs.len() + shown.len() < artifacts.len() {
                continue;
            }
            if !outputs.is_empty() {
                let linked =
                    links.link(&work.store, &target.id, &outputs).map_err(|error| refused(&error))?;
                shown.extend(linked.into_iter().map(|output| {
                    let path = output.path.strip_prefix(&self.root).unwrap_or(&output.path);
                    (output.name.to_string(), path.display().to_string(), output.digest.to_string())
                }));
            }
            if let Some(copies) = copies {
                let folder = self.config.directory.join(copies);
                materialise::copy(&work.store, &folder, &outputs).map_err(|error| refused(&error))?;
            }
            delivered.push(DeliveredTarget { label, outputs: shown });
        }
        Ok(delivered)
    }
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
                outputs.push((path.to_string(), String::new(), String::new()));
            }
        }
        passed.push(DeliveredTarget { label: target.id.label.to_string(), outputs });
    }
    passed
}

fn refused(error: &MaterialiseError) -> CliError {
    CliError::new(Kind::Surroundings, "WIZ2045", error.to_string())
}
