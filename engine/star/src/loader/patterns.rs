//! Patterns: which targets are asked for.

use std::collections::BTreeSet;

use wiz_base::{Diagnostic, RelPath, TargetPattern};
use wiz_graph::ConfiguredTarget;

use super::{Depth, Key, Loader, Outcome, Rest, unreadable};
use crate::codes;
use crate::package::{BUILD_FILE, PackageState};
use crate::reader::locked;
use crate::refusal::Refusal;
use crate::sources::EntryKind;
use crate::tasks::Step;

impl Loader<'_> {
    pub(super) fn start_pattern(&self, pattern: &TargetPattern) -> Step<Self> {
        let packages = match pattern {
            TargetPattern::Single(label) => vec![label.package().clone()],
            TargetPattern::Package(folder) => vec![folder.clone()],
            TargetPattern::Recursive(folder) => match self.walk(folder) {
                Ok(packages) => packages,
                Err(refusal) => {
                    self.report([Diagnostic::error(refusal.code, refusal.message)]);
                    return Step::Done(Outcome::Pattern);
                }
            },
        };
        if packages.is_empty() {
            let message = format!("`{pattern}`: no folder there has a {BUILD_FILE}");
            self.report([Diagnostic::error(codes::NO_BUILD_FILE, message)]);
        }
        Step::Wait(packages.into_iter().map(Key::Package).collect(), Rest::Packages)
    }

    /// The packages in and below a folder; links are not followed.
    fn walk(&self, top: &RelPath) -> Result<Vec<RelPath>, Refusal> {
        let mut packages = Vec::new();
        let mut pending = vec![top.clone()];
        while let Some(folder) = pending.pop() {
            let listed = self.reader.list(&folder).map_err(|error| unreadable(&folder, &error))?;
            let Some(listed) = listed else { continue };
            if listed.kind(BUILD_FILE) == Some(EntryKind::File) {
                packages.push(folder.clone());
            }
            let folders = listed.entries().iter().filter(|entry| entry.kind == EntryKind::Directory);
            pending.extend(folders.filter_map(|entry| folder.join_str(&entry.name).ok()));
        }
        packages.sort();
        Ok(packages)
    }

    pub(super) fn follow_pattern(&self, pattern: &TargetPattern, results: &[Outcome]) -> Step<Self> {
        let mut wanted = BTreeSet::new();
        let mut missing = None;
        for result in results {
            let Outcome::Package(package) = result else { continue };
            match pattern {
                TargetPattern::Single(label) => match package.targets.get(label.name()) {
                    Some(definition) => drop(wanted.insert(definition.label.clone())),
                    None => missing = package.lacks(label),
                },
                TargetPattern::Package(folder) => {
                    wanted.extend(package.targets.values().map(|definition| definition.label.clone()));
                    if let PackageState::Missing(hint) = &package.state {
                        let message = format!("`{pattern}`: the folder `{folder}` has no {BUILD_FILE}");
                        missing = Some(Refusal::new(codes::NO_BUILD_FILE, message).maybe_hint(hint.clone()));
                    }
                }
                TargetPattern::Recursive(_) => {
                    wanted.extend(package.targets.values().map(|definition| definition.label.clone()));
                }
            }
        }
        let diagnostic = missing.map(|refusal| Diagnostic {
            hint: refusal.hint,
            ..Diagnostic::error(refusal.code, refusal.message)
        });
        self.report(diagnostic);
        let ids = wanted.into_iter().map(|label| ConfiguredTarget { label, platform: self.platform.clone() });
        let ids: Vec<_> = ids.collect();
        locked(&self.left).requested.extend(ids.iter().cloned());
        let needs = if self.depth == Depth::Analysis { ids } else { Vec::new() };
        Step::Wait(needs.into_iter().map(Key::Target).collect(), Rest::Nothing)
    }
}
