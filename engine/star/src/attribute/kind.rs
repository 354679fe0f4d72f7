//! The types of attributes.

use std::sync::Arc;

use crate::suggest::one_of;
use crate::values::provider::Identity;

/// What values an attribute, or a part of one, takes.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Text.
    String,
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// One of these texts.
    Enum(Arc<[String]>),
    /// A list.
    List(Arc<Kind>),
    /// A dict; its keys are texts.
    Dict(Arc<Kind>, Arc<Kind>),
    /// A value or `None`.
    Option(Arc<Kind>),
    /// The first of these that fits.
    OneOf(Arc<[Kind]>),
    /// A tuple of as many items.
    Tuple(Arc<[Kind]>),
    /// Any data.
    Any,
    /// A target's name without a dependency on it.
    Label,
    /// A file of the package, or a target's single output.
    Source {
        /// Whether a folder will do.
        allow_directory: bool,
        /// For a target in its place.
        requirement: Arc<Requirement>,
    },
    /// A target.
    Target(Arc<Requirement>),
    /// A toolchain, by its type.
    Toolchain(Arc<Requirement>),
}

/// How a target is depended on, and what for.
#[derive(Debug)]
pub(crate) struct Requirement {
    /// The platform it is configured for.
    pub(crate) edge: Edge,
    /// What the rule takes of it.
    pub(crate) want: Want,
}

impl PartialEq for Requirement {
    /// Requirements are never made twice: each belongs to one attribute.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// The platform a dependency is configured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The platform of the target that depends on it.
    Same,
    /// The platform actions run on.
    Execution,
}

/// What a rule takes of a dependency.
#[derive(Debug)]
pub(crate) enum Want {
    /// Its providers, these at least.
    Providers(Vec<Arc<Identity>>),
    /// Its single output.
    Artifact,
}

impl Kind {
    /// What the kind takes, for messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::String => "text".to_owned(),
            Self::Bool => "`True` or `False`".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Enum(values) => one_of(values),
            Self::List(inner) => format!("a list of {}", inner.plural()),
            Self::Dict(key, value) => format!("a dict of {} to {}", key.plural(), value.plural()),
            Self::Option(inner) => format!("{} or `None`", inner.describe()),
            Self::OneOf(kinds) => join(kinds, " or ", Self::describe),
            Self::Tuple(kinds) => format!("a tuple of {}", join(kinds, ", ", Self::describe)),
            Self::Any => "data".to_owned(),
            Self::Label | Self::Target(_) => "a label".to_owned(),
            Self::Source { .. } => "a file of the package or a label".to_owned(),
            Self::Toolchain(_) => "a toolchain type".to_owned(),
        }
    }

    /// What several of the kind are.
    fn plural(&self) -> String {
        match self {
            Self::String => "texts".to_owned(),
            Self::Int => "whole numbers".to_owned(),
            Self::List(inner) => format!("lists of {}", inner.plural()),
            Self::Dict(key, value) => format!("dicts of {} to {}", key.plural(), value.plural()),
            Self::Option(inner) => format!("{} or `None`", inner.plural()),
            Self::OneOf(kinds) => join(kinds, " or ", Self::plural),
            Self::Tuple(kinds) => format!("tuples of {}", join(kinds, ", ", Self::describe)),
            Self::Label | Self::Target(_) => "labels".to_owned(),
            Self::Source { .. } => "files of the package or labels".to_owned(),
            Self::Toolchain(_) => "toolchain types".to_owned(),
            Self::Bool | Self::Enum(_) | Self::Any => self.describe(),
        }
    }
}

fn join(kinds: &[Kind], separator: &str, describe: fn(&Kind) -> String) -> String {
    kinds.iter().map(describe).collect::<Vec<_>>().join(separator)
}
