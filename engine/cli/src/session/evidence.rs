//! What a target says is known of its outputs: `EvidenceInfo`. Unaware of what documents
//! say.

use wiz_graph::{Artifact, ProviderValue, Value};

use super::Built;
use crate::arguments::SbomFormat;
use crate::commands::licenses::Licensed;

/// The evidence of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a>(&'a ProviderValue);

impl<'a> Evidence<'a> {
    /// The evidence of the one target that was asked for, if it has any.
    pub(crate) fn of(built: &'a Built) -> Option<Self> {
        let mut requested = built.requested();
        let target = requested.next()?;
        requested.next().is_none().then(|| target.provider("EvidenceInfo").map(Self))?
    }

    /// Its bill of materials in a form.
    pub(crate) fn document(self, format: SbomFormat) -> Option<&'a Artifact> {
        self.named(format.name())
    }

    /// What it was made from.
    pub(crate) fn provenance(self) -> Option<&'a Artifact> {
        self.named("provenance")
    }

    fn named(self, wanted: &str) -> Option<&'a Artifact> {
        let Some(Value::Dict(documents)) = self.0.fields.get("documents") else { return None };
        documents.iter().find_map(|(name, value)| match value {
            Value::Artifact(artifact) if name == wanted => Some(&**artifact),
            _ => None,
        })
    }

    /// The packages that are known without a build.
    pub(crate) fn packages(self) -> Vec<Licensed> {
        let Some(Value::List(packages)) = self.0.fields.get("packages") else { return Vec::new() };
        packages.iter().filter_map(licensed).collect()
    }
}

fn licensed(value: &Value) -> Option<Licensed> {
    let (Value::Dict(fields) | Value::Struct(fields)) = value else { return None };
    let field = |name: &str| {
        fields.iter().find_map(|(known, value)| match value {
            Value::String(text) if known == name => Some(text.clone()),
            _ => None,
        })
    };
    Some(Licensed { name: field("name")?, version: field("version")?, license: field("license")? })
}
