//! Loads modules and packages and analyses targets, each once, as they turn out to be
//! needed.

mod cycles;
mod modules;
mod packages;
mod patterns;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use starlark::environment::FrozenModule;
use wiz_base::{Diagnostic, PlatformName, RelPath, Span, TargetPattern};
use wiz_graph::{AnalyzedTarget, ConfiguredTarget, Fingerprints};

use crate::codes;
use crate::configure::Configured;
use crate::loader::targets::Known;
use crate::memory::Past;
use crate::package::Package;
use crate::parse::{Load, Parsed};
use crate::reader::{Reader, locked};
use crate::refusal::Refusal;
use crate::tasks::{Step, Work};
use crate::workspace::{WORKSPACE_FILE, Workspace};
use wiz_graph::memory::Memory;

/// How far requested targets are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Packages are loaded, nothing is analysed.
    Definitions,
    /// Targets and all they depend on are analysed.
    Analysis,
}

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Evaluate a file that others load.
    Module(RelPath),
    /// Evaluate the BUILD.star of a folder.
    Package(RelPath),
    /// Analyse a target.
    Target(ConfiguredTarget),
    /// Find the targets of a pattern, and follow them.
    Pattern(TargetPattern),
}

/// What a job comes to.
#[derive(Clone)]
pub(crate) enum Outcome {
    Module(ModuleOutcome),
    Package(Arc<Package>),
    Target(TargetOutcome),
    Pattern,
}

#[derive(Clone)]
pub(crate) enum ModuleOutcome {
    Loaded(FrozenModule),
    /// There is no such file.
    Missing,
    /// It is reported why not.
    Failed,
}

#[derive(Clone)]
pub(crate) enum TargetOutcome {
    /// It is known what dependants see of it.
    Known(Known),
    /// There is no such target.
    Missing(Arc<Refusal>),
    /// It is reported why not.
    Failed,
}

/// What a waiting job keeps.
pub(crate) enum Rest {
    Module(Parsed),
    Package(Parsed),
    Find,
    /// The target's definition is as it was; what it depends on may not be.
    Compare,
    Analyze(Box<Configured>),
    /// The targets of these packages are wanted.
    Packages,
    /// Nothing is left to do.
    Nothing,
}

/// The work of one run and what it leaves behind.
pub(crate) struct Loader<'a> {
    reader: &'a Reader<'a>,
    workspace: &'a Workspace,
    platform: &'a PlatformName,
    depth: Depth,
    prelude: Vec<Load>,
    past: Option<&'a Past<'a>>,
    fingerprints: Fingerprints,
    left: Mutex<Leftovers>,
}

/// What a run leaves behind.
#[derive(Default)]
pub(crate) struct Leftovers {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) targets: Vec<Arc<AnalyzedTarget>>,
    pub(crate) packages: BTreeMap<RelPath, Arc<Package>>,
    pub(crate) requested: BTreeSet<ConfiguredTarget>,
    /// What is to be remembered of all that was evaluated.
    pub(crate) memory: Memory,
    /// Something that is remembered could not be read back.
    pub(crate) forgotten: bool,
    /// Who loads a file, and where.
    pub(crate) loaders: BTreeMap<RelPath, BTreeMap<RelPath, Span>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        reader: &'a Reader<'a>,
        workspace: &'a Workspace,
        platform: &'a PlatformName,
        depth: Depth,
        past: Option<&'a Past<'a>>,
    ) -> Self {
        let file = RelPath::new(WORKSPACE_FILE).expect("a file name is a path");
        let load = |path: &RelPath| Load {
            written: format!("//{path}"),
            path: path.clone(),
            symbols: Vec::new(),
            span: Span::start_of(file.clone()),
        };
        let prelude = workspace.prelude.iter().map(load).collect();
        let (fingerprints, left) = (Fingerprints::default(), Mutex::default());
        Self { reader, workspace, platform, depth, prelude, past, fingerprints, left }
    }

    pub(crate) fn into_leftovers(self) -> Leftovers {
        self.left.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn report(&self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        locked(&self.left).diagnostics.extend(diagnostics);
    }

    fn read(&self, path: &RelPath) -> Result<Option<String>, Refusal> {
        self.reader.read(path).map_err(|error| unreadable(path, &error))
    }
}

impl Work for Loader<'_> {
    type Key = Key;
    type Output = Outcome;
    type Rest = Rest;

    fn start(&self, key: &Key) -> Step<Self> {
        match key {
            Key::Module(path) => self.start_module(path),
            Key::Package(folder) => self.start_package(folder),
            Key::Target(id) => self.start_target(id),
            Key::Pattern(pattern) => self.start_pattern(pattern),
        }
    }

    fn resume(&self, key: &Key, rest: Rest, results: Vec<Outcome>) -> Step<Self> {
        match (key, rest) {
            (Key::Module(path), Rest::Module(parsed)) => self.finish_module(path, parsed, results),
            (Key::Package(folder), Rest::Package(parsed)) => self.finish_package(folder, parsed, results),
            (Key::Target(id), Rest::Compare) => self.compare(id, &results),
            (Key::Target(id), Rest::Find) => self.find(id, &results),
            (Key::Target(_), Rest::Analyze(configured)) => self.analyze(*configured, results),
            (Key::Pattern(pattern), Rest::Packages) => self.follow_pattern(pattern, &results),
            _ => Step::Done(Outcome::Pattern),
        }
    }

    fn cycle(&self, chain: &[Key]) -> Outcome {
        let modules: Vec<_> = chain
            .iter()
            .filter_map(|key| match key {
                Key::Module(path) => Some(path),
                _ => None,
            })
            .collect();
        if !modules.is_empty() {
            self.report_load_cycle(&modules);
            return Outcome::Module(ModuleOutcome::Failed);
        }
        let targets: Vec<_> = chain
            .iter()
            .filter_map(|key| match key {
                Key::Target(id) => Some(id),
                _ => None,
            })
            .collect();
        if !targets.is_empty() {
            self.report_dependency_cycle(&targets);
        }
        Outcome::Target(TargetOutcome::Failed)
    }
}

fn unreadable(path: &RelPath, error: &io::Error) -> Refusal {
    Refusal::new(codes::UNREADABLE, format!("cannot read `{path}`: {error}"))
}
