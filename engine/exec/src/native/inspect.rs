//! A report on every ELF file of a tree. Unaware of what is right and wrong.

use std::fs::File;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wiz_base::{Digest, Node, RelPath};
use wiz_cas::Store;

use super::elf::{self, ElfError, ElfFacts};
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InspectParams {
    tree: Input,
    report: Output,
}

/// What is known of a tree's ELF files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Report {
    /// In order of paths.
    pub(super) files: Vec<ReportedFile>,
}

/// One ELF file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReportedFile {
    pub(super) path: RelPath,
    /// What it says, if it can be read.
    #[serde(flatten)]
    pub(super) facts: Option<ElfFacts>,
    /// Why it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<String>,
}

/// Carries out an `inspect` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: InspectParams = params::parse(job)?;
    let report = Report { files: elf_files(job, &params.tree.folder(job)?)? };
    let mut log = format!("{} ELF files\n", report.files.len());
    for file in &report.files {
        let debug = file.facts.as_ref().and_then(|facts| facts.debug.problem.as_ref());
        for problem in file.problem.iter().chain(debug) {
            log.push_str(&format!("{}: {problem}\n", file.path));
        }
    }
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.report, &report)?;
    outputs.finish(log)
}

/// Every ELF file of a tree, in order of paths.
pub(super) fn elf_files(job: &NativeJob<'_>, tree: &Digest) -> Result<Vec<ReportedFile>, NativeError> {
    let mut files = Vec::new();
    for entry in job.store.walk(tree) {
        if let (path, Node::File { digest, .. }) = entry? {
            files.push((path, digest));
        }
    }
    let reported = files.par_iter().map(|(path, digest)| {
        if (job.cancelled)() {
            return Err(NativeError::Cancelled);
        }
        inspect(job.store, path, digest)
    });
    let reported: Vec<Option<ReportedFile>> = reported.collect::<Result<_, _>>()?;
    Ok(reported.into_iter().flatten().collect())
}

/// An ELF header is longer than this.
const SMALLEST: u64 = 52;

fn inspect(store: &Store, path: &RelPath, digest: &Digest) -> Result<Option<ReportedFile>, NativeError> {
    if digest.size() < SMALLEST {
        return Ok(None);
    }
    let file: File = store.open_verified(digest)?;
    let report = |facts, problem| Some(ReportedFile { path: path.clone(), facts, problem });
    match elf::facts(file) {
        Ok(None) => Ok(None),
        Ok(facts) => Ok(report(facts, None)),
        Err(ElfError::Malformed(error)) => Ok(report(None, Some(error.to_string()))),
        Err(ElfError::Io(error)) => {
            Err(NativeError::Malformed { name: path.to_string(), message: error.to_string() })
        }
    }
}

#[cfg(test)]
mod tests;
