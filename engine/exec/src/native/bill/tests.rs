//! Documents: they name what the image holds and what it was built from, and nothing else.

use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::NativeError;
use crate::native::sample_packages::{Sample, pack, solved};
use crate::native::testing::Bench;

const OS_RELEASE: &str = "ID=sample\\nNAME=Sample\\nVERSION_ID=1\\n";
const ARCHIVE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A bench, an assembled image's outputs, and the parameters of its document.
struct Case {
    bench: Bench,
    params: Value,
}

fn case(os_release: &str, license: &str) -> Case {
    let mut bench = Bench::new();
    let tree = format!("usr/lib/os-release {os_release}");
    let base = pack(&mut bench, "base", 1, &tree, &|_| {});
    let tool = pack(&mut bench, "tool", 0, "usr/bin/tool* program", &|params| {
        params["info"]["license"] = json!(license);
        params["info"]["depends"] = json!(["base"]);
    });
    let spare = pack(&mut bench, "spare", 0, "usr/bin/spare* unused", &|_| {});
    let samples = [base, tool, spare];
    let solution = solved(&mut bench, &["tool"], &samples);
    let image = assemble(&mut bench, &samples, &solution);
    let patch = bench.input_bytes("pkgs/tool/fix.patch", b"--- a\n+++ b\n");
    let evidence = |sample: &Sample, archives: Value, patches: Value| json!({"record": sample.record, "archives": archives, "patches": patches});
    let archive = json!([{
        "name": "tool-1.tar.gz",
        "urls": ["https://tool.example/tool-1.tar.gz", "debian:pool/main/t/tool/tool_1.orig.tar.gz"],
        "sha256": ARCHIVE,
    }]);
    let params = json!({
        "name": "sample",
        "image": image.0,
        "contents": image.1,
        "solution": solution,
        "packages": [
            evidence(&samples[0], json!([]), json!([])),
            evidence(&samples[1], archive, json!([patch])),
            evidence(&samples[2], json!([]), json!([])),
        ],
        "license_texts": {"LicenseRef-Own": "Do as you like."},
        "note": "made for a test",
        "document": {"$output": "sbom.spdx.json"},
    });
    Case { bench, params }
}

/// The layout and the contents of an image, as inputs.
fn assemble(bench: &mut Bench, samples: &[Sample], solution: &Value) -> (Value, Value) {
    let packages: Vec<Value> = samples
        .iter()
        .map(|sample| json!({"segment": sample.segment, "info": sample.info, "record": sample.record}))
        .collect();
    let params = json!({
        "packages": packages,
        "solution": solution,
        "config": {},
        "annotations": {},
        "arch": "x86_64",
        "layout": {"$output": "oci"},
        "contents": {"$output": "contents.json"},
    });
    let output = bench.run(NativeKind::Image, &params).unwrap();
    let (layout, contents) = (bench.node(&output, "oci"), bench.node(&output, "contents.json"));
    (bench.input("image", layout), bench.input("contents", contents))
}

fn document(case: &mut Case) -> Value {
    document_of(NativeKind::Spdx, case)
}

fn document_of(kind: NativeKind, case: &mut Case) -> Value {
    let output = case.bench.run(kind, &case.params).unwrap();
    serde_json::from_str(&case.bench.text(&output, "sbom.spdx.json")).unwrap()
}

fn refused(case: &mut Case) -> NativeError {
    case.bench.run(NativeKind::Spdx, &case.params).unwrap_err()
}

fn named<'a>(document: &'a Value, name: &str) -> &'a Value {
    let packages = document["packages"].as_array().unwrap();
    packages.iter().find(|package| package["name"] == name).unwrap()
}

fn relation(document: &Value, from: &str, kind: &str, to: &str) -> bool {
    let id = |name: &str| named(document, name)["SPDXID"].clone();
    let relations = document["relationships"].as_array().unwrap();
    relations.iter().any(|relation| {
        relation["spdxElementId"] == id(from)
            && relation["relationshipType"] == kind
            && relation["relatedSpdxElement"] == id(to)
    })
}

#[test]
fn packages_sources_and_patches_are_named_and_related() {
    let document = document(&mut case(OS_RELEASE, "MIT"));
    let tool = named(&document, "tool");
    assert_eq!(tool["licenseDeclared"], "MIT");
    let purl = tool["externalRefs"][0]["referenceLocator"].as_str().unwrap();
    assert!(purl.starts_with("pkg:apk/sample/tool@") && purl.contains("distro=sample-1"), "{purl}");
    assert!(relation(&document, "sample", "CONTAINS", "tool"));
    assert!(relation(&document, "tool", "GENERATED_FROM", "tool-1.tar.gz"));
    assert_eq!(named(&document, "tool-1.tar.gz")["checksums"][0]["checksumValue"], ARCHIVE);
    assert!(relation(&document, "fix.patch", "PATCH_APPLIED", "tool"));
}

#[test]
fn what_is_not_in_the_image_is_not_in_the_document() {
    let document = document(&mut case(OS_RELEASE, "MIT"));
    let text = document.to_string();
    assert!(!text.contains("spare"), "a package that was not chosen");
    assert!(!text.contains("debian:pool"), "a scheme nobody else can follow");
}

