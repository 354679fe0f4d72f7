//! Modules: files that others load.

use starlark::environment::FrozenModule;
use wiz_base::{Diagnostic, RelPath, Span};

use super::{Key, Loader, ModuleOutcome, Outcome, Rest};
use crate::codes;
use crate::evaluate;
use crate::globals;
use crate::parse::{self, FileKind, Load, Parsed, at};
use crate::reader::locked;
use crate::refusal::Refusal;
use crate::scope::{Scope, ScopeKind};
use crate::suggest::did_you_mean;
use crate::tasks::Step;
use wiz_graph::memory::RememberedModule;

impl Loader<'_> {
    pub(super) fn start_module(&self, path: &RelPath) -> Step<Self> {
        let failed = |diagnostics: Vec<Diagnostic>| {
            self.report(diagnostics);
            Step::Done(Outcome::Module(ModuleOutcome::Failed))
        };
        match self.read(path) {
            Ok(None) => Step::Done(Outcome::Module(ModuleOutcome::Missing)),
            Err(refusal) => failed(vec![at(&refusal, Span::start_of(path.clone()))]),
            Ok(Some(text)) => match parse::parse(path, text, FileKind::Library) {
                Err(diagnostics) => failed(diagnostics),
                Ok(parsed) => {
                    let loads = parsed.loads.iter().map(|load| load.path.clone()).collect();
                    let remembered = RememberedModule { loads, tokens: parsed.tokens };
                    locked(&self.left).memory.modules.insert(path.clone(), remembered);
                    Step::Wait(self.needs(path, &parsed.loads), Rest::Module(parsed))
                }
            },
        }
    }

    /// The jobs that load what a file loads.
    pub(super) fn needs(&self, path: &RelPath, loads: &[Load]) -> Vec<Key> {
        let mut left = locked(&self.left);
        for load in loads {
            let loaders = left.loaders.entry(load.path.clone()).or_default();
            loaders.entry(path.clone()).or_insert_with(|| load.span.clone());
        }
        loads.iter().map(|load| Key::Module(load.path.clone())).collect()
    }

    pub(super) fn finish_module(&self, path: &RelPath, parsed: Parsed, results: Vec<Outcome>) -> Step<Self> {
        let Some(modules) = self.modules(&parsed.loads, results) else {
            return Step::Done(Outcome::Module(ModuleOutcome::Failed));
        };
        let scope = Scope::new(path.clone(), ScopeKind::Library);
        let (module, scope) = evaluate::library(parsed, globals::definitions(), scope, modules);
        self.report(scope.diagnostics.into_inner());
        Step::Done(Outcome::Module(module.map_or(ModuleOutcome::Failed, ModuleOutcome::Loaded)))
    }

    /// What the loads yield, if all of them yield all that is taken from them.
    pub(super) fn modules(&self, loads: &[Load], results: Vec<Outcome>) -> Option<Vec<FrozenModule>> {
        let mut modules = Vec::with_capacity(loads.len());
        let mut whole = true;
        for (load, result) in loads.iter().zip(results) {
            match result {
                Outcome::Module(ModuleOutcome::Loaded(module)) => {
                    let lacking: Vec<_> =
                        load.symbols.iter().filter_map(|symbol| lacks(&module, load, symbol)).collect();
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
}

fn lacks(module: &FrozenModule, load: &Load, symbol: &str) -> Option<Diagnostic> {
    let refuse = |message: String| Refusal::new(codes::LOAD_SYMBOL, message);
    let refusal = if symbol.starts_with('_') {
        refuse(format!("`{symbol}` is private to `{}`", load.path))
            .hint("names that start with `_` cannot be loaded")
    } else if module.get(symbol).is_ok() {
        return None;
    } else {
        let names: Vec<_> = module.names().collect();
        let names = names.iter().map(|name| name.as_str()).filter(|name| !name.starts_with('_'));
        refuse(format!("`{}` defines no `{symbol}`", load.path)).maybe_hint(did_you_mean(symbol, names))
    };
    Some(at(&refusal, load.span.clone()))
}
