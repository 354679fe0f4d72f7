//! `ctx`: what a rule's implementation is given.

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::starlark_module;
use starlark::values::{
    Heap, NoSerialize, ProvidesStaticType, StarlarkValue, Trace, Value, ValueLike, starlark_value,
};

/// The context of one target's analysis.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, Allocative)]
pub(crate) struct AnalysisContext<'v> {
    pub(crate) attrs: Value<'v>,
    pub(crate) label: Value<'v>,
    pub(crate) platform: Value<'v>,
    pub(crate) execution_platform: Value<'v>,
    pub(crate) actions: Value<'v>,
}

impl<'v> AnalysisContext<'v> {
    /// The context as a value; it lives as long as the analysis and is never frozen.
    pub(crate) fn alloc(self, heap: Heap<'v>) -> Value<'v> {
        heap.alloc_complex_no_freeze(self)
    }
}

impl std::fmt::Display for AnalysisContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<context of {}>", self.label)
    }
}

starlark::methods_static!(METHODS = context_methods);

#[starlark_value(type = "AnalysisContext")]
impl<'v> StarlarkValue<'v> for AnalysisContext<'v> {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

fn context(value: Value<'_>) -> starlark::Result<&AnalysisContext<'_>> {
    let not_one = || crate::refusal::Refusal::new(crate::codes::EVALUATION, "not a context").into();
    value.downcast_ref::<AnalysisContext<'_>>().ok_or_else(not_one)
}

#[starlark_module]
fn context_methods(builder: &mut MethodsBuilder) {
    /// The target's attributes.
    #[starlark(attribute)]
    fn attrs<'v>(this: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(context(this)?.attrs)
    }

    /// The target's name.
    #[starlark(attribute)]
    fn label<'v>(this: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(context(this)?.label)
    }

    /// What the target is built for.
    #[starlark(attribute)]
    fn platform<'v>(this: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(context(this)?.platform)
    }

    /// What actions run on.
    #[starlark(attribute)]
    fn execution_platform<'v>(this: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(context(this)?.execution_platform)
    }

    /// Where outputs and actions are declared.
    #[starlark(attribute)]
    fn actions<'v>(this: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(context(this)?.actions)
    }
}
