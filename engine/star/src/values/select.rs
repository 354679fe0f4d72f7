//! `select()`: a value that depends on the platform, before the platform is known.

use allocative::Allocative;
use starlark::values::dict::DictRef;
use starlark::values::{
    Freeze, FreezeResult, Freezer, FrozenValue, Heap, NoSerialize, ProvidesStaticType, StarlarkPagablePanic,
    StarlarkValue, Trace, Value, ValueLifetimeless, ValueLike, starlark_value,
};

use crate::codes;
use crate::refusal::Refusal;

/// A choice, or a sum that has a choice in it.
#[derive(Debug, Trace, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(crate) struct SelectGen<V: ValueLifetimeless>(Term<V>);

#[derive(Debug, Trace, Allocative)]
enum Term<V: ValueLifetimeless> {
    /// A dict of condition to value.
    Choice(V),
    /// Two values to add, at least one of them a `select()`.
    Sum(V, V),
}

/// What a `select()` is made of.
pub(crate) enum Parts<'v> {
    /// Condition and value, in the order they were written.
    Choice(Vec<(String, Value<'v>)>),
    /// Two values to add.
    Sum(Value<'v>, Value<'v>),
}

impl<'v> SelectGen<Value<'v>> {
    pub(crate) fn choice(branches: Value<'v>) -> Result<Self, Refusal> {
        let malformed = || {
            let message = format!("`select()` takes a dict of conditions, got `{}`", branches.get_type());
            Refusal::new(codes::SELECT, message).hint("select({\"x86_64\": ..., \"DEFAULT\": ...})")
        };
        let dict = DictRef::from_value(branches).ok_or_else(malformed)?;
        if dict.iter().next().is_none() {
            return Err(Refusal::new(codes::SELECT, "`select()` has no branches"));
        }
        if let Some((key, _)) = dict.iter().find(|(key, _)| key.unpack_str().is_none()) {
            let message = format!("a condition of `select()` is text, got `{}`", key.get_type());
            return Err(Refusal::new(codes::SELECT, message));
        }
        Ok(Self(Term::Choice(branches)))
    }

    fn sum(left: Value<'v>, right: Value<'v>, heap: Heap<'v>) -> Value<'v> {
        heap.alloc_complex(Self(Term::Sum(left, right)))
    }
}

impl<'v, V: ValueLike<'v>> SelectGen<V> {
    /// Operators are not handed the value itself, so it is made again.
    fn copied(&self, heap: Heap<'v>) -> Value<'v> {
        heap.alloc_complex(SelectGen(match &self.0 {
            Term::Choice(branches) => Term::Choice(branches.to_value()),
            Term::Sum(left, right) => Term::Sum(left.to_value(), right.to_value()),
        }))
    }

    fn parts(&self) -> Parts<'v> {
        match &self.0 {
            Term::Sum(left, right) => Parts::Sum(left.to_value(), right.to_value()),
            Term::Choice(branches) => {
                let dict = DictRef::from_value(branches.to_value());
                let branch =
                    |(key, value): (Value<'v>, Value<'v>)| Some((key.unpack_str()?.to_owned(), value));
                Parts::Choice(dict.map(|dict| dict.iter().filter_map(branch).collect()).unwrap_or_default())
            }
        }
    }
}

/// The parts of a value that is a `select()`.
pub(crate) fn parts(value: Value<'_>) -> Option<Parts<'_>> {
    match value.unpack_frozen() {
        Some(_) => value.downcast_ref::<SelectGen<FrozenValue>>().map(SelectGen::parts),
        None => value.downcast_ref::<SelectGen<Value<'_>>>().map(SelectGen::parts),
    }
}

impl<'v> Freeze for SelectGen<Value<'v>> {
    type Frozen = SelectGen<FrozenValue>;

    fn freeze(self, freezer: &Freezer) -> FreezeResult<Self::Frozen> {
        Ok(SelectGen(match self.0 {
            Term::Choice(branches) => Term::Choice(branches.freeze(freezer)?),
            Term::Sum(left, right) => Term::Sum(left.freeze(freezer)?, right.freeze(freezer)?),
        }))
    }
}

impl<V: ValueLifetimeless> std::fmt::Display for SelectGen<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("select(...)")
    }
}

#[starlark_value(type = "select")]
impl<'v, V: ValueLike<'v>> StarlarkValue<'v> for SelectGen<V>
where
    Self: ProvidesStaticType<'v>,
{
    type Canonical = SelectGen<FrozenValue>;

    fn add(&self, right: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(SelectGen::sum(self.copied(heap), right, heap)))
    }

    fn radd(&self, left: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(SelectGen::sum(left, self.copied(heap), heap)))
    }
}
