//! Rules: declared by `rule()`, called by BUILD.star files to define targets, and run
//! by analysis.

use std::sync::Arc;

use allocative::Allocative;
use starlark::eval::{Arguments, Evaluator};
use starlark::values::dict::DictRef;
use starlark::values::{
    Freeze, FreezeResult, Freezer, FrozenValue, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLifetimeless, ValueLike, starlark_value,
};
use wiz_base::RelPath;

use crate::codes;
use crate::package::{COMMON_ATTRIBUTES, RuleDefinition};
use crate::refusal::Refusal;
use crate::report::Site;
use crate::scope::{Scope, ScopeKind};
use crate::values::attribute::AttributeValue;
use crate::values::provider::Identity;
use crate::values::shown;

/// A rule.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct RuleGen<V: ValueLifetimeless> {
    implementation: V,
    #[trace(unsafe_ignore)]
    #[allocative(skip)]
    definition: Arc<RuleDefinition>,
}

impl<'v> RuleGen<Value<'v>> {
    pub(crate) fn new(
        module: RelPath,
        implementation: Value<'v>,
        attributes: Value<'v>,
        doc: &str,
    ) -> Result<Self, Refusal> {
        if implementation.get_type() != "function" {
            let message = format!("`impl` is a function, got `{}`", implementation.get_type());
            return Err(Refusal::new(codes::DECLARATION, message));
        }
        let Some(dict) = DictRef::from_value(attributes) else {
            let message = format!("`attrs` is a dict, got `{}`", attributes.get_type());
            return Err(Refusal::new(codes::DECLARATION, message));
        };
        let attributes = dict.iter().map(|(name, value)| attribute(name, value)).collect::<Result<_, _>>()?;
        let identity = Identity::unnamed(module);
        Ok(Self {
            implementation,
            definition: Arc::new(RuleDefinition { identity, attributes, doc: doc.to_owned() }),
        })
    }
}

type NamedAttribute = (Arc<str>, Arc<crate::attribute::Attribute>);

fn attribute(name: Value, value: Value) -> Result<NamedAttribute, Refusal> {
    let refuse = |message: String| Refusal::new(codes::DECLARATION, message);
    let text = name.unpack_str().ok_or_else(|| refuse(format!("an attribute's name is text, got {name}")))?;
    let Some(attribute) = value.downcast_ref::<AttributeValue>() else {
        let message = format!("attribute `{text}` is no `attrs.*`: {}", shown(value));
        return Err(refuse(message).hint("write it as `attrs.string()`, `attrs.dep()`, ..."));
    };
    if COMMON_ATTRIBUTES.contains(&text) {
        return Err(
            refuse(format!("every rule has the attribute `{text}` already")).focus(format!("{text:?}"))
        );
    }
    if text.starts_with('_') && attribute.0.default.is_none() {
        let message = format!("attribute `{text}` needs a default: a definition cannot set it");
        return Err(refuse(message).focus(format!("{text:?}")));
    }
    Ok((text.into(), Arc::clone(&attribute.0)))
}

impl<'v> Freeze for RuleGen<Value<'v>> {
    type Frozen = RuleGen<FrozenValue>;

    fn freeze(self, freezer: &Freezer) -> FreezeResult<Self::Frozen> {
        Ok(RuleGen { implementation: self.implementation.freeze(freezer)?, definition: self.definition })
    }
}

impl RuleGen<FrozenValue> {
    /// The function that analyses a target.
    pub(crate) fn implementation(&self) -> FrozenValue {
        self.implementation
    }
}

impl<V: ValueLifetimeless> std::fmt::Display for RuleGen<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.definition.identity.name().unwrap_or("rule"))
    }
}

#[starlark_value(type = "rule")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for RuleGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    type Canonical = RuleGen<FrozenValue>;

    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let name = self.definition.identity.exported("rule")?;
        let scope = Scope::of(eval);
        let ScopeKind::Package(package) = &scope.kind else {
            let message = format!("`{name}` defines targets in a BUILD.star only");
            return Err(Refusal::new(codes::MISPLACED, message).into());
        };
        args.no_positional_args(eval.heap())?;
        let named = args.names_map()?;
        let given: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let found = package.define(&self.definition, &given, Site::of(eval));
        scope.diagnostics.borrow_mut().extend(found);
        Ok(Value::new_none())
    }

    fn export_as(&self, name: &str, _eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<()> {
        self.definition.identity.name_it(name);
        Ok(())
    }
}
