//! A dependency as a rule's implementation sees it: a label and providers.

use std::sync::Arc;

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::values::none::NoneOr;
use starlark::values::{
    Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, Value, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use wiz_graph::{AnalyzedTarget, ProviderValue};

use crate::codes;
use crate::refusal::Refusal;
use crate::values::label::LabelValue;
use crate::values::provider::{Identity, ProviderInstance, named_identity};

/// The value of `attrs.dep()` and its like.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct Dependency(#[allocative(skip)] pub(crate) Arc<AnalyzedTarget>);

starlark_simple_value!(Dependency);

impl Dependency {
    fn provider(&self, identity: &Identity) -> Option<ProviderInstance> {
        provider(&self.0, identity).map(|provider| ProviderInstance(Arc::clone(provider)))
    }
}

/// The provider of that type, if the target has it.
pub(crate) fn provider<'t>(
    target: &'t AnalyzedTarget,
    identity: &Identity,
) -> Option<&'t Arc<ProviderValue>> {
    target.providers.iter().find(|provider| identity.is(&provider.name, &provider.module))
}

/// Says which providers a target has instead of the one wanted.
pub(crate) fn lacks(target: &AnalyzedTarget, identity: &Identity) -> Refusal {
    let name = identity.name().unwrap_or("provider");
    let message = format!("`{}` has no `{name}`", target.id.label);
    let has: Vec<_> = target.providers.iter().map(|provider| format!("`{}`", provider.name)).collect();
    Refusal::new(codes::PROVIDER_MISSING, message).hint(format!(
        "it is a `{}` and has {}",
        target.rule,
        has.join(", ")
    ))
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<dependency {}>", self.0.id.label)
    }
}

starlark::methods_static!(METHODS = dependency_methods);

#[starlark_value(type = "Dependency")]
impl<'v> StarlarkValue<'v> for Dependency {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let identity = named_identity(index)?;
        let provider = self.provider(identity).ok_or_else(|| lacks(&self.0, identity))?;
        Ok(heap.alloc(provider))
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(self.provider(named_identity(other)?).is_some())
    }
}

#[starlark_module]
fn dependency_methods(builder: &mut MethodsBuilder) {
    /// The target's name.
    #[starlark(attribute)]
    fn label(this: &Dependency) -> starlark::Result<LabelValue> {
        Ok(LabelValue(this.0.id.label.clone()))
    }

    /// The provider of a type, or `None`.
    fn get<'v>(
        this: &Dependency,
        #[starlark(require = pos)] provider: Value<'v>,
    ) -> starlark::Result<NoneOr<ProviderInstance>> {
        Ok(match this.provider(named_identity(provider)?) {
            Some(provider) => NoneOr::Other(provider),
            None => NoneOr::None,
        })
    }
}
