//! Providers: what one target hands to those that depend on it. The types are declared
//! by `provider()`; the instances are data that can be stored and read back.

use std::sync::{Arc, OnceLock};

use allocative::Allocative;
use pagable::{Pagable, pagable_typetag};
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::{Arguments, Evaluator};
use starlark::typing::{Ty, TyStarlarkValue, TyUser, TyUserParams};
use starlark::values::dict::AllocDict;
use starlark::values::typing::{
    TypeCompiled, TypeInstanceId, TypeMatcher, TypeMatcherDyn, TypeMatcherFactory,
};
use starlark::values::{
    Freeze, FreezeResult, Freezer, FrozenValue, Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLifetimeless, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value, type_matcher};
use wiz_base::RelPath;
use wiz_graph::{ProviderValue, Value as Data};

use crate::codes;
use crate::refusal::Refusal;
use crate::store;
use crate::suggest::did_you_mean;
use crate::values::shown;

/// What tells one declared type from all others: where it is declared, and under which name.
#[derive(Debug, Allocative)]
pub(crate) struct Identity {
    /// The declaring file; the root path for built-in ones.
    #[allocative(skip)]
    pub(crate) module: RelPath,
    name: OnceLock<String>,
}

impl Identity {
    pub(crate) fn unnamed(module: RelPath) -> Arc<Self> {
        Arc::new(Self { module, name: OnceLock::new() })
    }

    /// Gives it the name of the variable it is assigned to; the first one stays.
    pub(crate) fn name_it(&self, name: &str) {
        self.name.get_or_init(|| name.to_owned());
    }

    /// The name, once it is assigned to one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }

    /// The name, or what to do to get one.
    pub(crate) fn exported(&self, what: &str) -> Result<&str, Refusal> {
        self.name().ok_or_else(|| {
            let message = format!("this {what} has no name");
            Refusal::new(codes::MISPLACED, message).hint("assign it to a variable at the top level of a file")
        })
    }

    /// Whether a stored name and module are this identity's.
    pub(crate) fn is(&self, name: &str, module: &str) -> bool {
        self.name() == Some(name) && self.module.as_str() == module
    }
}

/// A provider type, the result of `provider()`.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct ProviderTypeGen<V: ValueLifetimeless> {
    #[trace(unsafe_ignore)]
    pub(crate) identity: Arc<Identity>,
    #[trace(unsafe_ignore)]
    id: TypeInstanceId,
    /// Ordered by name.
    fields: Vec<Field<V>>,
}

/// One field of a provider type.
#[derive(Debug, Trace, Allocative)]
pub(crate) struct Field<V: ValueLifetimeless> {
    #[trace(unsafe_ignore)]
    pub(crate) name: Arc<str>,
    /// `None` for any type.
    pub(crate) ty: Option<TypeCompiled<V>>,
    #[trace(unsafe_ignore)]
    #[allocative(skip)]
    pub(crate) default: Option<Data>,
}

impl<'v> ProviderTypeGen<Value<'v>> {
    pub(crate) fn new(module: RelPath, mut fields: Vec<Field<Value<'v>>>) -> Self {
        fields.sort_by(|left, right| left.name.cmp(&right.name));
        Self { identity: Identity::unnamed(module), id: TypeInstanceId::r#gen(), fields }
    }
}

impl<'v> Freeze for ProviderTypeGen<Value<'v>> {
    type Frozen = ProviderTypeGen<FrozenValue>;

    fn freeze(self, freezer: &Freezer) -> FreezeResult<Self::Frozen> {
        let field = |field: Field<Value<'v>>| {
            let ty = field.ty.map(|ty| ty.freeze(freezer)).transpose()?;
            Ok(Field { name: field.name, ty, default: field.default })
        };
        let fields = self.fields.into_iter().map(field).collect::<FreezeResult<_>>()?;
        Ok(ProviderTypeGen { identity: self.identity, id: self.id, fields })
    }
}

/// The identity of a value that is a provider type.
pub(crate) fn identity(value: Value<'_>) -> Option<&Arc<Identity>> {
    match value.unpack_frozen() {
        Some(_) => value.downcast_ref::<ProviderTypeGen<FrozenValue>>().map(|ty| &ty.identity),
        None => value.downcast_ref::<ProviderTypeGen<Value<'_>>>().map(|ty| &ty.identity),
    }
}

/// The identity of a value that should be a provider type and has a name.
pub(crate) fn named_identity(value: Value<'_>) -> Result<&Arc<Identity>, Refusal> {
    let no_provider = || {
        let message = format!("expected a provider type, got {}", shown(value));
        Refusal::new(codes::DECLARATION, message)
    };
    let identity = identity(value).ok_or_else(no_provider)?;
    identity.exported("provider")?;
    Ok(identity)
}

