//! The functions and types that files have without loading anything.

use std::sync::LazyLock;

use starlark::environment::{FrozenModule, Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::list::UnpackList;
use starlark::values::none::{NoneOr, NoneType};
use starlark::values::tuple::UnpackTuple;
use starlark::values::{FrozenValue, Value, ValueLike};
use wiz_base::RelPath;

use crate::codes;
use crate::evaluate;
use crate::limits;
use crate::parse::{self, FileKind};
use crate::refusal::Refusal;
use crate::report::{Site, note};
use crate::scope::{Scope, ScopeKind};
use crate::values::artifact::{ArtifactValue, TextOfValue};
use crate::values::attribute::attrs_functions;
use crate::values::cmd_args::{CmdArgs, CommandLine, Style};
use crate::values::context::AnalysisContext;
use crate::values::dependency::Dependency;
use crate::values::label::LabelValue;
use crate::values::provider::{ProviderInstance, ProviderTypeGen};
use crate::values::provider_field::{ProviderFieldGen, declared_fields};
use crate::values::rule::RuleGen;
use crate::values::select::SelectGen;
use crate::values::transitive_set::{SetInstance, SetTypeGen};

const EXTENSIONS: [LibraryExtension; 6] = [
    LibraryExtension::StructType,
    LibraryExtension::RecordType,
    LibraryExtension::EnumType,
    LibraryExtension::SetType,
    LibraryExtension::Json,
    LibraryExtension::Typing,
];

/// What WORKSPACE.star has.
pub(crate) fn workspace() -> &'static Globals {
    static GLOBALS: LazyLock<Globals> = LazyLock::new(|| common().with(crate::workspace::functions).build());
    &GLOBALS
}

/// What BUILD.star and loaded files have.
pub(crate) fn definitions() -> &'static Globals {
    static GLOBALS: LazyLock<Globals> = LazyLock::new(|| {
        let mut builder = language();
        let providers = builtin_providers();
        for name in providers.names() {
            let provider = providers.get(&name).expect("a module has the names it lists");
            let provider = provider
                .downcast::<ProviderTypeGen<FrozenValue>>()
                .expect("the built-in file defines providers only");
            let value = provider.owned_frozen_value(builder.frozen_heap());
            builder.set(&name, value);
        }
        builder.build()
    });
    &GLOBALS
}

fn common() -> GlobalsBuilder {
    GlobalsBuilder::extended_by(&EXTENSIONS).with(everywhere).with(limits::functions)
}

fn language() -> GlobalsBuilder {
    common()
        .with(types)
        .with(declarations)
        .with(definitions_functions)
        .with_namespace("attrs", attrs_functions)
}

fn builtin_providers() -> FrozenModule {
    let file = RelPath::root();
    let text = include_str!("builtin/providers.star").to_owned();
    let parsed = parse::parse(&file, text, FileKind::Library).expect("the built-in file parses");
    let scope = Scope::new(file, ScopeKind::Library);
    let globals = language().build();
    let (module, _) = evaluate::library(parsed, &globals, scope, Vec::new());
    module.expect("the built-in file evaluates")
}

#[starlark_module]
#[starlark_types(
    AnalysisContext<'static> as AnalysisContext,
    ArtifactValue as Artifact,
    LabelValue as Label,
    Dependency as Dependency,
    ProviderInstance as Provider,
    SetInstance as TransitiveSet
)]
fn types(builder: &mut GlobalsBuilder) {}

#[starlark_module]
fn everywhere(builder: &mut GlobalsBuilder) {
    /// Says something about the file, as a note beside the diagnostics.
    fn print<'v>(
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let text = values.items.iter().map(|value| value.to_str()).collect::<Vec<_>>().join(" ");
        let place = Site::of(eval).innermost();
        Scope::of(eval).diagnostics.borrow_mut().push(note(codes::PRINT, text, place));
        Ok(NoneType)
    }
}