#[test]
fn files_have_both_hashes() {
    let document = document(&mut case(OS_RELEASE, "MIT"));
    let files = document["files"].as_array().unwrap();
    let program =
        files.iter().find(|file| file["fileName"].as_str().unwrap().ends_with("usr/bin/tool")).unwrap();
    let hash = |kind: &str| {
        let sums = program["checksums"].as_array().unwrap();
        sums.iter().find(|sum| sum["algorithm"] == kind).unwrap()["checksumValue"].clone()
    };
    // Of the seven bytes `program`, by coreutils' sha1sum and sha256sum.
    assert_eq!(hash("SHA1"), "81d9aeea0e1a408d65b6660a176c5de83dc98e7b");
    assert_eq!(hash("SHA256"), "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8");
}

#[test]
fn documents_differ_with_their_image_only() {
    let first = document(&mut case(OS_RELEASE, "MIT"));
    assert_eq!(first, document(&mut case(OS_RELEASE, "MIT")));
    let other = document(&mut case(OS_RELEASE, "ISC"));
    assert_ne!(first["documentNamespace"], other["documentNamespace"]);
}

#[test]
fn a_licence_without_text_is_refused_and_one_with_text_is_not() {
    let refused = refused(&mut case(OS_RELEASE, "LicenseRef-Other")).to_string();
    assert!(refused.contains("LicenseRef-Other") && refused.contains("license_texts"), "{refused}");
    let document = document(&mut case(OS_RELEASE, "LicenseRef-Own"));
    assert_eq!(document["hasExtractedLicensingInfos"][0]["extractedText"], "Do as you like.");
}

#[test]
fn an_image_that_does_not_say_what_it_is_is_refused() {
    let refused = refused(&mut case("ID=sample\\nNAME=Sample\\n", "MIT")).to_string();
    assert!(refused.contains("has no `VERSION_ID`") && refused.contains("base-files"), "{refused}");
}

#[test]
fn what_needs_what_and_cpes_are_said_on_request() {
    let mut case = case(OS_RELEASE, "MIT");
    assert!(!relation(&document(&mut case), "tool", "DEPENDS_ON", "base"));
    case.params["dependencies"] = json!(true);
    case.params["packages"][1]["cpe"] = json!("cpe:2.3:a:tool_makers:tool");
    let document = document(&mut case);
    assert!(relation(&document, "tool", "DEPENDS_ON", "base"));
    assert!(!relation(&document, "base", "DEPENDS_ON", "tool"));
    let cpe = &named(&document, "tool")["externalRefs"][1]["referenceLocator"];
    assert_eq!(cpe, "cpe:2.3:a:tool_makers:tool:1.0:*:*:*:*:*:*:*");
    case.params["packages"][1]["cpe"] = json!("tool");
    let refused = refused(&mut case).to_string();
    assert!(refused.contains("`tool` does not name a product\nhint: "), "{refused}");
}

/// Names and SHA-256 of all files, as one kind of document gives them.
fn hashed_files(kind: NativeKind) -> Vec<(String, String)> {
    let document = document_of(kind, &mut case(OS_RELEASE, "MIT"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut files = Vec::new();
    match kind {
        NativeKind::Spdx => {
            for file in document["files"].as_array().unwrap() {
                let name = text(&file["fileName"]).replacen("./", "/", 1);
                files.push((name, text(&file["checksums"][1]["checksumValue"])));
            }
        }
        NativeKind::Spdx3 => {
            let elements = document["@graph"].as_array().unwrap().iter();
            let is_file = |element: &&Value| {
                element["type"] == "software_File" && element["software_primaryPurpose"].is_null()
            };
            for file in elements.filter(is_file) {
                files.push((text(&file["name"]), text(&file["verifiedUsing"][1]["hashValue"])));
            }
        }
        _ => {
            let packages = document["components"].as_array().unwrap();
            for package in packages.iter().chain([&document["metadata"]["component"]]) {
                for file in package["components"].as_array().unwrap() {
                    files.push((text(&file["name"]), text(&file["hashes"][1]["content"])));
                }
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_document_lists_the_same_files() {
    let files = hashed_files(NativeKind::Spdx);
    assert!(files.iter().any(|(name, _)| name == "/usr/bin/tool"), "{files:?}");
    assert_eq!(files, hashed_files(NativeKind::Spdx3));
    assert_eq!(files, hashed_files(NativeKind::CycloneDx));
}

#[test]
fn every_document_names_its_packer_and_the_time_of_the_newest_package() {
    let mut case = case(OS_RELEASE, "MIT");
    let spdx = document(&mut case);
    let spdx3 = document_of(NativeKind::Spdx3, &mut case);
    let cyclonedx = document_of(NativeKind::CycloneDx, &mut case);
    let time = "2026-01-01T00:00:01Z";
    assert_eq!(spdx["creationInfo"]["created"], time);
    assert_eq!(spdx3["@graph"][0]["created"], time);
    assert_eq!(cyclonedx["metadata"]["timestamp"], time);
    assert_eq!(spdx["creationInfo"]["creators"][1], "Tool: wiz-spdx-1");
    assert_eq!(cyclonedx["metadata"]["tools"]["components"][0]["name"], "wiz-cyclonedx-1");
    let tools = spdx3["@graph"].as_array().unwrap().iter().find(|it| it["type"] == "Tool");
    assert_eq!(tools.unwrap()["name"], "wiz-spdx3-1");
}
