//! Golden document, and what its bytes depend on.

use std::collections::BTreeMap;

use expect_test::expect_file;
use wiz_base::RelPath;

use super::*;
use crate::component::{Component, ComponentId, FileDigests, FileRecord, Purpose};
use crate::document::Facts;
use crate::licence::{Licence, LicenceRef};
use crate::purl::{ApkName, Purl};

fn id(text: &str) -> ComponentId {
    ComponentId::new(text)
}

fn file(path: &str, content: &str) -> FileRecord {
    let digests = FileDigests::read(content.as_bytes()).unwrap();
    FileRecord { path: RelPath::new(path).unwrap(), digests }
}

fn package_of(name: &str, origin: &str, licence: &str) -> Component {
    let apk = ApkName {
        distribution: "wizos",
        distribution_version: "1.0",
        name,
        version: "14.2.0-r3",
        architecture: "x86_64",
        origin,
    };
    Component {
        version: Some("14.2.0-r3".into()),
        summary: Some("C++ \"standard\" library".into()),
        origin: Some(origin.into()),
        licence: Some(Licence::parse(licence).unwrap()),
        supplier: Some(Party::organization("WizOS")),
        purl: Some(Purl::apk(apk)),
        homepage: Some("https://gcc.gnu.org".into()),
        files: vec![file("usr/lib/libz.so", "b"), file("usr/lib/liba.so", "a")],
        note: Some("start files come from the seed compiler".into()),
        ..Component::new(Purpose::Package, name)
    }
}

fn source() -> Component {
    let sha256 = [0xcd; 32];
    Component {
        version: Some("14.2.0".into()),
        purl: Some(Purl::archive("gcc", "14.2.0", None, &sha256)),
        locations: vec!["debian:pool/main/g/gcc.tar.xz".into(), "https://gcc.gnu.org/gcc.tar.xz".into()],
        sha256: Some(sha256),
        ..Component::new(Purpose::Source, "gcc")
    }
}

fn facts() -> Facts {
    Facts {
        name: "base image".into(),
        namespace: "https://wizos.example/spdx/".into(),
        created: 946_684_800,
        author: Party::Person { name: "A. Writer".into(), email: Some("a@wizos.example".into()) },
        tool: "wiz".into(),
        note: None,
    }
}

fn document(facts: Facts) -> Document {
    let licences = BTreeMap::from([(LicenceRef::parse("LicenseRef-own").unwrap(), "Own text.".to_owned())]);
    let mut document =
        Document::new(facts, licences, id("image/base"), Component::new(Purpose::Image, "base")).unwrap();
    let (library, archive, patch) = (id("package/libstdc++"), id("source/gcc"), id("patch/fix.patch"));
    document.add(library.clone(), package_of("libstdc++", "gcc", "MIT AND LicenseRef-own")).unwrap();
    document.add(archive.clone(), source()).unwrap();
    let sha256 = Some([0xef; 32]);
    document.add(patch.clone(), Component { sha256, ..Component::new(Purpose::Patch, "fix.patch") }).unwrap();
    document.relate(&id("image/base"), Relation::Contains, &library, None).unwrap();
    document.relate(&library, Relation::GeneratedFrom, &archive, Some("by //pkgs/gcc")).unwrap();
    document.relate(&patch, Relation::PatchApplied, &archive, None).unwrap();
    document
}

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
