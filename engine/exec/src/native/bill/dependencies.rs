//! Which of the packages of an image need which: their dependencies by name, held against
//! what the others provide. Unaware of versions, which the solver has seen to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::pack_error::PackError;
use super::super::record::PackageRecord;

/// Pairs of names of packages, the one that needs the other first. What several packages
/// provide is taken to come from the one of that name, else from the one installed first.
pub(super) fn between<'a>(records: &[&'a PackageRecord]) -> Result<BTreeSet<(&'a str, &'a str)>, PackError> {
    let infos = records.iter().map(|record| record.facts.info(&record.name, &record.version, &record.arch));
    let infos = infos.collect::<Result<Vec<_>, _>>()?;
    let mut providers: BTreeMap<&str, &'a str> =
        records.iter().map(|record| (record.name.as_str(), record.name.as_str())).collect();
    for (info, record) in infos.iter().zip(records) {
        for provide in &info.provides {
            providers.entry(provide.name.as_str()).or_insert(&record.name);
        }
    }
    let mut pairs = BTreeSet::new();
    for (info, record) in infos.iter().zip(records) {
        for dependency in info.depends.iter().filter(|dependency| !dependency.conflict) {
            match providers.get(dependency.name.as_str()) {
                Some(provider) if **provider != *record.name => {
                    pairs.insert((record.name.as_str(), *provider));
                }
                _ => {}
            }
        }
    }
    Ok(pairs)
}