#[starlark_module]
fn declarations(builder: &mut GlobalsBuilder) {
    /// A rule: attributes, and a function from them to providers.
    fn rule<'v>(
        #[starlark(require = named)] r#impl: Value<'v>,
        #[starlark(require = named)] attrs: Value<'v>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let scope = Scope::of(eval);
        scope.library("rule")?;
        Ok(eval.heap().alloc_complex(RuleGen::new(scope.file.clone(), r#impl, attrs, doc)?))
    }

    /// A provider type.
    fn provider<'v>(
        #[starlark(require = named)] fields: Value<'v>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let _ = doc;
        let scope = Scope::of(eval);
        scope.library("provider")?;
        let fields = declared_fields(fields, eval.heap())?;
        Ok(eval.heap().alloc_complex(ProviderTypeGen::new(scope.file.clone(), fields)))
    }

    /// A provider's field: a type, and what it is when not given.
    fn provider_field<'v>(
        #[starlark(require = pos)] r#type: Value<'v>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let _ = doc;
        Ok(eval.heap().alloc_complex(ProviderFieldGen::new(r#type, default, eval.heap())?))
    }

    /// A type of transitive sets.
    fn transitive_set<'v>(
        #[starlark(require = named, default = NoneOr::None)] args_projections: NoneOr<Value<'v>>,
        #[starlark(require = named, default = NoneOr::None)] json_projections: NoneOr<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let scope = Scope::of(eval);
        scope.library("transitive_set")?;
        let args = args_projections.into_option();
        let json = json_projections.into_option();
        Ok(eval.heap().alloc_complex(SetTypeGen::new(scope.file.clone(), args, json)?))
    }
}

#[starlark_module]
fn definitions_functions(builder: &mut GlobalsBuilder) {
    /// A value that depends on the target's platform.
    fn select<'v>(
        #[starlark(require = pos)] branches: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(eval.heap().alloc_complex(SelectGen::choice(branches)?))
    }

    /// The package's files that match, sorted.
    fn glob<'v>(
        #[starlark(require = pos)] include: UnpackList<String>,
        #[starlark(require = named, default = UnpackList::default())] exclude: UnpackList<String>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<String>> {
        Ok(Scope::of(eval).package("glob")?.files.glob(&include.items, &exclude.items)?)
    }

    /// The folder of the BUILD.star that is evaluated.
    fn package_name<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        let scope = Scope::of(eval);
        match &scope.kind {
            ScopeKind::Target(target) => Ok(target.id().label.package().to_string()),
            _ => Ok(scope.package("package_name")?.files.folder.to_string()),
        }
    }

    /// Arguments of a command line.
    fn cmd_args<'v>(
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        #[starlark(require = named, default = NoneOr::None)] format: NoneOr<String>,
        #[starlark(require = named, default = NoneOr::None)] delimiter: NoneOr<String>,
        #[starlark(require = named, default = NoneOr::None)] prepend: NoneOr<String>,
        #[starlark(require = named)] hidden: Option<Value<'v>>,
    ) -> starlark::Result<CmdArgs> {
        let style = Style {
            format: format.into_option(),
            prepend: prepend.into_option(),
            delimiter: delimiter.into_option(),
        };
        if style.format.as_ref().is_some_and(|format| !format.contains("{}")) {
            let refusal = Refusal::new(codes::ACTION_ARGUMENT, "`format` has no `{}` for the argument");
            return Err(refusal.focus("format =").into());
        }
        let mut line = CommandLine::of(&values.items)?.styled(&style);
        if let Some(hidden) = hidden {
            line.hide(hidden)?;
        }
        Ok(CmdArgs::new(line))
    }

    /// The text of a small file, where an action names it.
    fn text_of<'v>(#[starlark(require = pos)] artifact: Value<'v>) -> starlark::Result<TextOfValue> {
        let Some(artifact) = artifact.downcast_ref::<ArtifactValue>() else {
            let message = format!("`text_of()` takes an artifact, got `{}`", artifact.get_type());
            return Err(Refusal::new(codes::ACTION_ARGUMENT, message).into());
        };
        Ok(TextOfValue(artifact.0.clone()))
    }
}
