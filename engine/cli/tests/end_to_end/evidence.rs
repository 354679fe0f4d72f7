//! What is told of a target's evidence: documents as they were made, licences without a build.

use expect_test::expect;

use crate::fixture::Fixture;

const RULE: &str = r#"
def _impl(ctx: AnalysisContext) -> list[Provider]:
    document = ctx.actions.write("sbom.json", "{\"components\": [{\"name\": \"zlib\", \"version\": \"1-r0\", \"licenses\": [{\"expression\": \"Zlib\"}]}]}")
    packages = [{"name": "b", "version": "2", "license": "MIT"}, {"name": "a", "version": "1", "license": "0BSD"}]
    return [
        DefaultInfo(),
        EvidenceInfo(documents = {"cyclonedx": document} if ctx.attrs.image else {}, packages = packages),
    ]

thing = rule(impl = _impl, doc = "Has evidence.", attrs = {
    "image": attrs.bool(doc = "Whether it has a document."),
})
"#;

fn fixture() -> Fixture {
    let targets = "load(\":thing.star\", \"thing\")\nthing(name = \"image\", image = True)\nthing(name = \"package\", image = False)\n";
    Fixture::new(&[("e/thing.star", RULE), ("e/BUILD.star", targets)])
}

#[test]
fn a_document_is_made_and_printed_as_it_is() {
    let ended = fixture().wiz(&["sbom", "//e:image", "--format", "cyclonedx"]);
    expect![[r#"
        status 0
        {"components": [{"name": "zlib", "version": "1-r0", "licenses": [{"expression": "Zlib"}]}]}[1/1] //e:image write (sbom.json)  [TIME]
        1 of 1 actions executed  [TIME]
    "#]].assert_eq(&ended.to_string());
}

#[test]
fn a_form_that_there_is_not_is_an_error() {
    let ended = fixture().wiz(&["sbom", "//e:image", "--format", "spdx-3.0"]);
    expect![[r#"
        status 2
        WIZ2300

          x `//e:image` has no bill of materials as spdx-3.0
          help: targets of `image(name = ..., packages = [...])` have one
    "#]]
    .assert_eq(&ended.to_string());
}

#[test]
fn licences_are_those_of_what_is_in_an_image_or_comes_with_a_package() {
    let fixture = fixture();
    expect![[r#"
        status 0
        zlib	1-r0	Zlib
        [1/1] //e:image write (sbom.json)  [TIME]
        1 of 1 actions executed  [TIME]
    "#]]
    .assert_eq(&fixture.wiz(&["licenses", "//e:image"]).to_string());
    expect![[r#"
        status 0
        {"packages":[{"license":"0BSD","name":"a","version":"1"},{"license":"MIT","name":"b","version":"2"}]}
    "#]]
    .assert_eq(&fixture.wiz(&["licenses", "--json", "//e:package"]).to_string());
    expect![[r#"
        status 2
        WIZ2301

          x nothing is known of licences of `//root`
          help: name one image or package
    "#]]
    .assert_eq(&fixture.wiz(&["licenses", "//root"]).to_string());
}
