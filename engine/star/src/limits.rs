//! How much one evaluation may use. The limits stop runaways; honest definitions stay
//! far below.
//!
//! Steps and memory are looked at before each statement. What one built-in function
//! allocates in one go is not bounded by that: products of texts and lists are checked
//! apart, `list(range(n))` and the like are left to the process's own memory limit.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use starlark::codemap::FileSpanRef;
use starlark::environment::GlobalsBuilder;
use starlark::eval::{BeforeStmtFunc, BeforeStmtFuncDyn, Evaluator};
use starlark::starlark_module;
use starlark::syntax::AstModule;
use starlark::values::Value;

use crate::codes;
use crate::refusal::Refusal;

/// Calls and loop rounds of one file or one target's rule.
pub(crate) const STEPS: u64 = 10_000_000;
/// Bytes on the heap of one file or one target's rule.
pub(crate) const HEAP_BYTES: usize = 256 << 20;
/// Calls within calls.
pub(crate) const CALL_DEPTH: usize = 200;
/// Items of a product of a list, characters of a product of a text.
const PRODUCT: i64 = 1 << 24;

/// The operator whose result can be larger than what has been looked at. Files call the
/// function of that name instead, which no variable can hide.
const MULTIPLY: &str = "*";

/// Sets the limits; before evaluation.
pub(crate) fn set<'a, 'e: 'a>(eval: &mut Evaluator<'_, 'a, 'e>) {
    eval.set_max_callstack_size(CALL_DEPTH).expect("the limit is positive and set once");
    eval.set_max_tick_count(2 * STEPS).expect("the limit is positive and set once");
    eval.before_stmt_for_dap(BeforeStmtFunc::from_dyn(Box::new(Watch)));
}

/// Looks at what has been used.
struct Watch;

impl<'e> BeforeStmtFuncDyn<'e> for Watch {
    fn call<'v>(
        &mut self,
        _place: FileSpanRef,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        if eval.heap().allocated_bytes() > HEAP_BYTES {
            let message = format!("evaluation uses more than {} MiB of memory", HEAP_BYTES >> 20);
            let refusal = Refusal::new(codes::MEMORY, message);
            return Err(refusal.hint("look for a list or text that grows with itself").into());
        }
        if eval.get_total_tick_count() > STEPS {
            let message = format!("evaluation takes more than {STEPS} steps");
            let refusal = Refusal::new(codes::STEPS, message);
            return Err(refusal.hint("look for a loop that grows with its own result").into());
        }
        Ok(())
    }
}

/// Makes a file's products go through [`multiply`].
#[expect(clippy::disallowed_types, reason = "the evaluator takes no other map")]
pub(crate) fn watch_products(ast: &mut AstModule) {
    let replaced = BTreeMap::from([(MULTIPLY.to_owned(), MULTIPLY.to_owned())]);
    ast.replace_binary_operators(&replaced.into_iter().collect::<std::collections::HashMap<_, _>>());
}

/// Adds what [`watch_products`] calls.
pub(crate) fn functions(builder: &mut GlobalsBuilder) {
    let products = GlobalsBuilder::new().with(products).build();
    builder.frozen_heap().add_reference(products.heap());
    for (_, multiply) in products.iter() {
        builder.set(MULTIPLY, multiply);
    }
}

#[starlark_module]
fn products(builder: &mut GlobalsBuilder) {
    /// The product of two values, unless it is unreasonably large.
    fn multiply<'v>(
        #[starlark(require = pos)] left: Value<'v>,
        #[starlark(require = pos)] right: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        for (factor, sequence) in [(left, right), (right, left)] {
            if let (Some(factor), Ok(length)) = (factor.unpack_i32(), sequence.length())
                && i64::from(factor) * i64::from(length) > PRODUCT
            {
                let message = format!("a product has more than {PRODUCT} items or characters");
                return Err(Refusal::new(codes::MEMORY, message).into());
            }
        }
        left.mul(right, eval.heap())
    }
}

/// Runs an evaluation; the evaluator panics where a value outgrows its representation.
pub(crate) fn contained<R>(evaluation: impl FnOnce() -> R) -> Result<R, Refusal> {
    catch_unwind(AssertUnwindSafe(evaluation)).map_err(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Refusal::new(codes::MEMORY, format!("evaluation was stopped: {reason}"))
    })
}
