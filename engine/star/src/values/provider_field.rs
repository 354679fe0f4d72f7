//! `provider_field()`: the declaration of one field of a provider.

use std::sync::Arc;

use allocative::Allocative;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::typing::TypeCompiled;
use starlark::values::{
    Freeze, FreezeResult, Freezer, FrozenValue, Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLifetimeless, ValueLike, starlark_value,
};
use wiz_graph::Value as Data;

use crate::codes;
use crate::refusal::Refusal;
use crate::store;
use crate::values::provider::Field;
use crate::values::shown;

/// A field's type and default.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct ProviderFieldGen<V: ValueLifetimeless> {
    ty: V,
    #[trace(unsafe_ignore)]
    #[allocative(skip)]
    default: Option<Data>,
}

impl<'v> ProviderFieldGen<Value<'v>> {
    pub(crate) fn new(ty: Value<'v>, default: Option<Value<'v>>, heap: Heap<'v>) -> Result<Self, Refusal> {
        let compiled = compile(ty, heap)?;
        if let Some(default) = default
            && !compiled.matches(default)
        {
            let got = shown(default);
            let message = format!("the default is no `{}`: {got}", compiled.as_ty());
            return Err(Refusal::new(codes::DECLARATION, message));
        }
        let default = default
            .map(store::to_data)
            .transpose()
            .map_err(|refusal| Refusal { message: format!("the default {}", refusal.message), ..refusal })?;
        Ok(Self { ty, default })
    }
}

fn compile<'v>(ty: Value<'v>, heap: Heap<'v>) -> Result<TypeCompiled<Value<'v>>, Refusal> {
    TypeCompiled::new(ty, heap).map_err(|error| Refusal::new(codes::DECLARATION, error.to_string()))
}

/// The fields that the argument of `provider(fields = ...)` declares: a list of names, or
/// a dict of name to type or `provider_field()`.
pub(crate) fn declared_fields<'v>(
    value: Value<'v>,
    heap: Heap<'v>,
) -> Result<Vec<Field<Value<'v>>>, Refusal> {
    if let Some(names) = ListRef::from_value(value) {
        let field = |name: Value<'v>| Ok(Field { name: field_name(name)?, ty: None, default: None });
        return names.iter().map(field).collect();
    }
    let Some(dict) = DictRef::from_value(value) else {
        let message = format!("`fields` is a dict or a list of names, got `{}`", value.get_type());
        return Err(Refusal::new(codes::DECLARATION, message));
    };
    let field = |(name, declared): (Value<'v>, Value<'v>)| {
        let (ty, default) = parts(declared).unwrap_or((declared, None));
        Ok(Field { name: field_name(name)?, ty: Some(compile(ty, heap)?), default })
    };
    dict.iter().map(field).collect()
}

fn field_name(value: Value) -> Result<Arc<str>, Refusal> {
    value.unpack_str().map(Arc::from).ok_or_else(|| {
        Refusal::new(codes::DECLARATION, format!("a field's name is text, got `{}`", value.get_type()))
    })
}

fn parts(value: Value<'_>) -> Option<(Value<'_>, Option<Data>)> {
    match value.unpack_frozen() {
        Some(_) => {
            let field = value.downcast_ref::<ProviderFieldGen<FrozenValue>>()?;
            Some((field.ty.to_value(), field.default.clone()))
        }
        None => {
            let field = value.downcast_ref::<ProviderFieldGen<Value<'_>>>()?;
            Some((field.ty, field.default.clone()))
        }
    }
}

impl<'v> Freeze for ProviderFieldGen<Value<'v>> {
    type Frozen = ProviderFieldGen<FrozenValue>;

    fn freeze(self, freezer: &Freezer) -> FreezeResult<Self::Frozen> {
        Ok(ProviderFieldGen { ty: self.ty.freeze(freezer)?, default: self.default })
    }
}

impl<V: ValueLifetimeless> std::fmt::Display for ProviderFieldGen<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("provider_field(...)")
    }
}

#[starlark_value(type = "ProviderField")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for ProviderFieldGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    type Canonical = ProviderFieldGen<FrozenValue>;
}
