//! A target's name as a value of the language.

use allocative::Allocative;
use starlark::collections::StarlarkHasher;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::values::{
    NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use std::hash::Hash as _;
use wiz_base::Label;

/// `ctx.label`, `dep.label`, `artifact.owner` and the value of `attrs.label()`.
#[derive(Clone, Debug, PartialEq, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct LabelValue(#[allocative(skip)] pub(crate) Label);

starlark_simple_value!(LabelValue);

impl std::fmt::Display for LabelValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

starlark::methods_static!(METHODS = label_methods);

#[starlark_value(type = "Label")]
impl<'v> StarlarkValue<'v> for LabelValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Self>().is_some_and(|other| other == self))
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        self.0.hash(hasher);
        Ok(())
    }
}

#[starlark_module]
fn label_methods(builder: &mut MethodsBuilder) {
    /// The folder of the BUILD.star that defines the target.
    #[starlark(attribute)]
    fn package(this: &LabelValue) -> starlark::Result<String> {
        Ok(this.0.package().to_string())
    }

    /// Its name in that file.
    #[starlark(attribute)]
    fn name(this: &LabelValue) -> starlark::Result<String> {
        Ok(this.0.name().to_owned())
    }
}
