//! `wiz new`: first definitions from archives that are made here.

use std::fs;
use std::io::Write as _;

use expect_test::expect;

use crate::fixture::Fixture;

/// A workspace with the archive `name`.
fn fixture(name: &str, files: &[(&str, &str)]) -> Fixture {
    let fixture = Fixture::new(&[]);
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let file = fs::File::create(fixture.path(name)).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap();
    fixture
}

#[test]
fn an_archive_with_configure() {
    let mit = "Permission is hereby granted, free of charge, to any person obtaining a copy";
    let fixture =
        fixture("tool-1.2.tar.gz", &[("tool-1.2/configure", "#!/bin/sh\n"), ("tool-1.2/COPYING", mit)]);
    let ended = fixture.wiz(&["new", "tool-1.2.tar.gz"]);
    assert_eq!(ended.stdout, "pkgs/tool/BUILD.star\npkgs/tool/tests/smoke.sh\n", "{ended}");
    let text = fs::read_to_string(fixture.path("pkgs/tool/BUILD.star")).unwrap();
    let digest = text.split("sha256 = \"").nth(1).unwrap().split('"').next().unwrap();
    let size = fs::metadata(fixture.path("tool-1.2.tar.gz")).unwrap().len();
    expect![[r#"
        package(
            name = "tool",
            version = "1.2",
            license = "MIT",
            summary = "",
            source = archive(
                ["file:tool-{version}.tar.gz"],
                sha256 = "DIGEST",
                size = SIZE,
            ),
            build = configure(),
            tests = ["tests/smoke.sh"],
        )
    "#]]
    .assert_eq(&text.replace(digest, "DIGEST").replace(&format!("size = {size}"), "size = SIZE"));
    assert!(ended.stderr.contains("to be said: what it is, in a line"), "{ended}");
    let again = fixture.wiz(&["new", "tool-1.2.tar.gz"]);
    assert!(again.status == 2 && again.stderr.contains("WIZ2223"), "{again}");
}

#[test]
fn a_crate() {
    let manifest = "[package]\nname = \"saw\"\nversion = \"0.3.0\"\nlicense = \"MIT/Apache-2.0\"\ndescription = \"\"\"Cuts\nlogs.\"\"\"\n[[bin]]\nname = \"cut-logs\"\n";
    let fixture = fixture("saw-0.3.0.crate", &[("saw-0.3.0/Cargo.toml", manifest)]);
    let ended = fixture.wiz(&["new", "saw-0.3.0.crate"]);
    assert_eq!(ended.status, 0, "{ended}");
    let text = fs::read_to_string(fixture.path("pkgs/saw/BUILD.star")).unwrap();
    for expected in [
        "load(\":crates.star\", \"CRATES\")",
        "license = \"MIT OR Apache-2.0\"",
        "summary = \"Cuts logs\"",
        "build = cargo(crates = CRATES, programs = [\"cut-logs\"])",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(ended.stderr.contains("wiz lock --update //pkgs/saw:lock"), "{ended}");
}

#[test]
fn what_is_no_archive() {
    let fixture = Fixture::new(&[("note.txt", "text")]);
    let refused = fixture.wiz(&["new", "note.txt"]);
    assert!(refused.status == 2 && refused.stderr.contains("WIZ2221"), "{refused}");
    assert!(!fixture.path("pkgs/note.txt").exists());
}
