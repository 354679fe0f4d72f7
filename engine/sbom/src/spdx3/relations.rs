//! How elements stand to one another: which files are in which component, licences, and
//! what the document states. Unaware of the elements themselves.

use super::wire::{Element, Head, Relationship};
use super::{Names, expression};
use crate::component::ComponentId;
use crate::document::Document;
use crate::relation::Relation;

/// All relationships, numbered in their order.
pub(super) fn relationships(document: &Document, names: &Names<'_>) -> Vec<Element> {
    let mut relationships = stated(document, names);
    for (id, component) in document.components() {
        if !component.files.is_empty() {
            let files = component.files.iter().map(|file| names.of_file(id, &file.path)).collect();
            let mut contains = between(names.of(id), "contains", files);
            contains.completeness = Some("complete");
            relationships.push(contains);
        }
        if let Some(expression) = expression(component) {
            let licence = vec![names.expression(expression)];
            relationships.push(between(names.of(id), "hasDeclaredLicense", licence));
        }
    }
    let numbered = relationships.into_iter().zip(1..);
    let numbered = numbered.map(|(mut relationship, number): (_, u32)| {
        relationship.head = Head::new(names.local(&format!("relationship-{number}")));
        relationship
    });
    let element = |relationship: Relationship| match relationship.scope {
        None => Element::Relationship(relationship),
        Some(_) => Element::ScopedRelationship(relationship),
    };
    numbered.map(element).collect()
}

fn between(from: String, relationship_type: &'static str, to: Vec<String>) -> Relationship {
    Relationship {
        head: Head::new(String::new()),
        from,
        relationship_type,
        to,
        scope: None,
        completeness: None,
        comment: None,
    }
}

/// What the document states; consecutive relationships that differ in their second end
/// only are one.
fn stated(document: &Document, names: &Names<'_>) -> Vec<Relationship> {
    let mut stated: Vec<Relationship> = Vec::new();
    for (relationship, note) in document.relationships() {
        let form = form(relationship.relation);
        let ends = [&relationship.from, &relationship.to].map(|id: &ComponentId| names.of(id));
        let [from, to] = if form.turned { [ends[1].clone(), ends[0].clone()] } else { ends };
        let comment = note.map(str::to_owned);
        match stated.last_mut() {
            Some(last)
                if last.from == from
                    && (last.relationship_type, last.scope) == (form.name, form.scope)
                    && last.comment == comment =>
            {
                last.to.push(to);
            }
            _ => {
                stated.push(Relationship { scope: form.scope, comment, ..between(from, form.name, vec![to]) })
            }
        }
    }
    stated
}

/// How SPDX 3 says a relation.
struct Form {
    name: &'static str,
    /// Whether it is read from the second to the first.
    turned: bool,
    scope: Option<&'static str>,
}

fn form(relation: Relation) -> Form {
    let (name, turned, scope) = match relation {
        Relation::Contains => ("contains", false, None),
        Relation::DependsOn => ("dependsOn", false, Some("runtime")),
        Relation::GeneratedFrom => ("generates", true, None),
        Relation::PatchApplied => ("patchedBy", true, None),
        Relation::BuildToolOf => ("usesTool", true, Some("build")),
        Relation::BuildDependencyOf => ("dependsOn", true, Some("build")),
        Relation::StaticLink => ("hasStaticLink", false, None),
    };
    Form { name, turned, scope }
}
