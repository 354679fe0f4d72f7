//! Data that providers and attributes are made of, with one stored form.

use std::collections::BTreeMap;
use std::sync::Arc;

use wiz_base::{Label, RelPath};

use crate::action::Argument;
use crate::artifact::Artifact;
use crate::fields::Fields;
use crate::transitive_set::TransitiveSet;

/// A provider's field, or an attribute.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    String(String),
    /// A list or tuple.
    List(Vec<Value>),
    /// A dict with text keys, in the order they were written.
    Dict(Vec<(String, Value)>),
    /// A struct or record, in the order its fields were written.
    Struct(Vec<(String, Value)>),
    /// A target's name.
    Label(Label),
    /// Something an action may read.
    Artifact(Box<Artifact>),
    /// Arguments of a command line.
    Arguments(Box<Arguments>),
    /// A provider within a provider; shared in memory, written out in full.
    Provider(Arc<ProviderValue>),
    /// A transitive set.
    Set(TransitiveSet),
}

/// Arguments of a command line, in order, with what they need but do not name.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Arguments {
    /// The arguments.
    pub items: Vec<Argument>,
    /// Inputs that no argument names.
    pub hidden: Vec<Artifact>,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ProviderValue {
    /// The name it was exported under.
    pub name: String,
    /// The file that defines it; empty for built-in ones.
    pub module: String,
    /// All its fields.
    pub fields: Fields,
}

impl ProviderValue {
    /// The artifacts in a field that holds one artifact, a list of them, or nothing.
    #[must_use]
    pub fn artifacts<'a>(&'a self, field: &str) -> Vec<&'a Artifact> {
        match self.fields.get(field) {
            Some(Value::Artifact(artifact)) => vec![&**artifact],
            Some(Value::List(values)) => {
                let artifact = |value: &'a Value| match value {
                    Value::Artifact(artifact) => Some(&**artifact),
                    _ => None,
                };
                values.iter().filter_map(artifact).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A parameter of a native action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Param {
    /// Nothing.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Param>),
    /// A dict.
    Dict(BTreeMap<String, Param>),
    /// Something the action reads.
    Input(Artifact),
    /// The text of a small file the action reads.
    TextOf(Artifact),
    /// A declared output, by its path.
    Output(RelPath),
}

impl Param {
    /// Calls `visit` for every artifact in reading order.
    pub fn visit_inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Artifact)) {
        match self {
            Self::Input(artifact) | Self::TextOf(artifact) => visit(artifact),
            Self::List(items) => items.iter().for_each(|item| item.visit_inputs(visit)),
            Self::Dict(items) => items.values().for_each(|item| item.visit_inputs(visit)),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::String(_) | Self::Output(_) => {}
        }
    }
}
