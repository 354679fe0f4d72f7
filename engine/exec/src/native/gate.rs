//! A report on ELF files held against a policy. Unaware of how the report was made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wiz_base::RelPath;

use self::requirement::Requirement;
use super::file_globs::FileGlobs;
use super::inspect::{Report, ReportedFile};
use super::outputs::Outputs;
use super::params::{self, Input, Output};
use super::{NativeError, NativeJob, NativeOutput};

pub(super) mod requirement;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateParams {
    report: Input,
    require: BTreeSet<Requirement>,
    #[serde(default)]
    exceptions: BTreeMap<String, Exception>,
    verdict: Output,
}

/// What files that a glob takes need not have, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    skip: BTreeSet<Requirement>,
    reason: String,
}

/// What the gate found; kept as evidence.
#[derive(Debug, Serialize)]
struct Verdict {
    require: BTreeSet<Requirement>,
    /// How many ELF files were looked at.
    files: usize,
    /// What was let pass, and why.
    excepted: Vec<Excepted>,
    /// Exceptions that nothing needed.
    unused: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Excepted {
    path: RelPath,
    missing: Requirement,
    reason: String,
}

/// A file that lacks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The file.
    pub path: RelPath,
    /// What it lacks, as policies name it, and what that means for the file.
    pub what: Vec<(&'static str, String)>,
}

/// Carries out a `gate` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: GateParams = params::parse(job)?;
    let report: Report = params.report.json(job)?;
    if let Some((glob, _)) =
        params.exceptions.iter().find(|(_, exception)| exception.reason.trim().is_empty())
    {
        let message = format!("the exception `{glob}` has no reason");
        return Err(NativeError::Params { kind: job.kind.name(), message });
    }
    let verdict = judge(&report, &params)?;
    let log: String = verdict
        .unused
        .iter()
        .map(|glob| format!("warning: nothing needs the hardening exception `{glob}`: remove it\n"))
        .collect();
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.verdict, &verdict)?;
    outputs.finish(log)
}

fn judge(report: &Report, params: &GateParams) -> Result<Verdict, NativeError> {
    let globs = FileGlobs::new(params.exceptions.keys())?;
    let exceptions: Vec<(&String, &Exception)> = params.exceptions.iter().collect();
    let mut used = BTreeSet::new();
    let (mut excepted, mut failed) = (Vec::new(), Vec::new());
    for file in &report.files {
        let mut what = Vec::new();
        for (missing, meaning) in missing(file, &params.require) {
            let covers = |index: &usize| exceptions[*index].1.skip.contains(&missing);
            let Some(index) = globs.all(file.path.as_str()).find(covers) else {
                what.push((missing.name(), meaning));
                continue;
            };
            used.insert(index);
            let reason = exceptions[index].1.reason.clone();
            excepted.push(Excepted { path: file.path.clone(), missing, reason });
        }
        if !what.is_empty() {
            failed.push(Missing { path: file.path.clone(), what });
        }
    }
    if !failed.is_empty() {
        return Err(GateError { files: failed }.into());
    }
    let unused = (0..exceptions.len()).filter(|index| !used.contains(index));
    let unused = unused.map(|index| exceptions[index].0.clone()).collect();
    Ok(Verdict { require: params.require.clone(), files: report.files.len(), excepted, unused })
}

fn missing(file: &ReportedFile, require: &BTreeSet<Requirement>) -> Vec<(Requirement, String)> {
    match (&file.facts, &file.problem) {
        (Some(facts), _) => {
            require.iter().filter_map(|required| Some((*required, required.missing(facts)?))).collect()
        }
        (None, problem) => {
            let problem = problem.clone().unwrap_or_default();
            vec![(Requirement::Readable, format!("cannot be read: {problem}"))]
        }
    }
}

/// Files that are not as the policy wants them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} not as hardened as required:{}\nhint: {}", count(.files), lines(.files), hint(.files))]
pub struct GateError {
    /// The files, in order of paths.
    pub files: Vec<Missing>,
}

/// As many files are listed in the message.
const LISTED: usize = 20;

fn count(files: &[Missing]) -> String {
    if files.len() == 1 { "a file is".to_owned() } else { format!("{} files are", files.len()) }
}

fn lines(files: &[Missing]) -> String {
    let mut text = String::new();
    for file in files.iter().take(LISTED) {
        for (name, meaning) in &file.what {
            text.push_str(&format!("\n`{}` lacks `{name}`: {meaning}", file.path));
        }
    }
    if files.len() > LISTED {
        text.push_str(&format!("\nand {} more", files.len() - LISTED));
    }
    text
}

fn hint(files: &[Missing]) -> String {
    let mut text =
        "build them with the toolchain's flags, or say in the definition why not:\nhardening = {".to_owned();
    for file in files.iter().take(LISTED) {
        let names: Vec<String> = file.what.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        text.push_str(&format!("\n    \"{}\": {{\"skip\": [{names}], \"reason\": \"...\"}},", file.path));
    }
    text + "\n}"
}

#[cfg(test)]
mod tests;
