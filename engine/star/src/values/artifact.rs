//! Artifacts, outputs and texts of artifacts as values of the language.

use allocative::Allocative;
use starlark::collections::StarlarkHasher;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::values::none::NoneOr;
use starlark::values::{
    NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use std::fmt::Write as _;
use wiz_base::RelPath;
use wiz_graph::Artifact;

use crate::codes;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::values::label::LabelValue;

/// Something an action may read.
#[derive(Clone, Debug, PartialEq, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct ArtifactValue(#[allocative(skip)] pub(crate) Artifact);

starlark_simple_value!(ArtifactValue);

impl std::fmt::Display for ArtifactValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

starlark::methods_static!(METHODS = artifact_methods);

#[starlark_value(type = "Artifact")]
impl<'v> StarlarkValue<'v> for ArtifactValue {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Self>().is_some_and(|other| other == self))
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        // The displayed form names an artifact completely.
        write!(HashText(hasher), "{}", self.0).map_err(|_| Refusal::new(codes::EVALUATION, "unhashable"))?;
        Ok(())
    }
}

struct HashText<'a>(&'a mut StarlarkHasher);

impl std::fmt::Write for HashText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        std::hash::Hasher::write(self.0, text.as_bytes());
        Ok(())
    }
}

#[starlark_module]
fn artifact_methods(builder: &mut MethodsBuilder) {
    /// The path in the workspace, or the declared path.
    #[starlark(attribute)]
    fn path(this: &ArtifactValue) -> starlark::Result<String> {
        Ok(match &this.0 {
            Artifact::Source { path } => path.to_string(),
            Artifact::Output { path, inner, .. } => path.join(inner).to_string(),
        })
    }

    /// The last segment of its path.
    #[starlark(attribute)]
    fn basename(this: &ArtifactValue) -> starlark::Result<String> {
        Ok(this.0.basename().to_owned())
    }

    /// The target that makes it; `None` for a source.
    #[starlark(attribute)]
    fn owner(this: &ArtifactValue) -> starlark::Result<NoneOr<LabelValue>> {
        Ok(match &this.0 {
            Artifact::Source { .. } => NoneOr::None,
            Artifact::Output { target, .. } => NoneOr::Other(LabelValue(target.label.clone())),
        })
    }

    /// The artifact as what an action makes.
    fn as_output<'v>(
        this: &ArtifactValue,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<OutputValue> {
        let current = Scope::of(eval).target("as_output")?.id();
        match &this.0 {
            Artifact::Output { target, path, inner } if target == current && inner.is_root() => {
                Ok(OutputValue(path.clone()))
            }
            _ => Err(not_an_output(&this.0).into()),
        }
    }

    /// A file or folder inside of a tree.
    fn project(
        this: &ArtifactValue,
        #[starlark(require = pos)] path: &str,
    ) -> starlark::Result<ArtifactValue> {
        let below =
            RelPath::new(path).map_err(|error| Refusal::new(codes::OUTPUT_PATH, error.to_string()))?;
        Ok(ArtifactValue(match this.0.clone() {
            Artifact::Source { path } => Artifact::Source { path: path.join(&below) },
            Artifact::Output { target, path, inner } => {
                Artifact::Output { target, path, inner: inner.join(&below) }
            }
        }))
    }
}

fn not_an_output(artifact: &Artifact) -> Refusal {
    let message = format!("`{artifact}` is no output that this target declares");
    Refusal::new(codes::OUTPUT_PATH, message).hint("declare one with `ctx.actions.declare_output(path)`")
}

/// A declared output where an action names what it makes.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct OutputValue(#[allocative(skip)] pub(crate) RelPath);

starlark_simple_value!(OutputValue);

impl std::fmt::Display for OutputValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.as_output()", self.0)
    }
}

#[starlark_value(type = "Output")]
impl<'v> StarlarkValue<'v> for OutputValue {}

/// `text_of(artifact)`: the text of a small file, known when the action's inputs are.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct TextOfValue(#[allocative(skip)] pub(crate) Artifact);

starlark_simple_value!(TextOfValue);

impl std::fmt::Display for TextOfValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "text_of({})", self.0)
    }
}

#[starlark_value(type = "TextOf")]
impl<'v> StarlarkValue<'v> for TextOfValue {}
