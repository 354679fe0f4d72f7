//! Evaluates one parsed file under the limits. Unaware of how its loads were found.

use std::collections::BTreeMap;

use starlark::environment::{FrozenModule, Globals, Module};
use starlark::eval::{Evaluator, FileLoader};
use starlark::values::FrozenHeapName;
use wiz_base::Span;

use crate::codes;
use crate::limits;
use crate::parse::{Parsed, at};
use crate::refusal::Refusal;
use crate::report;
use crate::scope::Scope;

/// The modules a file loads, in the order of its `load` statements.
struct Loaded(BTreeMap<String, FrozenModule>);

impl FileLoader for Loaded {
    fn load(&self, path: &str) -> starlark::Result<FrozenModule> {
        let missing = || Refusal::new(codes::LOAD_PATH, format!("`{path}` has not been loaded")).into();
        self.0.get(path).cloned().ok_or_else(missing)
    }
}

/// Evaluates a file that others load. What went wrong is in the scope's diagnostics.
pub(crate) fn library<'a>(
    parsed: Parsed,
    globals: &Globals,
    scope: Scope<'a>,
    loaded: Vec<FrozenModule>,
) -> (Option<FrozenModule>, Scope<'a>) {
    let module = contained(&scope, || {
        Module::with_temp_heap(|module| {
            run(&module, parsed, globals, &scope, loaded).then_some(())?;
            let name = FrozenHeapName::User(Box::new(scope.file.to_string()));
            let unshared = |error| {
                let refusal =
                    Refusal::new(codes::EVALUATION, format!("the file cannot be shared: {error:?}"));
                scope.diagnostics.borrow_mut().push(at(&refusal, Span::start_of(scope.file.clone())));
            };
            module.freeze_named(name).map_err(unshared).ok()
        })
    });
    let module = module.flatten();
    (module, scope)
}

/// Evaluates a file whose only result is what it leaves in its scope, with the public
/// names of `prelude`; says whether it came to its end.
pub(crate) fn definitions<'a>(
    parsed: Parsed,
    globals: &Globals,
    scope: Scope<'a>,
    loaded: Vec<FrozenModule>,
    prelude: &[FrozenModule],
) -> (bool, Scope<'a>) {
    let whole = contained(&scope, || {
        Module::with_temp_heap(|module| {
            prelude.iter().for_each(|prelude| module.import_public_symbols(prelude));
            run(&module, parsed, globals, &scope, loaded)
        })
    });
    let whole = whole.unwrap_or(false);
    (whole, scope)
}

fn run<'v>(
    module: &Module<'v>,
    parsed: Parsed,
    globals: &Globals,
    scope: &Scope,
    loaded: Vec<FrozenModule>,
) -> bool {
    let written = parsed.loads.into_iter().map(|load| load.written);
    let loader = Loaded(written.zip(loaded).collect());
    let mut eval = Evaluator::new(module);
    limits::set(&mut eval);
    eval.extra = Some(scope);
    eval.set_loader(&loader);
    let Err(error) = eval.eval_module(parsed.ast, globals) else { return true };
    scope.diagnostics.borrow_mut().push(report::diagnose(&error, &scope.file));
    false
}

/// Runs an evaluation and reports what stopped it from outside.
fn contained<R>(scope: &Scope, evaluation: impl FnOnce() -> R) -> Option<R> {
    let refused = |refusal: &Refusal| {
        let diagnostic = at(refusal, Span::start_of(scope.file.clone()));
        scope.diagnostics.borrow_mut().push(diagnostic);
    };
    limits::contained(evaluation).map_err(|refusal| refused(&refusal)).ok()
}
