//! `attrs.*`: the declaration of one attribute as a value of the language.

use std::sync::Arc;

use allocative::Allocative;
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::values::list::UnpackList;
use starlark::values::tuple::UnpackTuple;
use starlark::values::{
    NoSerialize, ProvidesStaticType, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};

use crate::attribute::coerce::{Place, Setting, coerce};
use crate::attribute::kind::{Edge, Kind, Requirement, Want};
use crate::attribute::{Attribute, Given};
use crate::codes;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::values::provider::named_identity;
use crate::values::shown;

/// The result of `attrs.string()` and its like.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct AttributeValue(#[allocative(skip)] pub(crate) Arc<Attribute>);

starlark_simple_value!(AttributeValue);

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<attribute: {}>", self.0.kind.describe())
    }
}

#[starlark_value(type = "Attribute")]
impl<'v> StarlarkValue<'v> for AttributeValue {}

/// A declaration with the default a rule file writes.
fn declare<'v>(
    kind: Kind,
    default: Option<Value<'v>>,
    doc: &str,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<AttributeValue> {
    let scope = Scope::of(eval);
    scope.library("attrs")?;
    let folder = scope.file.parent().unwrap_or_else(wiz_base::RelPath::root);
    let setting = Setting { folder: &folder, files: None, workspace: None };
    let default = match default {
        Some(value) => Some(coerce(&kind, value, setting, Place::Attribute("default"))?),
        None => None,
    };
    Ok(AttributeValue(Arc::new(Attribute { kind, default, doc: doc.to_owned() })))
}

fn inner(value: Value<'_>) -> Result<&Attribute, Refusal> {
    value.downcast_ref::<AttributeValue>().map(|attribute| &*attribute.0).ok_or_else(|| {
        let message = format!("expected an attribute type, got {}", shown(value));
        Refusal::new(codes::DECLARATION, message).hint("write it as `attrs.string()`, `attrs.dep()`, ...")
    })
}

fn inner_kind(value: Value) -> Result<Arc<Kind>, Refusal> {
    Ok(Arc::new(inner(value)?.kind.clone()))
}

fn inner_kinds(values: &[Value]) -> Result<Arc<[Kind]>, Refusal> {
    values.iter().map(|value| Ok(inner(*value)?.kind.clone())).collect()
}

fn requirement(edge: Edge, providers: &[Value]) -> Result<Arc<Requirement>, Refusal> {
    let providers =
        providers.iter().map(|value| named_identity(*value).cloned()).collect::<Result<_, _>>()?;
    Ok(Arc::new(Requirement { edge, want: Want::Providers(providers) }))
}

/// The functions below `attrs`.
pub(crate) fn attrs_functions(builder: &mut GlobalsBuilder) {
    scalars(builder);
    containers(builder);
    references(builder);
}

#[starlark_module]
fn scalars(builder: &mut GlobalsBuilder) {
    /// Text.
    fn string<'v>(
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::String, default, doc, eval)
    }

    /// A truth value.
    fn bool<'v>(
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Bool, default, doc, eval)
    }

    /// A whole number.
    fn int<'v>(
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Int, default, doc, eval)
    }

    /// One of some texts.
    fn r#enum<'v>(
        #[starlark(require = pos)] values: UnpackList<String>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Enum(values.items.into()), default, doc, eval)
    }

    /// Any data.
    fn any<'v>(
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Any, default, doc, eval)
    }
}

#[starlark_module]
fn containers(builder: &mut GlobalsBuilder) {
    /// A list of values of one kind.
    fn list<'v>(
        #[starlark(require = pos)] inner: Value<'v>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::List(inner_kind(inner)?), default, doc, eval)
    }

    /// A dict of texts to values of one kind.
    fn dict<'v>(
        #[starlark(require = pos)] key: Value<'v>,
        #[starlark(require = pos)] value: Value<'v>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        let key = inner_kind(key)?;
        if !matches!(*key, Kind::String | Kind::Enum(_)) {
            let message = format!("a dict's keys are texts, not {}", key.describe());
            return Err(Refusal::new(codes::DECLARATION, message).into());
        }
        declare(Kind::Dict(key, inner_kind(value)?), default, doc, eval)
    }

    /// A value or `None`. The default of a toolchain inside stays the default.
    fn option<'v>(
        #[starlark(require = pos)] inner: Value<'v>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        let toolchain = match &self::inner(inner)?.default {
            Some(Given::Toolchain { name, requirement, .. }) if default.is_none() => Some(Given::Toolchain {
                name: name.clone(),
                requirement: Arc::clone(requirement),
                optional: true,
            }),
            _ => None,
        };
        let declared = declare(Kind::Option(inner_kind(inner)?), default, doc, eval)?;
        let Attribute { kind, default, doc } = (*declared.0).clone();
        Ok(AttributeValue(Arc::new(Attribute { kind, default: default.or(toolchain), doc })))
    }

    /// The first of several kinds that fits.
    fn one_of<'v>(
        #[starlark(args)] kinds: UnpackTuple<Value<'v>>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::OneOf(inner_kinds(&kinds.items)?), default, doc, eval)
    }

    /// A tuple with one value of each kind.
    fn tuple<'v>(
        #[starlark(args)] kinds: UnpackTuple<Value<'v>>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Tuple(inner_kinds(&kinds.items)?), default, doc, eval)
    }
}

#[starlark_module]
fn references(builder: &mut GlobalsBuilder) {
    /// A target's name without a dependency on it.
    fn label<'v>(
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Label, default, doc, eval)
    }

    /// A file of the package, or a target's single output.
    fn source<'v>(
        #[starlark(require = named, default = false)] allow_directory: bool,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        let requirement = Arc::new(Requirement { edge: Edge::Same, want: Want::Artifact });
        declare(Kind::Source { allow_directory, requirement }, default, doc, eval)
    }

    /// Another target, for the same platform.
    fn dep<'v>(
        #[starlark(require = named, default = UnpackList::default())] providers: UnpackList<Value<'v>>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Target(requirement(Edge::Same, &providers.items)?), default, doc, eval)
    }

    /// Another target, for the platform that actions run on.
    fn exec_dep<'v>(
        #[starlark(require = named, default = UnpackList::default())] providers: UnpackList<Value<'v>>,
        #[starlark(require = named)] default: Option<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Target(requirement(Edge::Execution, &providers.items)?), default, doc, eval)
    }

    /// A toolchain for the target's platform, by its type; `kind` is the default.
    fn toolchain_dep<'v>(
        #[starlark(require = pos)] kind: Value<'v>,
        #[starlark(require = named, default = UnpackList::default())] providers: UnpackList<Value<'v>>,
        #[starlark(require = named, default = "")] doc: &str,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<AttributeValue> {
        declare(Kind::Toolchain(requirement(Edge::Execution, &providers.items)?), Some(kind), doc, eval)
    }
}
