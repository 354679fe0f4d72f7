//! Documents as other programs read them: pyspdxtools and syft. A program that
//! is not on the path is named on the output, and its test ends.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and report as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use wiz_base::RelPath;
use wiz_sbom::purl::ApkName;
use wiz_sbom::{
    Component, ComponentId, Cpe, Document, Facts, FileDigests, FileRecord, Licence, LicenceRef, Party, Purl,
    Purpose, Relation, cyclonedx, spdx2, spdx3,
};

/// Name, version, origin and licence of each package of the sample.
const PACKAGES: [(&str, &str, &str, &str); 4] = [
    ("glibc", "2.41-r0", "glibc", "LGPL-2.1-or-later AND GPL-2.0-or-later"),
    ("libstdc++", "14.2.0_git20240601-r3", "gcc", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    ("tzdata", "2025b-r1", "tzdata", "LicenseRef-public-domain OR BSD-3-Clause"),
    ("zlib", "1.3.1-r0", "zlib", "Zlib"),
];

fn id(kind: &str, name: &str) -> ComponentId {
    ComponentId::new(&format!("{kind}/{name}"))
}

fn purl(name: &str, version: &str, origin: &str) -> Purl {
    let (distribution, distribution_version, architecture) = ("wizos", "1.0", "x86_64");
    Purl::apk(ApkName { distribution, distribution_version, name, version, architecture, origin })
}

fn files(package: &str) -> Vec<FileRecord> {
    let file = |number: usize| {
        let path = RelPath::new(&format!("usr/share/{package}/größe {number}")).unwrap();
        FileRecord { path, digests: FileDigests::read(format!("{package} {number}").as_bytes()).unwrap() }
    };
    (0..100).map(file).collect()
}

/// A sample that makes use of all that the model can say.
fn sample() -> Document {
    let facts = Facts {
        name: "base".into(),
        namespace: "https://wizos.example/spdx".into(),
        created: 946_684_800,
        author: Party::organization("WizOS"),
        tool: "wiz-1".into(),
        note: Some("a sample".into()),
    };
    let licences =
        BTreeMap::from([(LicenceRef::parse("LicenseRef-public-domain").unwrap(), "None.".to_owned())]);
    let image = id("image", "base");
    let subject = Component { sha256: Some([1; 32]), ..Component::new(Purpose::Image, "base") };
    let mut document = Document::new(facts, licences, image.clone(), subject).unwrap();
    let compiler = id("tool", "gcc");
    let tool = Component { version: Some("12.2.0".into()), ..Component::new(Purpose::Tool, "gcc") };
    document.add(compiler.clone(), tool).unwrap();
    for (name, version, origin, licence) in PACKAGES {
        let package = Component {
            version: Some(version.into()),
            summary: Some(format!("The {name} package")),
            origin: (origin != name).then(|| origin.into()),
            licence: Some(Licence::parse(licence).unwrap()),
            supplier: Some(Party::Organization {
                name: "WizOS".into(),
                email: Some("us@wizos.example".into()),
            }),
            purl: Some(purl(name, version, origin)),
            cpe: Some(Cpe::new("cpe:2.3:a:made_up:product", version).unwrap()),
            homepage: Some(format!("https://{origin}.example/")),
            sha1: Some([2; 20]),
            sha256: Some([3; 32]),
            files: files(name),
            note: Some("start files and libgcc come from the seed compiler".into()),
            ..Component::new(Purpose::Package, name)
        };
        let url = format!("https://{origin}.example/{origin}.tar.gz");
        let source = Component {
            version: Some(version.into()),
            purl: Some(Purl::archive(origin, version, Some(&url), &[4; 32])),
            locations: vec![format!("debian:pool/{origin}.tar.gz"), url],
            sha256: Some([4; 32]),
            ..Component::new(Purpose::Source, origin)
        };
        let patch = Component { sha256: Some([5; 32]), ..Component::new(Purpose::Patch, "0001-fix.patch") };
        let [package_id, source_id, patch_id] = ["package", "source", "patch"].map(|kind| id(kind, name));
        document.add(package_id.clone(), package).unwrap();
        document.add(source_id.clone(), source).unwrap();
        document.add(patch_id.clone(), patch).unwrap();
        let relations = [
            (&image, Relation::Contains, &package_id),
            (&package_id, Relation::GeneratedFrom, &source_id),
            (&patch_id, Relation::PatchApplied, &source_id),
            (&compiler, Relation::BuildToolOf, &package_id),
            (&package_id, Relation::StaticLink, &compiler),
        ];
        for (from, relation, to) in relations {
            document.relate(from, relation, to, Some("as built")).unwrap();
        }
        let glibc = id("package", "glibc");
        document.relate(&package_id, Relation::DependsOn, &glibc, None).unwrap();
        document.relate(&glibc, Relation::BuildDependencyOf, &package_id, None).unwrap();
    }
    document
}

/// What a program prints; `None`, and a line that says so, if there is no such program.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        match Command::new(program).args(arguments).env("SYFT_CHECK_FOR_APP_UPDATE", "false").output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("`{program}` is not on the path: not compared with it");
                return None;
            }
            result => result.unwrap(),
        };
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn pyspdxtools_finds_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("sbom.spdx.json");
    fs::write(&place, spdx2::write(&sample())).unwrap();
    run("pyspdxtools", &["--infile", place.to_str().unwrap(), "--version", "SPDX-2.3"]);
}

