//! A platform as a value of the language.

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::values::{
    NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use wiz_base::Platform;

/// `ctx.platform` and `ctx.execution_platform`.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct PlatformValue(#[allocative(skip)] pub(crate) Platform);

starlark_simple_value!(PlatformValue);

impl std::fmt::Display for PlatformValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.name.fmt(f)
    }
}

starlark::methods_static!(METHODS = platform_methods);

#[starlark_value(type = "Platform")]
impl<'v> StarlarkValue<'v> for PlatformValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

#[starlark_module]
fn platform_methods(builder: &mut MethodsBuilder) {
    /// The name WORKSPACE.star gives it.
    #[starlark(attribute)]
    fn name(this: &PlatformValue) -> starlark::Result<String> {
        Ok(this.0.name.to_string())
    }

    /// The operating system.
    #[starlark(attribute)]
    fn os(this: &PlatformValue) -> starlark::Result<String> {
        Ok(this.0.os.clone())
    }

    /// The instruction set.
    #[starlark(attribute)]
    fn cpu(this: &PlatformValue) -> starlark::Result<String> {
        Ok(this.0.cpu.clone())
    }
}
