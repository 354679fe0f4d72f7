//! Runs one target's rule: attributes and the dependencies' providers in, providers and
//! actions out. Unaware of how dependencies were analysed.

use std::collections::BTreeMap;
use std::sync::Arc;

use starlark::environment::{FrozenModule, Module};
use starlark::eval::Evaluator;
use starlark::values::dict::AllocDict;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::structs::AllocStruct;
use starlark::values::{FrozenValue, Heap, Value, ValueLike};
use wiz_base::Diagnostic;
use wiz_graph::{AnalyzedTarget, Artifact, ConfiguredTarget, Fields, ProviderValue, Value as Data};

use crate::actions::TargetScope;
use crate::attribute::kind::Want;
use crate::codes;
use crate::configure::{Configured, Resolved};
use crate::limits;
use crate::package::{TargetDefinition, text_data};
use crate::refusal::Refusal;
use crate::report;
use crate::scope::{Scope, ScopeKind};
use crate::store;
use crate::values::actions::ActionsValue;
use crate::values::artifact::ArtifactValue;
use crate::values::context::AnalysisContext;
use crate::values::dependency::{Dependency, lacks, provider};
use crate::values::label::LabelValue;
use crate::values::platform::PlatformValue;
use crate::values::provider::ProviderInstance;
use crate::values::rule::RuleGen;
use crate::values::shown;
use crate::workspace::Workspace;

/// The dependencies of a target, analysed.
pub(crate) type Dependencies = BTreeMap<ConfiguredTarget, Arc<AnalyzedTarget>>;

/// A target's analysis and all there is to say about it.
pub(crate) struct Analyzed {
    pub(crate) target: Option<AnalyzedTarget>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What the rule wants of its dependencies and they lack.
pub(crate) fn unmet(configured: &Configured, dependencies: &Dependencies) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let names = configured.definition.rule.attributes.keys();
    for (name, resolved) in names.zip(&configured.attributes) {
        resolved.visit_targets(&mut |id, requirement| {
            let Some(target) = dependencies.get(id) else { return };
            let mut refuse = |refusal: Refusal| {
                let message = format!("attribute `{name}`: {}", refusal.message);
                refusals.push(focus_label(Refusal { message, ..refusal }, id).focus(format!("{name} =")));
            };
            match &requirement.want {
                Want::Artifact => drop(single_output(target).map_err(refuse)),
                Want::Providers(identities) => identities
                    .iter()
                    .filter(|identity| provider(target, identity).is_none())
                    .for_each(|identity| refuse(lacks(target, identity))),
            }
        });
    }
    refusals
}

/// The same refusal, about the place where the label of `id` is written.
pub(crate) fn focus_label(refusal: Refusal, id: &ConfiguredTarget) -> Refusal {
    let (package, name) = (id.label.package(), id.label.name());
    let long = format!("\"//{package}:{name}\"");
    refusal.focus(format!("\"{}\"", id.label)).focus(long).focus(format!("\":{name}\""))
}

/// Runs the rule, which `module` defines.
pub(crate) fn analyze(
    configured: Configured,
    dependencies: &Dependencies,
    module: &FrozenModule,
    workspace: &Workspace,
) -> Analyzed {
    let rule = &configured.definition.rule;
    let state = TargetScope::new(configured.id.clone(), workspace.execution().clone());
    let scope = Scope::new(rule.identity.module.clone(), ScopeKind::Target(state));
    let returned = limits::contained(|| {
        Module::with_temp_heap(|heap| run(&heap, &configured, dependencies, module, workspace, &scope))
    });
    let stopped = |refusal: Refusal| Box::new(configured.definition.site.diagnose(&refusal));
    let returned = returned.map_err(stopped).flatten();
    let mut diagnostics = scope.diagnostics.into_inner();
    let ScopeKind::Target(state) = scope.kind else { unreachable!("the scope is the one made above") };
    let providers = match returned {
        Ok(providers) => {
            diagnostics.extend(unbound(&state));
            Some(providers)
        }
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            None
        }
    };
    let place = configured.definition.site.outermost();
    let header = (format!("analysing `{}`", configured.id), place.clone());
    for diagnostic in &mut diagnostics {
        diagnostic.trace.insert(0, header.clone());
    }
    let failed = diagnostics.iter().any(|found| found.severity == wiz_base::Severity::Error);
    let target = providers.filter(|_| !failed).map(|providers| AnalyzedTarget {
        rule: rule.identity.name().unwrap_or_default().to_owned(),
        span: place,
        attributes: attributes(&configured.definition, configured.attributes, dependencies),
        // The dependencies' own names are shared with them, those of the definition are not.
        dependencies: dependencies.values().map(|target| target.id.clone()).collect(),
        providers,
        actions: state.into_actions(),
        id: configured.id,
    });
    Analyzed { target, diagnostics }
}

