//! `wiz tree` and `wiz diff` over images that are assembled here: their packages, files and
//! sizes, today and as of a commit.

use std::fs;
use std::process::Command;

use crate::fixture::Fixture;

const RULE: &str = r#"
def _package(ctx: AnalysisContext, name: str, version: str, tree, depends: list) -> struct:
    out = {}
    for file in ["package.apk", "record.json", "segment.tar.gz", "segment.json"]:
        out[file] = ctx.actions.declare_output(name + "/" + file)
    ctx.actions.native("apk", params = {
        "tree": tree,
        "found": ctx.actions.write(name + "/found.json", "{\"depends\": [], \"provides\": []}"),
        "info": {"name": name, "version": version, "arch": "x86_64", "origin": name, "license": "MIT", "depends": depends},
        "epoch": "1767225600",
        "package": out["package.apk"].as_output(),
        "record": out["record.json"].as_output(),
    })
    ctx.actions.native("segment", params = {
        "package": out["package.apk"],
        "record": out["record.json"],
        "segment": out["segment.tar.gz"].as_output(),
        "info": out["segment.json"].as_output(),
    })
    return struct(package = out["package.apk"], record = out["record.json"], segment = out["segment.tar.gz"], info = out["segment.json"])

def _impl(ctx: AnalysisContext) -> list[Provider]:
    lib = _package(ctx, "lib", ctx.attrs.version, ctx.attrs.lib, [])
    app = _package(ctx, "app", "1-r0", ctx.attrs.app, ["lib"])
    solution = ctx.actions.declare_output("solution.json")
    ctx.actions.native("solve", params = {"world": ["app"], "records": [lib.record, app.record], "solution": solution.as_output()})
    layout = ctx.actions.declare_output("oci", dir = True)
    contents = ctx.actions.declare_output("contents.json")
    ctx.actions.native("image", params = {
        "packages": [{"segment": it.segment, "info": it.info, "record": it.record} for it in [lib, app]],
        "solution": solution,
        "config": {"user": ctx.attrs.user, "command": ["/usr/bin/app"]},
        "arch": "x86_64",
        "layout": layout.as_output(),
        "contents": contents.as_output(),
    })
    return [DefaultInfo(default_outputs = [layout, app.package])]

sample = rule(impl = _impl, doc = "An image of two packages.", attrs = {
    "version": attrs.string(doc = "Of the library."),
    "user": attrs.string(default = "7", doc = "Who it runs as."),
    "lib": attrs.source(allow_directory = True, doc = "The library."),
    "app": attrs.source(allow_directory = True, doc = "The program."),
})
"#;

const TARGETS: &str = r#"
load(":sample.star", "sample")
sample(name = "old", version = "1-r0", lib = "lib", app = "app")
sample(name = "new", version = "2-r0", lib = "lib2", app = "app", user = "8")
"#;

const FEED: &str = r#"{
    "id": "CVE-7", "modified": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"ecosystem": "OSS-Fuzz", "name": "lib"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]
}"#;

fn fixture() -> Fixture {
    Fixture::new(&[
        ("i/sample.star", RULE),
        ("i/BUILD.star", TARGETS),
        ("i/lib/usr/lib/libx.so", &"x".repeat(3000)),
        ("i/lib2/usr/lib/libx.so", &"y".repeat(5000)),
        ("i/lib2/usr/lib/more", "more"),
        ("i/app/usr/bin/app", "app"),
    ])
}

#[test]
fn packages_are_listed_with_what_brought_them() {
    let fixture = fixture();
    let told = fixture.wiz(&["tree", "//i:old"]).to_string();
    let line = |part: &str| {
        told.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    assert!(line("lib 1-r0").starts_with("   3.0 kB") && line("lib 1-r0").ends_with("by app"), "{told}");
    assert!(line("app 1-r0").ends_with("asked for"), "{told}");
    assert!(line("(no package)").ends_with("made for the image"), "{told}");
    assert!(line("compressed in").contains("of 2 packages"), "{told}");
    let files = fixture.wiz(&["tree", "//i:old", "--by", "file", "-n", "1"]).to_string();
    assert!(files.contains("/usr/lib/libx.so  lib\n") && files.contains("more\n"), "{files}");
    let json = fixture.wiz(&["tree", "//i:old", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["parts"][0]["name"], "lib 1-r0", "{json}");
}

#[test]
fn two_images_are_compared() {
    let fixture = fixture();
    let told = fixture.wiz(&["diff", "//i:old", "//i:new"]).to_string();
    for expected in [
        "~ lib  1-r0 -> 2-r0  +2.0 kB\n",
        "~ user: 7 -> 8\n",
        "~ /usr/lib/libx.so  +2.0 kB\n",
        "+ /usr/lib/more  0644 4 B\n",
        "pulled anew  ",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("/usr/bin/app"), "{told}");
    assert!(fixture.wiz(&["diff", "//i:old", "//i:new", "--exit-code"]).status == 1);
    let same = fixture.wiz(&["diff", "//i:old", "//i:old", "--exit-code"]);
    assert!(same.status == 0 && same.stdout.is_empty(), "{same}");
}

#[test]
fn what_lies_in_files_is_compared() {
    let fixture = fixture();
    fixture.wiz(&["build", "//i:old", "//i:new"]);
    let layouts = fixture.wiz(&["diff", "wiz-out/i/old/oci", "wiz-out/i/new/oci"]).to_string();
    assert!(layouts.contains("~ lib  1-r0 -> 2-r0"), "{layouts}");
    fs::write(fixture.path("feed.json"), FEED).unwrap();
    let audited = fixture.wiz(&["audit", "wiz-out/i/old/oci", "--feed", "feed.json"]).to_string();
    assert!(audited.contains("CVE-7  lib 1-r0  affected, fixed in 2"), "{audited}");
    let package = "wiz-out/i/old/app/package.apk";
    let told = fixture.wiz(&["tree", package, "--by", "file"]).to_string();
    assert!(told.contains("/usr/bin/app  app"), "{told}");
    let mut bytes = fs::read(fixture.path(package)).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(fixture.path("broken.apk"), bytes).unwrap();
    let refused = fixture.wiz(&["tree", "broken.apk"]);
    assert!(refused.status == 2 && refused.stderr.contains("WIZ2501"), "{refused}");
}

#[test]
fn an_image_is_compared_with_what_it_was_at_a_commit() {
    let fixture = fixture();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        let output = git.current_dir(fixture.path("")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    fs::write(fixture.path("i/lib/usr/lib/libx.so"), "shorter").unwrap();
    let told = fixture.wiz(&["diff", "//i:old@HEAD", "//i:old"]).to_string();
    assert!(told.contains("~ /usr/lib/libx.so  -2.9 kB\n"), "{told}");
    let refused = fixture.wiz(&["diff", "//i:old@nothing", "//i:old"]);
    assert!(refused.status == 2 && refused.stderr.contains("WIZ2503"), "{refused}");
}

#[test]
fn what_is_no_image_is_refused() {
    let fixture = fixture();
    fs::create_dir(fixture.path("empty")).unwrap();
    for subject in ["empty", "i/BUILD.star"] {
        let refused = fixture.wiz(&["tree", subject]);
        assert!(refused.status == 2 && refused.stderr.contains("WIZ2501"), "{refused}");
    }
}
