//! Package records to the packages of an image, in the order of installation.
//!
//! The solver decides; what it cannot solve is explained in terms of definitions.

use serde::{Deserialize, Serialize};
use wiz_apk::{Dependency, Record};
use wiz_solve::{Conflict, Link, Problem, Request, Why};

use super::outputs::Outputs;
use super::pack_error::PackError;
use super::params::{self, Input, Output};
use super::record::{PackageRecord, parse};
use super::{NativeError, NativeJob, NativeOutput};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SolveParams {
    /// Dependencies in apk's notation.
    world: Vec<String>,
    records: Vec<Input>,
    solution: Output,
}

/// The packages of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Solution {
    /// What was asked for.
    pub(super) world: Vec<String>,
    /// In the order of installation.
    pub(super) packages: Vec<Chosen>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) version: String,
    /// `Q1` and the SHA-1 of the control member.
    pub(super) identity: String,
}

/// Carries out a `solve` action.
pub(super) fn run(job: &NativeJob<'_>) -> Result<NativeOutput, NativeError> {
    let params: SolveParams = params::parse(job)?;
    let world =
        params.world.iter().map(|text| parse("world", text)).collect::<Result<Vec<Dependency>, _>>()?;
    let records = params.records.iter().map(|input| record(job, input)).collect::<Result<Vec<_>, _>>()?;
    let request = Request { world: &world, candidates: &records, arch: None };
    let solved = wiz_solve::solve(&request).map_err(|conflict| explained(&conflict))?;
    let chosen = |record: &Record| Chosen {
        name: record.name.to_string(),
        version: record.version.to_string(),
        identity: record.identity.map(|identity| identity.to_string()).unwrap_or_default(),
    };
    let packages = solved.packages.iter().map(|selected| chosen(selected.record)).collect();
    let mut outputs = Outputs::new(job.store);
    outputs.json(&params.solution, &Solution { world: params.world, packages })?;
    outputs.finish(String::new())
}

fn record(job: &NativeJob<'_>, input: &Input) -> Result<Record, NativeError> {
    let record: PackageRecord = input.json(job)?;
    Ok(record.index_record()?)
}

/// The conflict, and a hint for each dependency that nothing provides.
fn explained(conflict: &Conflict) -> PackError {
    let mut missing = Vec::new();
    conflict.problems.iter().for_each(|problem| unprovided(problem, &mut missing));
    let mut hints: Vec<String> = Vec::new();
    for link in missing {
        let dependency = &link.dependency;
        let hint = match &link.package {
            Some(package) => {
                format!("declare the package that provides `{dependency}` in `deps` of `{package}`")
            }
            None => format!("add the package that provides `{dependency}` to `packages` of the image"),
        };
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let hints: String = hints.iter().map(|hint| format!("\nhint: {hint}")).collect();
    PackError::Conflict { text: format!("{conflict}{hints}") }
}

/// Collects who needs what no package provides.
fn unprovided<'a>(problem: &'a Problem, missing: &mut Vec<&'a Link>) {
    if problem.rejections.is_empty() && !problem.dependency.conflict {
        missing.extend(problem.chain.last());
    }
    for rejection in &problem.rejections {
        if let Why::Tried(problem) = &rejection.why {
            unprovided(problem, missing);
        }
    }
}

#[cfg(test)]
mod tests;
