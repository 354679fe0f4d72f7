//! Packages: what the BUILD.star of one folder defines.

use std::collections::BTreeMap;
use std::sync::Arc;

use wiz_base::{RelPath, Span};

use super::{Key, Loader, Outcome, Rest};
use crate::evaluate;
use crate::globals;
use crate::package::{BUILD_FILE, Package, PackageScope, PackageState, TargetDefinition, build_file};
use crate::parse::{self, FileKind, Parsed, at};
use crate::reader::locked;
use crate::scope::{Scope, ScopeKind};
use crate::sources::EntryKind;
use crate::suggest::nearest;
use crate::tasks::Step;
use wiz_graph::memory::RememberedPackage;

impl Loader<'_> {
    pub(super) fn start_package(&self, folder: &RelPath) -> Step<Self> {
        let file = build_file(folder);
        match self.read(&file) {
            Ok(None) => {
                self.package(folder, BTreeMap::new(), PackageState::Missing(self.nearest_package(folder)))
            }
            Err(refusal) => {
                self.report([at(&refusal, Span::start_of(file))]);
                self.package(folder, BTreeMap::new(), PackageState::Broken)
            }
            Ok(Some(text)) => match parse::parse(&file, text, FileKind::Package) {
                Err(diagnostics) => {
                    self.report(diagnostics);
                    self.package(folder, BTreeMap::new(), PackageState::Broken)
                }
                Ok(parsed) => {
                    let mut needs = self.needs(&file, &parsed.loads);
                    needs.extend(self.prelude.iter().map(|load| Key::Module(load.path.clone())));
                    Step::Wait(needs, Rest::Package(parsed))
                }
            },
        }
    }

    pub(super) fn finish_package(
        &self,
        folder: &RelPath,
        parsed: Parsed,
        mut results: Vec<Outcome>,
    ) -> Step<Self> {
        let prelude = results.split_off(parsed.loads.len());
        let prelude = self.modules(&self.prelude, prelude);
        let modules = self.modules(&parsed.loads, results);
        let (Some(prelude), Some(modules)) = (prelude, modules) else {
            return self.package(folder, BTreeMap::new(), PackageState::Broken);
        };
        let loads: Vec<RelPath> =
            parsed.loads.iter().chain(&self.prelude).map(|load| load.path.clone()).collect();
        let kind = ScopeKind::Package(PackageScope::new(folder, self.reader, self.workspace));
        let scope = Scope::new(build_file(folder), kind);
        let (whole, scope) = evaluate::definitions(parsed, globals::definitions(), scope, modules, &prelude);
        let loads = loads.into_iter().collect();
        let diagnostics = scope.diagnostics.into_inner();
        let broken = diagnostics.iter().any(|found| found.severity == wiz_base::Severity::Error);
        let state = if whole && !broken { PackageState::Whole } else { PackageState::Broken };
        self.report(diagnostics);
        let ScopeKind::Package(package) = scope.kind else { unreachable!("the scope is the one made above") };
        let (targets, folders) = package.into_parts();
        let names = targets.keys().cloned().collect();
        let remembered = RememberedPackage { loads, folders, targets: names };
        locked(&self.left).memory.packages.insert(folder.clone(), remembered);
        self.package(folder, targets, state)
    }

    fn package(
        &self,
        folder: &RelPath,
        targets: BTreeMap<String, Arc<TargetDefinition>>,
        state: PackageState,
    ) -> Step<Self> {
        let package = Arc::new(Package { targets, state });
        locked(&self.left).packages.insert(folder.clone(), Arc::clone(&package));
        Step::Done(Outcome::Package(package))
    }

    /// What to try where there is no package: a folder spelled alike, or the one above.
    fn nearest_package(&self, folder: &RelPath) -> Option<String> {
        let parent = folder.parent()?;
        if let Ok(Some(listed)) = self.reader.list(&parent) {
            let folders = listed.entries().iter().filter(|entry| entry.kind == EntryKind::Directory);
            let names = folders.map(|entry| entry.name.as_str()).filter(|name| *name != folder.file_name());
            if let Some(name) = nearest(folder.file_name(), names) {
                return Some(format!("did you mean `//{}`?", parent.join_str(name).ok()?));
            }
        }
        let mut above = Some(parent);
        while let Some(candidate) = above {
            let listed = self.reader.list(&candidate).ok().flatten();
            if listed.is_some_and(|listed| listed.kind(BUILD_FILE).is_some()) {
                return Some(format!("the nearest is `{}`", build_file(&candidate)));
            }
            above = candidate.parent();
        }
        None
    }
}