/// Runs a program of Python's over a document; nothing if its library is not there.
fn run_python(library: &str, program: &str, name: &str, document: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(name);
    fs::write(&place, document).unwrap();
    let there = Command::new("python3").args(["-c", &format!("import {library}")]).output();
    match there {
        Ok(output) if output.status.success() => {
            run("python3", &["-c", program, place.to_str().unwrap()]);
        }
        _ => println!("Python has no `{library}`: not compared with it"),
    }
}

#[test]
fn the_strict_schema_of_cyclonedx_is_kept() {
    let program = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(error and str(error))
";
    run_python("cyclonedx.validation.json", program, "sbom.cdx.json", &cyclonedx::write(&sample()));
}

#[test]
fn the_model_of_spdx_3_is_kept() {
    // Classes made from the ontology: they know every property's type, pattern and number.
    let program = "
import sys
from spdx_python_model import v3_0_1 as spdx
objects = spdx.SHACLObjectSet()
with open(sys.argv[1], 'rb') as file:
    spdx.JSONLDDeserializer().read(file, objects)
missing = objects.link()
assert not missing, missing
spdx.JSONLDSerializer().write(objects, open('/dev/null', 'wb'))
packages = list(objects.foreach_type(spdx.software_Package))
assert len(packages) > 8 and all(package.spdxId for package in packages), len(packages)
";
    run_python("spdx_python_model", program, "sbom.spdx3.json", &spdx3::write(&sample()));
}

/// A root with the files by which scanners know the distribution and its packages.
fn write_root(root: &Path) {
    fs::create_dir_all(root.join("lib/apk/db")).unwrap();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/os-release"), "ID=wizos\nVERSION_ID=1.0\nNAME=WizOS\n").unwrap();
    let record = |(name, version, origin, licence): (&str, &str, &str, &str)| {
        format!(
            "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:{name}\nV:{version}\nA:x86_64\nL:{licence}\no:{origin}\n\n"
        )
    };
    fs::write(root.join("lib/apk/db/installed"), PACKAGES.map(record).concat()).unwrap();
}

#[test]
fn syft_names_packages_as_the_model_does() {
    let root = tempfile::tempdir().unwrap();
    write_root(root.path());
    let scanned = format!("dir:{}", root.path().display());
    let Some(report) = run("syft", &["scan", "-q", &scanned, "-o", "json"]) else { return };
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let found: BTreeSet<String> =
        report["artifacts"].as_array().unwrap().iter().map(|artifact| text(&artifact["purl"])).collect();
    let named: BTreeSet<String> =
        PACKAGES.iter().map(|(name, version, origin, _)| purl(name, version, origin).to_string()).collect();
    assert_eq!(found, named);
}
