//! How much one evaluation may use. The limits stop runaways; honest definitions stay far below.

use starlark::eval::Evaluator;

use crate::codes;
use crate::refusal::Refusal;

/// Calls and loop rounds of one file or one target's rule.
pub(crate) const STEPS: u64 = 20_000_000;
/// Bytes on the heap of one file or one target's rule.
pub(crate) const HEAP_BYTES: usize = 512 << 20;
/// Calls within calls.
pub(crate) const CALL_DEPTH: usize = 200;

/// Sets the limits; before evaluation.
pub(crate) fn set(eval: &mut Evaluator) {
    let limits = [
        eval.set_max_tick_count(STEPS),
        eval.set_max_heap_size(HEAP_BYTES),
        eval.set_max_callstack_size(CALL_DEPTH),
    ];
    for limit in limits {
        limit.expect("limits are positive and set once");
    }
}

/// Which limit, if any, an evaluation that failed ran into.
pub(crate) fn exceeded(eval: &mut Evaluator) -> Option<Refusal> {
    if eval.get_total_tick_count() > STEPS {
        let message = format!("evaluation takes more than {STEPS} steps");
        return Some(Refusal::new(codes::STEPS, message).hint("look for a loop that grows with its own result"));
    }
    let used = eval.heap().peak_allocated_bytes() + eval.frozen_heap().allocated_bytes();
    if used > HEAP_BYTES {
        let message = format!("evaluation uses more than {} MiB of memory", HEAP_BYTES >> 20);
        return Some(Refusal::new(codes::MEMORY, message).hint("look for a list or text that grows with itself"));
    }
    None
}