fn attributes(definition: &TargetDefinition, values: Vec<Resolved>, dependencies: &Dependencies) -> Fields {
    let names = definition.rule.attributes.keys().cloned();
    let values = values.into_iter().map(|value| value.into_data(dependencies));
    let tags = (!definition.tags.is_empty()).then(|| ("tags".into(), text_data(&definition.tags)));
    names.zip(values).chain(tags).collect()
}

fn unbound(state: &TargetScope) -> Vec<Diagnostic> {
    let diagnostic = |(path, place): (wiz_base::RelPath, Option<wiz_base::Span>)| {
        let message = format!("no action makes the output `{path}`");
        let hint = "name it in an action's arguments with `.as_output()`";
        let diagnostic = Diagnostic::error(codes::OUTPUT_UNBOUND, message).hint(hint);
        Diagnostic { span: place, ..diagnostic }
    };
    state.unbound().into_iter().map(diagnostic).collect()
}

fn run<'v>(
    module: &Module<'v>,
    configured: &Configured,
    dependencies: &Dependencies,
    rules: &FrozenModule,
    workspace: &Workspace,
    scope: &Scope,
) -> Result<Vec<Arc<ProviderValue>>, Box<Diagnostic>> {
    let heap = module.heap();
    let site = |refusal: Refusal| Box::new(configured.definition.site.diagnose(&refusal));
    let context = context(configured, dependencies, workspace, heap).map_err(site)?;
    let implementation = implementation(configured, rules, heap).map_err(site)?;
    let mut eval = Evaluator::new(module);
    limits::set(&mut eval);
    eval.extra = Some(scope);
    match eval.eval_function(implementation, &[context], &[]) {
        Ok(returned) => providers(returned).map_err(site),
        Err(error) => {
            let definition = &configured.definition.site;
            Err(Box::new(report::diagnose_target(&error, &scope.file, definition)))
        }
    }
}

fn implementation<'v>(
    configured: &Configured,
    rules: &FrozenModule,
    heap: Heap<'v>,
) -> Result<Value<'v>, Refusal> {
    let name = configured.definition.rule.identity.exported("rule")?;
    let gone = || Refusal::new(codes::MISPLACED, format!("the variable `{name}` is not the rule any more"));
    let (rule, _) = rules.get_any_visibility(name).map_err(|_| gone())?;
    let rule = rule.downcast::<RuleGen<FrozenValue>>().map_err(|_| gone())?;
    let value = heap.access_owned_frozen_value_typed(&rule);
    Ok(value.as_ref().implementation().to_value())
}

fn context<'v>(
    configured: &Configured,
    dependencies: &Dependencies,
    workspace: &Workspace,
    heap: Heap<'v>,
) -> Result<Value<'v>, Refusal> {
    let names = configured.definition.rule.attributes.keys().map(|name| &**name);
    let values = configured.attributes.iter().map(|resolved| alloc(resolved, dependencies, heap));
    let mut attrs = vec![("name", heap.alloc(configured.id.label.name()))];
    for (name, value) in names.zip(values) {
        attrs.push((name, value?));
    }
    let platform = |name| workspace.platforms.get(name).cloned().map(PlatformValue);
    let context = AnalysisContext {
        attrs: heap.alloc(AllocStruct(attrs)),
        label: heap.alloc(LabelValue(configured.id.label.clone())),
        platform: platform(&configured.id.platform)
            .map_or_else(Value::new_none, |platform| heap.alloc(platform)),
        execution_platform: heap.alloc(PlatformValue(workspace.execution().clone())),
        actions: heap.alloc(ActionsValue),
    };
    Ok(context.alloc(heap))
}

