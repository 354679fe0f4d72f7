//! Documents that would not be consistent.

use expect_test::{Expect, expect};

use super::*;
use crate::component::{FileDigests, FileRecord, Purpose};

fn id(text: &str) -> ComponentId {
    ComponentId::new(text)
}

fn document() -> Document {
    let facts = Facts {
        name: "base".into(),
        namespace: "https://wizos.example/spdx".into(),
        created: 0,
        author: Party::organization("WizOS"),
        tool: "wiz".into(),
        note: None,
    };
    let licences =
        BTreeMap::from([(LicenceRef::parse("LicenseRef-tz").unwrap(), "Do what you like.".to_owned())]);
    Document::new(facts, licences, id("image"), Component::new(Purpose::Image, "base")).unwrap()
}

fn licensed(text: &str) -> Component {
    Component { licence: Some(Licence::parse(text).unwrap()), ..Component::new(Purpose::Package, "tzdata") }
}

fn refused(result: Result<(), DocumentError>, expected: Expect) {
    expected.assert_eq(&result.unwrap_err().to_string());
}

#[test]
fn inconsistent_documents_are_refused() {
    let mut document = document();
    let other = Component::new(Purpose::Image, "other");
    refused(document.add(id("image"), other), expect!["there are two different components `image`"]);
    refused(
        document.relate(&id("image"), Relation::Contains, &id("zlib"), None),
        expect!["there is no component `zlib`"],
    );
    refused(
        document.add(id("zlib"), licensed("MIT OR LicenseRef-own")),
        expect!["`zlib` is under `LicenseRef-own`, whose text is not given"],
    );
    let file =
        FileRecord { path: RelPath::new("etc/a").unwrap(), digests: FileDigests::read(&b""[..]).unwrap() };
    let twice = Component { files: vec![file.clone(), file], ..licensed("MIT") };
    refused(document.add(id("zlib"), twice), expect!["`zlib` has `etc/a` twice"]);
}

#[test]
fn the_same_component_may_be_added_again() {
    let mut document = document();
    document.add(id("image"), Component::new(Purpose::Image, "base")).unwrap();
    assert_eq!(document.components().count(), 1);
}

#[test]
fn only_licences_in_use_are_given() {
    let mut document = document();
    assert_eq!(document.licences().count(), 0);
    document.add(id("tzdata"), licensed("LicenseRef-tz AND BSD-3-Clause")).unwrap();
    let used: Vec<_> = document.licences().map(|(licence, text)| format!("{licence}: {text}")).collect();
    assert_eq!(used, ["LicenseRef-tz: Do what you like."]);
}
