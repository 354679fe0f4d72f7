//! Patterns: which targets are asked for.

use std::collections::BTreeSet;

use wiz_base::{Diagnostic, Label, RelPath, TargetPattern};
use wiz_graph::ConfiguredTarget;

use super::{Depth, Key, Loader, Outcome, Rest, unreadable};
use crate::codes;
use crate::package::{BUILD_FILE, PackageState};
use crate::reader::locked;
use crate::refusal::Refusal;
use crate::sources::EntryKind;
use crate::tasks::Step;
use wiz_graph::memory::RememberedWalk;

impl Loader<'_> {
    pub(super) fn start_pattern(&self, pattern: &TargetPattern) -> Step<Self> {
        let packages = match pattern {
            TargetPattern::Single(label) => vec![label.package().clone()],
            TargetPattern::Package(folder) => vec![folder.clone()],
            TargetPattern::Recursive(folder) => match self.walk(pattern, folder) {
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
        let mut evaluate = Vec::new();
        for folder in packages {
            match self.remembered(pattern, &folder) {
                Some(labels) => self.request(labels),
                None => evaluate.push(Key::Package(folder)),
            }
        }
        Step::Wait(evaluate, Rest::Packages)
    }

    /// What the pattern names in a package that need not be evaluated again.
    fn remembered(&self, pattern: &TargetPattern, folder: &RelPath) -> Option<Vec<Label>> {
        let package = self.past?.package(folder).filter(|_| self.depth == Depth::Analysis)?;
        match pattern {
            // A target that is not there is for the package's evaluation to say.
            TargetPattern::Single(label) => {
                package.targets.contains(label.name()).then(|| vec![label.clone()])
            }
            TargetPattern::Package(_) | TargetPattern::Recursive(_) => {
                package.targets.iter().map(|name| Label::new(folder.clone(), name).ok()).collect()
            }
        }
    }

    /// The requested targets that may not be what they were.
    fn unsettled(&self) -> Vec<ConfiguredTarget> {
        let left = locked(&self.left);
        let settled = |id: &ConfiguredTarget| self.past.is_some_and(|past| past.settled(id).is_some());
        left.requested.iter().filter(|id| !settled(id)).cloned().collect()
    }

    fn request(&self, labels: impl IntoIterator<Item = Label>) {
        let id = |label| ConfiguredTarget { label, platform: self.platform.clone() };
        locked(&self.left).requested.extend(labels.into_iter().map(id));
    }

    /// The packages in and below a folder; links are not followed.
    fn walk(&self, pattern: &TargetPattern, top: &RelPath) -> Result<Vec<RelPath>, Refusal> {
        if let Some(walk) = self.past.and_then(|past| past.walk(pattern)) {
            return Ok(walk.packages.iter().cloned().collect());
        }
        let mut walk = RememberedWalk { folders: BTreeSet::new(), packages: BTreeSet::new() };
        let mut pending = vec![top.clone()];
        while let Some(folder) = pending.pop() {
            let listed = self.reader.list(&folder).map_err(|error| unreadable(&folder, &error))?;
            walk.folders.insert(folder.clone());
            let Some(listed) = listed else { continue };
            if listed.kind(BUILD_FILE) == Some(EntryKind::File) {
                walk.packages.insert(folder.clone());
            }
            let folders = listed.entries().iter().filter(|entry| entry.kind == EntryKind::Directory);
            pending.extend(folders.filter_map(|entry| folder.join_str(&entry.name).ok()));
        }
        let packages = walk.packages.iter().cloned().collect();
        locked(&self.left).memory.walks.insert(pattern.clone(), walk);
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
        self.request(wanted);
        // What other patterns name is demanded as well: each target is one job all the same.
        let needs = match self.depth {
            Depth::Analysis => self.unsettled().into_iter().map(Key::Target).collect(),
            Depth::Definitions => Vec::new(),
        };
        Step::Wait(needs, Rest::Nothing)
    }
}