impl<'v, V: ValueLike<'v>> ProviderTypeGen<V> {
    fn instance(&self, given: &[(&str, Value<'v>)]) -> Result<ProviderInstance, Refusal> {
        let provider = self.identity.exported("provider")?;
        for (name, _) in given {
            if !self.fields.iter().any(|field| &*field.name == *name) {
                let message = format!("`{provider}` has no field `{name}`");
                let names = self.fields.iter().map(|field| &*field.name);
                return Err(
                    Refusal::new(codes::PROVIDER_VALUE, message).maybe_hint(did_you_mean(name, names))
                );
            }
        }
        let value = |field: &Field<V>| {
            let given = given.iter().find(|(name, _)| **name == *field.name).map(|(_, value)| *value);
            Ok((Arc::clone(&field.name), self.field_value(provider, field, given)?))
        };
        let fields = self.fields.iter().map(value).collect::<Result<_, Refusal>>()?;
        let module = self.identity.module.to_string();
        Ok(ProviderInstance(Arc::new(ProviderValue { name: provider.to_owned(), module, fields })))
    }

    fn field_value(
        &self,
        provider: &str,
        field: &Field<V>,
        given: Option<Value<'v>>,
    ) -> Result<Data, Refusal> {
        let Some(value) = given else {
            let message = || format!("`{provider}` needs `{}`", field.name);
            return field.default.clone().ok_or_else(|| Refusal::new(codes::PROVIDER_VALUE, message()));
        };
        if let Some(ty) = &field.ty
            && !ty.matches(value)
        {
            let got = shown(value);
            let message = format!("`{provider}.{}` expects `{}`, got {got}", field.name, ty.as_ty());
            return Err(Refusal::new(codes::PROVIDER_VALUE, message).focus(format!("{} =", field.name)));
        }
        store::to_data(value).map_err(|refusal| Refusal {
            message: format!("`{provider}.{}` {}", field.name, refusal.message),
            focus: vec![format!("{} =", field.name)],
            ..refusal
        })
    }
}

impl<V: ValueLifetimeless> std::fmt::Display for ProviderTypeGen<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.identity.name().unwrap_or("provider"))
    }
}

#[starlark_value(type = "ProviderType")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for ProviderTypeGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    type Canonical = ProviderTypeGen<FrozenValue>;

    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        args.no_positional_args(eval.heap())?;
        let named = args.names_map()?;
        let given: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        Ok(eval.heap().alloc(self.instance(&given)?))
    }

    fn export_as(&self, name: &str, _eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<()> {
        self.identity.name_it(name);
        Ok(())
    }

    fn eval_type(&self) -> Option<Ty> {
        let name = self.identity.name()?;
        let matcher = ProviderMatcher { name: name.to_owned(), module: self.identity.module.to_string() };
        let parameters =
            TyUserParams { matcher: Some(TypeMatcherFactory::new(matcher)), ..Default::default() };
        let base = TyStarlarkValue::new::<ProviderInstance>();
        TyUser::new(name.to_owned(), base, self.id, parameters).ok().map(Ty::custom)
    }
}

/// Tells the instances of one provider type in type annotations.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Allocative, Pagable)]
#[pagable_typetag(TypeMatcherDyn)]
struct ProviderMatcher {
    name: String,
    module: String,
}

#[type_matcher]
impl TypeMatcher for ProviderMatcher {
    fn matches(&self, value: Value) -> bool {
        let instance = value.downcast_ref::<ProviderInstance>();
        instance.is_some_and(|instance| instance.0.name == self.name && instance.0.module == self.module)
    }
}

/// One provider: data only, shared by all who read it.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct ProviderInstance(#[allocative(skip)] pub(crate) Arc<ProviderValue>);

starlark_simple_value!(ProviderInstance);

impl std::fmt::Display for ProviderInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields: Vec<_> = self.0.fields.names().map(|name| format!("{name} = ...")).collect();
        write!(f, "{}({})", self.0.name, fields.join(", "))
    }
}

starlark::methods_static!(METHODS = provider_methods);

#[starlark_value(type = "Provider")]
impl<'v> StarlarkValue<'v> for ProviderInstance {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        self.0.fields.get(attribute).map(|data| store::to_value(data, heap))
    }

    fn dir_attr(&self) -> Vec<String> {
        self.0.fields.names().map(str::to_owned).collect()
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Self>().is_some_and(|other| other.0 == self.0))
    }
}

#[starlark_module]
fn provider_methods(builder: &mut MethodsBuilder) {
    /// The fields as a dict, for making a copy with some of them changed.
    fn to_dict<'v>(this: &ProviderInstance, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let field = |(name, data): (&str, &Data)| (heap.alloc_str(name), store::to_value(data, heap));
        Ok(heap.alloc(AllocDict(this.0.fields.iter().map(field).collect::<Vec<_>>())))
    }
}
