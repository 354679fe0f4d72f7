//! Golden document, and what its bytes depend on.

use expect_test::expect_file;
use serde_json::Value;

use super::*;
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
fn another_content_has_another_serial_number() {
    let number = |document: &Document| parsed(document)["serialNumber"].as_str().unwrap().to_owned();
    let first = number(&document(facts()));
    assert_eq!(first, number(&document(facts())));
    assert_ne!(first, number(&document(Facts { created: 1, ..facts() })));
    let fields: Vec<&str> = first.trim_start_matches("urn:uuid:").split('-').collect();
    assert_eq!(fields.iter().map(|field| field.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(fields[2].starts_with('8') && fields[3].starts_with(['8', '9', 'a', 'b']), "{first}");
}

#[test]
fn what_things_are_made_of_is_apart_from_what_is_in_them() {
    let mut document = document(facts());
    let (library, make) = (id("package/libstdc++"), id("tool/make"));
    document.add(make.clone(), Component::new(Purpose::Tool, "make")).unwrap();
    document.relate(&make, Relation::BuildToolOf, &library, None).unwrap();
    let bom = parsed(&document);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&bom["components"]), ["libstdc++"]);
    assert_eq!(names(&bom["formulation"][0]["components"]), ["fix.patch", "gcc", "make"]);
    let inputs = bom["formulation"][0]["workflows"][0]["inputs"].as_array().unwrap();
    let inputs: Vec<String> = inputs
        .iter()
        .map(|it| format!("{} {}", it["properties"][0]["value"].as_str().unwrap(), it["resource"]["ref"]))
        .collect();
    assert_eq!(inputs, ["source \"source/gcc\"", "patch \"patch/fix.patch\"", "tool \"tool/make\""]);
}
