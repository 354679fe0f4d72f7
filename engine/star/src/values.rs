//! The values that `.star` files work with beyond Starlark's own.

#[expect(clippy::too_many_arguments, reason = "a command's parameters are named where it is declared")]
pub(crate) mod actions;
pub(crate) mod artifact;
pub(crate) mod attribute;
pub(crate) mod cmd_args;
pub(crate) mod context;
pub(crate) mod dependency;
pub(crate) mod label;
pub(crate) mod platform;
pub(crate) mod provider;
pub(crate) mod provider_field;
pub(crate) mod rule;
pub(crate) mod select;
pub(crate) mod transitive_set;

use starlark::values::Value;

/// A value as messages show it: its text, cut short, and its type.
pub(crate) fn shown(value: Value) -> String {
    const LENGTH: usize = 60;
    let text = value.to_repr();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("`{}...` ({})", &text[..end], value.get_type()),
        None => format!("`{text}` ({})", value.get_type()),
    }
}
