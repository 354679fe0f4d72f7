//! How components came to be: sources, patches and tools, and a workflow for each component
//! that says which of them it was built from. Unaware of what is in components.

use super::elements::{component, property};
use super::is_inside;
use super::wire::{Formula, Link, Resource, Workflow};
use crate::component::ComponentId;
use crate::document::Document;
use crate::relation::Relation;

/// One formula, or none where nothing is known of how anything was made.
pub(super) fn formulas(document: &Document) -> Vec<Formula> {
    let outside = document.components().filter(|(_, it)| !is_inside(it));
    let inside = document.components().filter(|(_, it)| is_inside(it)).map(|(id, _)| id);
    let formula = Formula {
        components: outside.map(|(id, it)| component(document, id, it)).collect(),
        workflows: inside.filter_map(|id| workflow(document, id)).collect(),
    };
    let known = !formula.components.is_empty() || !formula.workflows.is_empty();
    known.then_some(formula).into_iter().collect()
}

fn workflow(document: &Document, id: &ComponentId) -> Option<Workflow> {
    let inputs = inputs(document, id);
    let output = Resource { kind: Some("artifact"), resource: link(id), properties: Vec::new() };
    (!inputs.is_empty()).then(|| Workflow {
        reference: format!("build-{id}"),
        uid: format!("build-{id}"),
        name: format!("build of {}", document.component(id).name),
        task_types: ["build"],
        inputs,
        outputs: vec![output],
    })
}

/// What a component was built from, and as what.
fn inputs(document: &Document, id: &ComponentId) -> Vec<Resource> {
    let mut inputs = Vec::new();
    for (relationship, note) in document.relationships() {
        let (from, to) = (&relationship.from, &relationship.to);
        let is_source = |source: &ComponentId| {
            document
                .relationships()
                .any(|(it, _)| it.relation == Relation::GeneratedFrom && it.from == *id && it.to == *source)
        };
        let role = match relationship.relation {
            Relation::GeneratedFrom if from == id => Some((to, "source")),
            Relation::PatchApplied if to == id || is_source(to) => Some((from, "patch")),
            Relation::BuildToolOf if to == id => Some((from, "tool")),
            Relation::BuildDependencyOf if to == id => Some((from, "dependency")),
            _ => None,
        };
        if let Some((input, role)) = role {
            let note = note.map(|note| property("note", note));
            let properties = [property("role", role)].into_iter().chain(note).collect();
            inputs.push(Resource { kind: None, resource: link(input), properties });
        }
    }
    inputs
}

fn link(id: &ComponentId) -> Link {
    Link { reference: id.to_string() }
}
