//! Golden document, and what its bytes depend on.

use expect_test::{expect, expect_file};
use serde_json::Value;

use super::*;
use crate::component::{ComponentId, Purpose};
use crate::cpe::Cpe;
use crate::document::Facts;
use crate::relation::Relation;
use crate::sample::{document, facts, id};

fn parsed(document: &Document) -> Value {
    serde_json::from_slice(&write(document)).unwrap()
}

#[test]
fn the_document_is_these_bytes() {
    let text = String::from_utf8(write(&document(facts()))).unwrap();
    // The line breaks are for people; there are none in the document.
    assert!(!text.contains('\n'));
    expect_file!["golden.txt"].assert_eq(&text.replace(",\"", ",\n\"").replace("},{", "},\n{"));
}

#[test]
fn every_element_is_named_once_below_the_document() {
    let graph = parsed(&document(facts()));
    let ids: Vec<&str> =
        graph["@graph"].as_array().unwrap().iter().filter_map(|it| it["spdxId"].as_str()).collect();
    let own = ids.iter().find(|id| !id.contains('#')).unwrap();
    assert!(ids.iter().all(|id| id.starts_with(*own)), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[test]
fn another_content_has_another_name() {
    let name = |document: &Document| parsed(document)["@graph"][1]["spdxId"].as_str().unwrap().to_owned();
    let first = name(&document(facts()));
    assert_eq!(first, name(&document(facts())));
    assert_ne!(first, name(&document(Facts { created: 1, ..facts() })));
}

#[test]
fn relations_are_said_as_spdx_3_says_them() {
    let mut document = document(facts());
    let add = |document: &mut Document, name: &str, purpose| {
        let cpe = Some(Cpe::new("cpe:2.3:a:gnu:glibc", "2").unwrap());
        document.add(id(name), Component { cpe, ..Component::new(purpose, name) }).unwrap();
        id(name)
    };
    let library = id("package/libstdc++");
    let tool = add(&mut document, "make", Purpose::Tool);
    let [one, two] = ["one", "two"].map(|name| add(&mut document, name, Purpose::Package));
    let mut relate = |from: &ComponentId, relation, to: &ComponentId| {
        document.relate(from, relation, to, None).unwrap();
    };
    relate(&library, Relation::DependsOn, &one);
    relate(&library, Relation::DependsOn, &two);
    relate(&library, Relation::StaticLink, &one);
    relate(&tool, Relation::BuildToolOf, &library);
    relate(&one, Relation::BuildDependencyOf, &library);
    let said: String = parsed(&document)["@graph"].as_array().unwrap().iter().filter_map(relation).collect();
    expect![[r#"
        SPDXRef-image-base contains SPDXRef-package-libstdc-- ("Relationship" -)
        SPDXRef-package-libstdc-- usesTool SPDXRef-make ("LifecycleScopedRelationship" build)
        SPDXRef-package-libstdc-- dependsOn SPDXRef-one ("LifecycleScopedRelationship" build)
        SPDXRef-package-libstdc-- dependsOn SPDXRef-one SPDXRef-two ("LifecycleScopedRelationship" runtime)
        SPDXRef-source-gcc generates SPDXRef-package-libstdc-- ("Relationship" -)
        SPDXRef-package-libstdc-- hasStaticLink SPDXRef-one ("Relationship" -)
        SPDXRef-source-gcc patchedBy SPDXRef-patch-fix.patch ("Relationship" -)
        SPDXRef-package-libstdc-- contains SPDXRef-File-b6edb0bfa2f60b7f1609 SPDXRef-File-654dacf516225da49522 ("Relationship" -)
        SPDXRef-package-libstdc-- hasDeclaredLicense licence-2 ("Relationship" -)
    "#]].assert_eq(&said);
}

fn relation(element: &Value) -> Option<String> {
    let name = |url: &Value| url.as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let kind = element["relationshipType"].as_str()?;
    let to: Vec<String> = element["to"].as_array().unwrap().iter().map(name).collect();
    let scope = element["scope"].as_str().unwrap_or("-");
    Some(format!("{} {kind} {} ({} {scope})\n", name(&element["from"]), to.join(" "), element["type"]))
}
