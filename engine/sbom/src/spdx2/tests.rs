//! Golden document, and what its bytes depend on.

use expect_test::expect_file;

use super::*;
use crate::component::{Component, Purpose};
use crate::document::Facts;
use crate::sample::{document, facts, id};

#[test]
fn the_document_is_these_bytes() {
    let text = String::from_utf8(write(&document(facts()))).unwrap();
    // The line breaks are for people; there are none in the document.
    assert!(!text.contains('\n'));
    expect_file!["golden.txt"].assert_eq(&text.replace(",\"", ",\n\"").replace("},{", "},\n{"));
}

#[test]
fn another_content_has_another_namespace() {
    let namespace = |document: &Document| {
        let value: serde_json::Value = serde_json::from_slice(&write(document)).unwrap();
        value["documentNamespace"].as_str().unwrap().to_owned()
    };
    let first = namespace(&document(facts()));
    assert_eq!(first, namespace(&document(facts())));
    assert_ne!(first, namespace(&document(Facts { created: 1, ..facts() })));
}

#[test]
fn names_that_look_alike_have_their_own_identifiers() {
    let mut document = document(facts());
    for name in ["a+b", "a-b", "a b"] {
        document.add(id(name), Component::new(Purpose::Tool, name)).unwrap();
    }
    let identifiers = Identifiers::new(&document);
    let given: Vec<&str> = ["a b", "a+b", "a-b"].iter().map(|name| identifiers.of(&id(name))).collect();
    assert_eq!(given, ["SPDXRef-a-b", "SPDXRef-a-b-2", "SPDXRef-a-b-3"]);
}
