//! Loads modules and packages and analyses targets, each once, as they turn out to be
//! needed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use starlark::environment::FrozenModule;
use wiz_base::{Diagnostic, PlatformName, RelPath, Span, TargetPattern};
use wiz_graph::{AnalyzedTarget, ConfiguredTarget};

use crate::analysis::{self, Dependencies};
use crate::codes;
use crate::configure::{Configured, configure};
use crate::evaluate;
use crate::globals;
use crate::package::{BUILD_FILE, Package, PackageScope, PackageState, TargetDefinition};
use crate::parse::{self, FileKind, Load, Parsed, at};
use crate::reader::{Reader, locked};
use crate::refusal::Refusal;
use crate::scope::{Scope, ScopeKind};
use crate::sources::EntryKind;
use crate::suggest::{did_you_mean, nearest};
use crate::tasks::{Step, Work};
use crate::workspace::{WORKSPACE_FILE, Workspace};

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
    Analyzed(Arc<AnalyzedTarget>, Arc<TargetDefinition>),
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
    left: Mutex<Leftovers>,
}

/// What a run leaves behind.
#[derive(Default)]
pub(crate) struct Leftovers {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) targets: Vec<Arc<AnalyzedTarget>>,
    pub(crate) packages: BTreeMap<RelPath, Arc<Package>>,
    pub(crate) requested: BTreeSet<ConfiguredTarget>,
    /// Who loads a file, and where.
    pub(crate) loaders: BTreeMap<RelPath, BTreeMap<RelPath, Span>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        reader: &'a Reader<'a>,
        workspace: &'a Workspace,
        platform: &'a PlatformName,
        depth: Depth,
    ) -> Self {
        let file = RelPath::new(WORKSPACE_FILE).expect("a file name is a path");
        let load = |path: &RelPath| Load {
            written: format!("//{path}"),
            path: path.clone(),
            symbols: Vec::new(),
            span: Span::start_of(file.clone()),
        };
        let prelude = workspace.prelude.iter().map(load).collect();
        Self { reader, workspace, platform, depth, prelude, left: Mutex::default() }
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

    // Modules.

    fn start_module(&self, path: &RelPath) -> Step<Self> {
        let failed = |diagnostics: Vec<Diagnostic>| {
            self.report(diagnostics);
            Step::Done(Outcome::Module(ModuleOutcome::Failed))
        };
        match self.read(path) {
            Ok(None) => Step::Done(Outcome::Module(ModuleOutcome::Missing)),
            Err(refusal) => failed(vec![at(&refusal, Span::start_of(path.clone()))]),
            Ok(Some(text)) => match parse::parse(path, text, FileKind::Library) {
                Err(diagnostics) => failed(diagnostics),
                Ok(parsed) => Step::Wait(self.needs(path, &parsed.loads), Rest::Module(parsed)),
            },
        }
    }

    /// The jobs that load what a file loads.
    fn needs(&self, path: &RelPath, loads: &[Load]) -> Vec<Key> {
        let mut left = locked(&self.left);
        for load in loads {
            let loaders = left.loaders.entry(load.path.clone()).or_default();
            loaders.entry(path.clone()).or_insert_with(|| load.span.clone());
        }
        loads.iter().map(|load| Key::Module(load.path.clone())).collect()
    }

    fn finish_module(&self, path: &RelPath, parsed: Parsed, results: Vec<Outcome>) -> Step<Self> {
        let Some(modules) = self.modules(&parsed.loads, results) else {
            return Step::Done(Outcome::Module(ModuleOutcome::Failed));
        };
        let scope = Scope::new(path.clone(), ScopeKind::Library);
        let (module, scope) = evaluate::library(parsed, globals::definitions(), scope, modules);
        self.report(scope.diagnostics.into_inner());
        Step::Done(Outcome::Module(module.map_or(ModuleOutcome::Failed, ModuleOutcome::Loaded)))
    }

    /// What the loads yield, if all of them yield all that is taken from them.
    fn modules(&self, loads: &[Load], results: Vec<Outcome>) -> Option<Vec<FrozenModule>> {
        let mut modules = Vec::with_capacity(loads.len());
        let mut whole = true;
        for (load, result) in loads.iter().zip(results) {
            match result {
                Outcome::Module(ModuleOutcome::Loaded(module)) => {
                    let lacking: Vec<_> = load.symbols.iter().filter_map(|symbol| lacks(&module, load, symbol)).collect();
                    whole &= lacking.is_empty();
                    self.report(lacking);
                    modules.push(module);
                }
                Outcome::Module(ModuleOutcome::Missing) => {
                    whole = false;
                    self.report([self.no_module(load)]);
                }
                _ => whole = false,
            }
        }
        whole.then_some(modules)
    }

    fn no_module(&self, load: &Load) -> Diagnostic {
        let folder = load.path.parent().unwrap_or_else(RelPath::root);
        let listed = self.reader.list(&folder).ok().flatten();
        let names = listed.iter().flat_map(|folder| folder.entries());
        let names = names.map(|entry| entry.name.as_str()).filter(|name| name.ends_with(".star"));
        let refusal = Refusal::new(codes::LOAD_PATH, format!("there is no file `{}`", load.path));
        at(&refusal.maybe_hint(did_you_mean(load.path.file_name(), names)), load.span.clone())
    }

    // Packages.

    fn start_package(&self, folder: &RelPath) -> Step<Self> {
        let file = build_file(folder);
        match self.read(&file) {
            Ok(None) => self.package(folder, BTreeMap::new(), PackageState::Missing(self.nearest_package(folder))),
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

    fn finish_package(&self, folder: &RelPath, parsed: Parsed, mut results: Vec<Outcome>) -> Step<Self> {
        let prelude = results.split_off(parsed.loads.len());
        let prelude = self.modules(&self.prelude, prelude);
        let modules = self.modules(&parsed.loads, results);
        let (Some(prelude), Some(modules)) = (prelude, modules) else {
            return self.package(folder, BTreeMap::new(), PackageState::Broken);
        };
        let kind = ScopeKind::Package(PackageScope::new(folder, self.reader, self.workspace));
        let scope = Scope::new(build_file(folder), kind);
        let (whole, scope) = evaluate::definitions(parsed, globals::definitions(), scope, modules, &prelude);
        let diagnostics = scope.diagnostics.into_inner();
        let broken = diagnostics.iter().any(|found| found.severity == wiz_base::Severity::Error);
        let state = if whole && !broken { PackageState::Whole } else { PackageState::Broken };
        self.report(diagnostics);
        let ScopeKind::Package(package) = scope.kind else { unreachable!("the scope is the one made above") };
        self.package(folder, package.into_targets(), state)
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

    // Targets.

    fn find(&self, id: &ConfiguredTarget, results: &[Outcome]) -> Step<Self> {
        let done = |outcome| Step::Done(Outcome::Target(outcome));
        let [Outcome::Package(package)] = results else { return done(TargetOutcome::Failed) };
        let Some(definition) = package.targets.get(id.label.name()) else {
            return done(match package.lacks(&id.label) {
                Some(refusal) => TargetOutcome::Missing(Arc::new(refusal)),
                None => TargetOutcome::Failed,
            });
        };
        match configure(Arc::clone(definition), &id.platform, self.workspace) {
            Err(refusals) => {
                self.report(refusals.iter().map(|refusal| definition.site.diagnose(refusal)));
                done(TargetOutcome::Failed)
            }
            Ok(configured) => {
                let mut needs = vec![Key::Module(definition.rule.identity.module.clone())];
                needs.extend(configured.dependencies.iter().cloned().map(Key::Target));
                Step::Wait(needs, Rest::Analyze(Box::new(configured)))
            }
        }
    }

    fn analyze(&self, configured: Configured, results: Vec<Outcome>) -> Step<Self> {
        let definition = Arc::clone(&configured.definition);
        let outcome = match self.analyzed(configured, results) {
            Some(target) => TargetOutcome::Analyzed(target, definition),
            None => TargetOutcome::Failed,
        };
        Step::Done(Outcome::Target(outcome))
    }

    fn analyzed(&self, configured: Configured, results: Vec<Outcome>) -> Option<Arc<AnalyzedTarget>> {
        let mut results = results.into_iter();
        let module = match results.next() {
            Some(Outcome::Module(ModuleOutcome::Loaded(module))) => module,
            _ => return None,
        };
        let site = &configured.definition.site;
        let (dependencies, mut refusals) = dependencies(&configured, results);
        refusals.extend(analysis::unmet(&configured, &dependencies));
        self.report(refusals.iter().map(|refusal| site.diagnose(refusal)));
        if !refusals.is_empty() || dependencies.len() < configured.dependencies.len() {
            return None;
        }
        let analyzed = analysis::analyze(configured, &dependencies, &module, self.workspace);
        let target = analyzed.target.map(Arc::new);
        let mut left = locked(&self.left);
        left.diagnostics.extend(analyzed.diagnostics);
        left.targets.extend(target.clone());
        target
    }

    // Patterns.

    fn start_pattern(&self, pattern: &TargetPattern) -> Step<Self> {
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

    fn follow_pattern(&self, pattern: &TargetPattern, results: &[Outcome]) -> Step<Self> {
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

    // Circles.

    fn report_load_cycle(&self, chain: &[&RelPath]) {
        let left = locked(&self.left);
        let mut names: Vec<_> = chain.iter().map(|path| path.to_string()).collect();
        names.push(names[0].clone());
        let edges = chain.iter().zip(chain.iter().cycle().skip(1));
        let place = |(from, to): (&&RelPath, &&RelPath)| left.loaders.get(*to)?.get(*from).cloned();
        let places: Vec<_> = edges.clone().map(place).collect();
        let trace = edges.zip(&places).map(|((from, to), span)| (format!("`{from}` loads `{to}`"), span.clone()));
        let message = format!("files load each other: {}", names.join(" -> "));
        let diagnostic = Diagnostic::error(codes::LOAD_CYCLE, message);
        let diagnostic = Diagnostic { span: places.first().cloned().flatten(), trace: trace.collect(), ..diagnostic }
            .hint("move what they share to a third file");
        drop(left);
        self.report([diagnostic]);
    }

    fn report_dependency_cycle(&self, chain: &[&ConfiguredTarget]) {
        let left = locked(&self.left);
        let same = chain.iter().all(|id| id.platform == chain[0].platform);
        let name = |id: &ConfiguredTarget| if same { id.label.to_string() } else { id.to_string() };
        let mut names: Vec<_> = chain.iter().map(|id| name(id)).collect();
        names.push(names[0].clone());
        let edges = chain.iter().zip(chain.iter().cycle().skip(1));
        let place = |(from, to): (&&ConfiguredTarget, &&ConfiguredTarget)| {
            let definition = left.packages.get(from.label.package())?.targets.get(from.label.name())?;
            definition.site.diagnose(&analysis::focus_label(Refusal::new(codes::DEPENDENCY_CYCLE, ""), to)).span
        };
        let places: Vec<_> = edges.clone().map(place).collect();
        let step = |((from, to), span): ((&&ConfiguredTarget, &&ConfiguredTarget), &Option<Span>)| {
            (format!("`{}` depends on `{}`", name(from), name(to)), span.clone())
        };
        let trace = edges.zip(&places).map(step).collect();
        let message = format!("targets depend on each other: {}", names.join(" -> "));
        let diagnostic = Diagnostic::error(codes::DEPENDENCY_CYCLE, message);
        let diagnostic = Diagnostic { span: places.first().cloned().flatten(), trace, ..diagnostic };
        drop(left);
        self.report([diagnostic]);
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
            Key::Target(id) => Step::Wait(vec![Key::Package(id.label.package().clone())], Rest::Find),
            Key::Pattern(pattern) => self.start_pattern(pattern),
        }
    }

    fn resume(&self, key: &Key, rest: Rest, results: Vec<Outcome>) -> Step<Self> {
        match (key, rest) {
            (Key::Module(path), Rest::Module(parsed)) => self.finish_module(path, parsed, results),
            (Key::Package(folder), Rest::Package(parsed)) => self.finish_package(folder, parsed, results),
            (Key::Target(id), Rest::Find) => self.find(id, &results),
            (Key::Target(_), Rest::Analyze(configured)) => self.analyze(*configured, results),
            (Key::Pattern(pattern), Rest::Packages) => self.follow_pattern(pattern, &results),
            _ => Step::Done(Outcome::Pattern),
        }
    }

    fn cycle(&self, chain: &[Key]) -> Outcome {
        let modules: Vec<_> = chain.iter().filter_map(|key| match key {
            Key::Module(path) => Some(path),
            _ => None,
        }).collect();
        if !modules.is_empty() {
            self.report_load_cycle(&modules);
            return Outcome::Module(ModuleOutcome::Failed);
        }
        let targets: Vec<_> = chain.iter().filter_map(|key| match key {
            Key::Target(id) => Some(id),
            _ => None,
        }).collect();
        if !targets.is_empty() {
            self.report_dependency_cycle(&targets);
        }
        Outcome::Target(TargetOutcome::Failed)
    }
}

/// The dependencies that are there and may be depended on, and what is to say of the others.
fn dependencies(
    configured: &Configured,
    results: impl Iterator<Item = Outcome>,
) -> (Dependencies, Vec<Refusal>) {
    let mut dependencies = Dependencies::new();
    let mut refusals = Vec::new();
    let rule_folder = configured.definition.rule.identity.module.parent();
    for (id, result) in configured.dependencies.iter().zip(results) {
        match result {
            Outcome::Target(TargetOutcome::Analyzed(target, definition)) => {
                let label = &configured.id.label;
                let by_rule = rule_folder.as_ref().is_some_and(|folder| folder == id.label.package());
                if by_rule || definition.visibility.admits(label, id.label.package()) {
                    dependencies.insert(id.clone(), target);
                } else {
                    refusals.push(invisible(label, id, &definition));
                }
            }
            Outcome::Target(TargetOutcome::Missing(refusal)) => {
                refusals.push(analysis::focus_label((*refusal).clone(), id));
            }
            _ => {}
        }
    }
    (dependencies, refusals)
}

fn invisible(from: &wiz_base::Label, to: &ConfiguredTarget, definition: &TargetDefinition) -> Refusal {
    let place = definition.site.outermost().map(|span| format!(" at {span}")).unwrap_or_default();
    let message = format!("`{}` is not visible to `{from}`", to.label);
    let hint = format!("add `\"//{}:all\"` to its `visibility`{place}", from.package());
    analysis::focus_label(Refusal::new(codes::VISIBILITY, message).hint(hint), to)
}

fn lacks(module: &FrozenModule, load: &Load, symbol: &str) -> Option<Diagnostic> {
    let refuse = |message: String| Refusal::new(codes::LOAD_SYMBOL, message);
    let refusal = if symbol.starts_with('_') {
        refuse(format!("`{symbol}` is private to `{}`", load.path)).hint("names that start with `_` cannot be loaded")
    } else if module.get(symbol).is_ok() {
        return None;
    } else {
        let names: Vec<_> = module.names().collect();
        let names = names.iter().map(|name| name.as_str()).filter(|name| !name.starts_with('_'));
        refuse(format!("`{}` defines no `{symbol}`", load.path)).maybe_hint(did_you_mean(symbol, names))
    };
    Some(at(&refusal, load.span.clone()))
}

fn unreadable(path: &RelPath, error: &io::Error) -> Refusal {
    Refusal::new(codes::UNREADABLE, format!("cannot read `{path}`: {error}"))
}

fn build_file(folder: &RelPath) -> RelPath {
    folder.join(&RelPath::new(BUILD_FILE).expect("a file name is a path"))
}
