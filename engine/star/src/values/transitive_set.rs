//! Transitive sets as values of the language: types declared by `transitive_set()`,
//! instances made by `ctx.actions.tset()`.

use std::collections::BTreeMap;
use std::sync::Arc;

use allocative::Allocative;
use starlark::environment::{Methods, MethodsBuilder};
use starlark::eval::Evaluator;
use starlark::values::dict::DictRef;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::none::NoneOr;
use starlark::values::{
    Freeze, FreezeResult, Freezer, FrozenValue, Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLifetimeless, ValueLike, starlark_value,
};
use starlark::{starlark_module, starlark_simple_value};
use wiz_base::RelPath;
use wiz_graph::{Arguments, SetNode, TransitiveSet, Value as Data};

use crate::codes;
use crate::refusal::Refusal;
use crate::store;
use crate::suggest::did_you_mean;
use crate::values::cmd_args::{CmdArgs, CommandLine};
use crate::values::provider::Identity;

/// A type of transitive sets.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct SetTypeGen<V: ValueLifetimeless> {
    #[trace(unsafe_ignore)]
    identity: Arc<Identity>,
    projections: Vec<Projection<V>>,
}

/// A function from a node's value to arguments or data.
#[derive(Debug, Trace, Allocative)]
struct Projection<V: ValueLifetimeless> {
    #[trace(unsafe_ignore)]
    name: String,
    #[trace(unsafe_ignore)]
    to_arguments: bool,
    function: V,
}

impl<'v> SetTypeGen<Value<'v>> {
    /// A type with the functions in two dicts.
    pub(crate) fn new(
        module: RelPath,
        args: Option<Value<'v>>,
        json: Option<Value<'v>>,
    ) -> Result<Self, Refusal> {
        let mut projections = Vec::new();
        for (value, to_arguments) in [(args, true), (json, false)] {
            let Some(value) = value else { continue };
            let malformed = || Refusal::new(codes::DECLARATION, "projections are a dict of name to function");
            let dict = DictRef::from_value(value).ok_or_else(malformed)?;
            for (name, function) in dict.iter() {
                let name = name.unpack_str().ok_or_else(malformed)?.to_owned();
                projections.push(Projection { name, to_arguments, function });
            }
        }
        Ok(Self { identity: Identity::unnamed(module), projections })
    }
}

/// A set of type `ty`: `value` and `children`.
pub(crate) fn make<'v>(
    ty: Value<'v>,
    value: Option<Value<'v>>,
    children: Value<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<SetInstance> {
    let Some(ty) = ty.downcast_ref::<SetTypeGen<FrozenValue>>() else {
        let message = format!("`tset()` takes a transitive set's type, got `{}`", ty.get_type());
        return Err(Refusal::new(codes::PROVIDER_VALUE, message).into());
    };
    let name = ty.identity.exported("transitive set")?.to_owned();
    let module = ty.identity.module.to_string();
    let children = children_of(children, &ty.identity, &name)?;
    let mut projections = BTreeMap::new();
    if let Some(value) = value {
        for projection in &ty.projections {
            let projected = eval.eval_function(projection.function.to_value(), &[value], &[])?;
            projections.insert(projection.name.clone(), projection.data(projected)?);
        }
    }
    let value = value.map(store::to_data).transpose().map_err(|refusal| Refusal {
        message: format!("the value of `{name}` {}", refusal.message),
        ..refusal
    })?;
    Ok(SetInstance(TransitiveSet::new(SetNode { name, module, value, projections, children })))
}

impl<V: ValueLifetimeless> Projection<V> {
    fn data(&self, value: Value) -> Result<Data, Refusal> {
        let data = if self.to_arguments {
            CommandLine::of(&[value])
                .and_then(CommandLine::into_arguments)
                .map(|line| Data::Arguments(Box::new(line)))
        } else {
            store::to_data(value)
        };
        data.map_err(|refusal| Refusal {
            message: format!("the projection `{}` {}", self.name, refusal.message),
            ..refusal
        })
    }
}

