//! Attributes of rules: their types, and the values definitions give them before a
//! platform is known. Unaware of which targets exist.

pub(crate) mod coerce;
pub(crate) mod kind;

use std::sync::Arc;

use wiz_base::{Label, RelPath};
use wiz_graph::{Fingerprints, Ink, Value as Data};

use crate::attribute::kind::{Kind, Requirement};

/// One attribute of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// What values it takes.
    pub(crate) kind: Kind,
    /// What it is when a definition does not say.
    pub(crate) default: Option<Given>,
    /// For people.
    pub(crate) doc: String,
}

/// A value as a definition gives it: typed, its labels parsed, its selects not yet made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// Data without anything to resolve.
    Data(Data),
    /// A file or folder of the workspace.
    Source(RelPath),
    /// Another target.
    Target {
        /// Its name.
        label: Label,
        /// How it is depended on, and what for.
        requirement: Arc<Requirement>,
    },
    /// A toolchain, by its type.
    Toolchain {
        /// The type, a key of `workspace(toolchains = ...)`.
        name: String,
        /// What it must have.
        requirement: Arc<Requirement>,
        /// Whether there may be none for the platform.
        optional: bool,
    },
    /// A list with something to resolve in it.
    List(Vec<Given>),
    /// A dict with something to resolve in it.
    Dict(Vec<(String, Given)>),
    /// A choice by platform, in the order it was written.
    Select(Vec<(String, Given)>),
    /// Two values to add once choices are made.
    Sum(Box<(Given, Given)>),
}

impl Given {
    /// Takes it in. What is required of targets is the rule's business, whose file has a
    /// fingerprint of its own.
    pub(crate) fn fingerprint(&self, fingerprints: &Fingerprints, ink: &mut Ink) {
        match self {
            Self::Data(data) => fingerprints.value(data, ink.tag(0)),
            Self::Source(path) => {
                ink.tag(1).text(path.as_str());
            }
            Self::Target { label, .. } => {
                ink.tag(2).text(label.package().as_str()).text(label.name());
            }
            Self::Toolchain { name, optional, .. } => {
                ink.tag(3).tag(u8::from(*optional)).text(name);
            }
            Self::List(items) => {
                ink.tag(4).number(items.len() as u64);
                items.iter().for_each(|item| item.fingerprint(fingerprints, ink));
            }
            Self::Dict(entries) => entries_in(entries, fingerprints, ink.tag(5)),
            Self::Select(branches) => entries_in(branches, fingerprints, ink.tag(6)),
            Self::Sum(terms) => {
                terms.0.fingerprint(fingerprints, ink.tag(7));
                terms.1.fingerprint(fingerprints, ink);
            }
        }
    }
}

fn entries_in(entries: &[(String, Given)], fingerprints: &Fingerprints, ink: &mut Ink) {
    ink.number(entries.len() as u64);
    for (key, value) in entries {
        value.fingerprint(fingerprints, ink.text(key));
    }
}
