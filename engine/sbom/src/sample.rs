//! A small document that makes use of what the model can say, for the tests of what is
//! written from it. Compiled for tests only.

use std::collections::BTreeMap;

use wiz_base::RelPath;

use crate::component::{Component, ComponentId, FileDigests, FileRecord, Purpose};
use crate::document::{Document, Facts};
use crate::licence::{Licence, LicenceRef};
use crate::party::Party;
use crate::purl::{ApkName, Purl};
use crate::relation::Relation;

pub(crate) fn id(text: &str) -> ComponentId {
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

pub(crate) fn facts() -> Facts {
    Facts {
        name: "base image".into(),
        namespace: "https://wizos.example/spdx/".into(),
        created: 946_684_800,
        author: Party::Person { name: "A. Writer".into(), email: Some("a@wizos.example".into()) },
        tool: "wiz".into(),
        note: None,
    }
}

pub(crate) fn document(facts: Facts) -> Document {
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