fn children_of(value: Value, ty: &Identity, name: &str) -> Result<Vec<TransitiveSet>, Refusal> {
    let malformed = |value: Value| {
        let message = format!("the children of `{name}` are sets of the same type, got `{}`", value.to_str());
        Refusal::new(codes::PROVIDER_VALUE, message)
    };
    let child = |value: Value| {
        let set = value.downcast_ref::<SetInstance>().ok_or_else(|| malformed(value))?;
        let node = set.0.node();
        if ty.is(&node.name, &node.module) { Ok(set.0.clone()) } else { Err(malformed(value)) }
    };
    ListRef::from_value(value).ok_or_else(|| malformed(value))?.iter().map(child).collect()
}

impl<'v> Freeze for SetTypeGen<Value<'v>> {
    type Frozen = SetTypeGen<FrozenValue>;

    fn freeze(self, freezer: &Freezer) -> FreezeResult<Self::Frozen> {
        let projection = |projection: Projection<Value<'v>>| {
            let Projection { name, to_arguments, function } = projection;
            Ok(Projection { name, to_arguments, function: function.freeze(freezer)? })
        };
        let projections = self.projections.into_iter().map(projection).collect::<FreezeResult<_>>()?;
        Ok(SetTypeGen { identity: self.identity, projections })
    }
}

impl<V: ValueLifetimeless> std::fmt::Display for SetTypeGen<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.identity.name().unwrap_or("transitive_set"))
    }
}

#[starlark_value(type = "TransitiveSetType")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for SetTypeGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    type Canonical = SetTypeGen<FrozenValue>;

    fn export_as(&self, name: &str, _eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<()> {
        self.identity.name_it(name);
        Ok(())
    }
}

/// A transitive set.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct SetInstance(#[allocative(skip)] pub(crate) TransitiveSet);

starlark_simple_value!(SetInstance);

impl std::fmt::Display for SetInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(...)", self.0.node().name)
    }
}

starlark::methods_static!(METHODS = set_methods);

#[starlark_value(type = "TransitiveSet")]
impl<'v> StarlarkValue<'v> for SetInstance {
    fn get_methods() -> Option<&'static Methods> {
        Some(METHODS.methods())
    }
}

#[starlark_module]
fn set_methods(builder: &mut MethodsBuilder) {
    /// The node's own value.
    #[starlark(attribute)]
    fn value<'v>(this: &SetInstance, heap: Heap<'v>) -> starlark::Result<NoneOr<Value<'v>>> {
        Ok(match &this.0.node().value {
            Some(data) => NoneOr::Other(store::to_value(data, heap)),
            None => NoneOr::None,
        })
    }

    /// All values in preorder, each node once.
    fn traverse<'v>(this: &SetInstance, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let values = this.0.nodes().into_iter().filter_map(|node| node.value.as_ref());
        Ok(heap.alloc(AllocList(values.map(|data| store::to_value(data, heap)).collect::<Vec<_>>())))
    }

    /// The arguments that a projection makes of all values, in preorder.
    fn project_as_args(
        this: &SetInstance,
        #[starlark(require = pos)] projection: &str,
    ) -> starlark::Result<CmdArgs> {
        let mut arguments = Arguments::default();
        for data in projected(&this.0, projection)? {
            if let Data::Arguments(some) = data {
                arguments.items.extend(some.items.iter().cloned());
                arguments.hidden.extend(some.hidden.iter().cloned());
            }
        }
        Ok(CmdArgs::new(CommandLine { arguments, hidden_outputs: Vec::new() }))
    }

    /// What a projection makes of all values, in preorder.
    fn project_as_json<'v>(
        this: &SetInstance,
        #[starlark(require = pos)] projection: &str,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let values = projected(&this.0, projection)?;
        Ok(heap
            .alloc(AllocList(values.into_iter().map(|data| store::to_value(data, heap)).collect::<Vec<_>>())))
    }
}

fn projected<'s>(set: &'s TransitiveSet, projection: &str) -> Result<Vec<&'s Data>, Refusal> {
    let nodes: Vec<_> = set.nodes().into_iter().filter(|node| node.value.is_some()).collect();
    let data = |node: &&'s SetNode| {
        node.projections.get(projection).ok_or_else(|| {
            let message = format!("`{}` has no projection `{projection}`", node.name);
            let names = node.projections.keys().map(String::as_str);
            Refusal::new(codes::PROVIDER_VALUE, message).maybe_hint(did_you_mean(projection, names))
        })
    };
    nodes.iter().map(data).collect()
}
