//! The values that `.star` files work with beyond Starlark's own.

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
