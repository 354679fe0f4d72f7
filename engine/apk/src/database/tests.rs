//! Database files, written ones and other people's.

use expect_test::expect;
use wiz_testkit::reference_data;

use super::installed::{self, InstalledPackage};
use super::{scripts, triggers, world};
use crate::package::Script;

const PACKAGE: &str = "\
P:a
V:1
S:3
I:4
r:b<2
q:7
s:edge
f:S
F:
R:.profile
F:tmp
M:0:0:1777
F:usr/bin
R:a
a:0:42:4755
Z:Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=
";

#[test]
fn an_installed_package_comes_back() {
    let package = InstalledPackage::parse(PACKAGE).unwrap();
    assert_eq!(package.to_string(), PACKAGE);
    assert_eq!(package.directories[2].files[0].attributes.mode, 0o4755);
    assert_eq!(package.repository_tag.as_deref(), Some("edge"));
}

#[test]
fn lines_out_of_place_are_refused() {
    for line in
        ["M:0:0:755", "R:a", "a:0:0:644", "Z:Q1L7EnY9Q9b23ejRHAmb0g09QaLEo=", "F:x\nM:0:0", "F:x\nM:0:0:8"]
    {
        assert!(InstalledPackage::parse(&format!("P:a\nV:1\n{line}\n")).is_err(), "{line}");
    }
}

#[test]
fn the_reference_database_comes_back_byte_for_byte() {
    let Some(text) = reference_data::text("apk/fixtures/installed") else { return };
    let packages = installed::parse(&text).unwrap();
    assert_eq!(packages.len(), 14);
    assert_eq!(packages.iter().flat_map(|package| &package.directories).count(), 142);
    assert_eq!(installed::format(&packages), text);
}

#[test]
fn the_reference_scripts_are_read() {
    let Some(bytes) = reference_data::bytes("apk/fixtures/scripts.tar") else { return };
    let found = scripts::parse(bytes.as_slice()).unwrap();
    assert_eq!(found.len(), 7);
    assert_eq!((found[2].package.as_str(), found[2].script), ("busybox-1.35.0-r17", Script::Trigger));
    let again = scripts::format(&found, 0).unwrap();
    assert_eq!(scripts::parse(again.as_slice()).unwrap(), found);
}

#[test]
fn without_scripts_the_archive_is_empty() {
    assert_eq!(scripts::format(&[], 0).unwrap(), vec![0; 1024]);
}

#[test]
fn triggers_come_back() {
    let text = "Q1Meo+LHGPSi3uY9gIouEVb9z8Fbo= /bin /usr/bin /lib/modules/*\n";
    let parsed = triggers::parse(text).unwrap();
    assert_eq!(parsed[0].patterns.len(), 3);
    assert_eq!(triggers::format(&parsed), text);
    let Some(text) = reference_data::text("apk/fixtures/triggers") else { return };
    assert_eq!(triggers::format(&triggers::parse(&text).unwrap()), text);
}

#[test]
fn the_world_is_written_sorted() {
    let parsed = world::parse("zlib\nbusybox@edge>=1.36 !ssl\nzlib").unwrap();
    assert_eq!(parsed[1].tag.as_deref(), Some("edge"));
    expect![[r#"
        !ssl
        busybox@edge>=1.36
        zlib
    "#]]
    .assert_eq(&world::format(&parsed));
}