/// An attribute as the rule's implementation sees it.
fn alloc<'v>(resolved: &Resolved, dependencies: &Dependencies, heap: Heap<'v>) -> Result<Value<'v>, Refusal> {
    Ok(match resolved {
        Resolved::Data(data) => store::to_value(data, heap),
        Resolved::Source(path) => heap.alloc(ArtifactValue(Artifact::Source { path: path.clone() })),
        Resolved::Target(id, requirement) => {
            let missing = || Refusal::new(codes::NO_TARGET, format!("`{id}` has not been analysed"));
            let target = dependencies.get(id).ok_or_else(missing)?;
            match requirement.want {
                Want::Providers(_) => heap.alloc(Dependency(Arc::clone(target))),
                Want::Artifact => heap.alloc(ArtifactValue(single_output(target)?.clone())),
            }
        }
        Resolved::List(items) => {
            let items = items.iter().map(|item| alloc(item, dependencies, heap));
            heap.alloc(AllocList(items.collect::<Result<Vec<_>, _>>()?))
        }
        Resolved::Dict(entries) => {
            let entry = |(key, value): &(String, Resolved)| {
                Ok((heap.alloc_str(key), alloc(value, dependencies, heap)?))
            };
            heap.alloc(AllocDict(entries.iter().map(entry).collect::<Result<Vec<_>, Refusal>>()?))
        }
    })
}

/// What stands for a target where a file is wanted.
fn single_output(target: &AnalyzedTarget) -> Result<&Artifact, Refusal> {
    let info = target.provider("DefaultInfo");
    let mut outputs = info.map(|info| info.artifacts("default_output")).unwrap_or_default();
    outputs.extend(info.map(|info| info.artifacts("default_outputs")).unwrap_or_default());
    outputs.dedup();
    match outputs.as_slice() {
        [output] => Ok(output),
        outputs => {
            let message = format!("`{}` has {} outputs where one is wanted", target.id.label, outputs.len());
            Err(Refusal::new(codes::PROVIDER_MISSING, message))
        }
    }
}

/// The providers that a rule returned, with a `DefaultInfo` among them.
fn providers(returned: Value) -> Result<Vec<Arc<ProviderValue>>, Refusal> {
    let refuse = |what: &str, value: Value| {
        let message = format!("{what} a list of providers, got {}", shown(value));
        Refusal::new(codes::PROVIDER_VALUE, message)
    };
    let list = ListRef::from_value(returned).ok_or_else(|| refuse("a rule returns", returned))?;
    let mut providers: Vec<Arc<ProviderValue>> = Vec::with_capacity(list.len() + 1);
    for value in list.iter() {
        let Some(provider) = value.downcast_ref::<ProviderInstance>() else {
            return Err(refuse("a rule returns", value));
        };
        let same =
            |known: &Arc<ProviderValue>| known.name == provider.0.name && known.module == provider.0.module;
        if providers.iter().any(same) {
            let message = format!("the rule returns `{}` twice", provider.0.name);
            return Err(Refusal::new(codes::PROVIDER_VALUE, message));
        }
        providers.push(Arc::clone(&provider.0));
    }
    if !providers.iter().any(|provider| provider.name == "DefaultInfo" && provider.module.is_empty()) {
        providers.insert(0, empty_default());
    }
    Ok(providers)
}

fn empty_default() -> Arc<ProviderValue> {
    let fields = [
        ("default_output", Data::None),
        ("default_outputs", Data::List(Vec::new())),
        ("other_outputs", Data::List(Vec::new())),
    ];
    Arc::new(ProviderValue {
        name: "DefaultInfo".to_owned(),
        module: String::new(),
        fields: fields.into_iter().collect(),
    })
}
