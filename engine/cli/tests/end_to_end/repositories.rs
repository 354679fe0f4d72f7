//! Signed repositories from source files to an HTTP client: the real `repository` rule
//! over packages that are packed from folders, keys by openssl and by wiz.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use expect_test::{Expect, expect};

use crate::fixture::{Ended, Fixture};

/// Packs a folder, without a build.
const RULES: &str = r#"
load("//starlark-rules/providers.star", "PackageInfo", "PackedInfo", "SourceInfo")

def _impl(ctx: AnalysisContext) -> list[Provider]:
    package = ctx.actions.declare_output(ctx.attrs.name + ".apk")
    record = ctx.actions.declare_output("record.json")
    ctx.actions.native("apk", params = {
        "tree": ctx.attrs.tree,
        "found": ctx.actions.write("found.json", "{\"depends\": [], \"provides\": []}"),
        "info": {
            "name": ctx.attrs.name,
            "version": ctx.attrs.version,
            "arch": "x86_64",
            "origin": ctx.attrs.name,
            "license": "MIT",
            "summary": "made up",
            "depends": ctx.attrs.depends,
        },
        "epoch": "1767225600",
        "package": package.as_output(),
        "record": record.as_output(),
    })
    packed = PackedInfo(
        name = ctx.attrs.name,
        version = ctx.attrs.version,
        tree = package,
        package = package,
        record = record,
        segment = package,
        segment_info = record,
        verdict = record,
        source = SourceInfo(archives = [], patches = []),
        license_texts = {},
    )
    return [DefaultInfo(default_output = package), PackageInfo(packed = packed, closure = [packed])]

folder_package = rule(impl = _impl, doc = "Packs a folder.", attrs = {
    "tree": attrs.source(allow_directory = True, doc = "The files."),
    "version": attrs.string(doc = "With release."),
    "depends": attrs.list(attrs.string(), default = [], doc = "In apk's notation."),
})
"#;

const BUILD: &str = r#"
load("//pack:pack.star", "folder_package")
load("//starlark-rules/repository.star", "repository")
folder_package(name = "base", version = "1-r0", tree = "base.files")
folder_package(name = "tool", version = "1-r0", tree = "tool.files", depends = ["base"])
repository(name = "repo", packages = [":base", ":tool"], description = "made up")
"#;

const PROVIDERS: &str = include_str!("../../../../starlark-rules/providers.star");
const REPOSITORY: &str = include_str!("../../../../starlark-rules/repository.star");

/// A workspace named `test` with the repository `//pkgs:repo`.
fn fixture() -> Fixture {
    Fixture::new(&[
        ("starlark-rules/providers.star", PROVIDERS),
        ("starlark-rules/repository.star", REPOSITORY),
        ("pack/pack.star", RULES),
        ("pkgs/BUILD.star", BUILD),
        ("pkgs/base.files/etc/base", "base\n"),
        ("pkgs/tool.files/usr/bin/tool", "tool\n"),
    ])
}

/// The same with a key that openssl made, so that not every test waits for one of 4096 bits.
fn fixture_with_key() -> Fixture {
    let fixture = fixture();
    let path = make_key(&fixture, "given.rsa");
    fixture.write("../.config/wiz/config.toml", &format!("signing_key = {:?}\n", path.display().to_string()));
    fixture
}

fn make_key(fixture: &Fixture, name: &str) -> PathBuf {
    let path = fixture.path("..").join(name);
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&path).arg("2048").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    path
}

/// Runs `wiz`, expecting success.
#[track_caller]
fn run(fixture: &Fixture, arguments: &[&str]) -> Ended {
    let ended = fixture.wiz(arguments);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended
}

/// What is said, without times, the fixture's path, and breaks of lines that are too long
/// where that path is.
fn said(fixture: &Fixture, ended: &Ended) -> String {
    let home = fixture.path("").canonicalize().unwrap();
    let home = home.parent().unwrap().display().to_string();
    let mut said = String::new();
    for line in ended.stderr.lines().filter(|line| !line.ends_with(" ms") && !line.ends_with(" s")) {
        match line.strip_prefix("  | ").or_else(|| line.strip_prefix("        ")) {
            Some(rest) => said = format!("{} {}\n", said.trim_end(), rest.trim_start()),
            None => said = format!("{said}{line}\n"),
        }
    }
    said.replace(&home, "HOME")
}

#[track_caller]
fn check_refused(fixture: &Fixture, arguments: &[&str], status: i32, expected: &Expect) {
    let ended = fixture.wiz(arguments);
    assert_eq!(ended.status, status, "{}", ended.stderr);
    expected.assert_eq(&said(fixture, &ended));
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[test]
fn the_first_build_makes_a_key_and_a_signed_repository() {
    let fixture = fixture();
    let ended = run(&fixture, &["build", "//pkgs:repo"]);
    assert_eq!(ended.stdout, "//pkgs:repo\twiz-out/pkgs/repo\n");
    let repository = fixture.path("wiz-out/pkgs/repo");
    assert_eq!(names(&repository), ["keys", "x86_64"]);
    assert_eq!(names(&repository.join("x86_64")), ["APKINDEX.tar.gz", "base-1-r0.apk", "tool-1-r0.apk"]);
    assert!(!repository.join("x86_64").is_symlink() && !repository.join("x86_64/base-1-r0.apk").is_symlink());

    // The key is where it was said to be, for its owner alone, and signed what is there.
    let keys = names(&repository.join("keys"));
    let name = keys[0].strip_suffix(".rsa.pub").unwrap().to_owned();
    let digits = name.strip_prefix("test-").unwrap();
    assert!(digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{name}");
    let private = fixture.path("../.config/wiz/keys").join(format!("{name}.rsa"));
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(ended.stderr.contains(&format!(".config/wiz/keys/{name}.rsa`")), "{}", ended.stderr);
    assert!(!ended.stderr.contains("PRIVATE KEY"));
    run(&fixture, &["repo", "check", "wiz-out/pkgs/repo"]);

    // The second build makes nothing, writes nothing and says nothing of keys.
    let index = repository.join("x86_64/APKINDEX.tar.gz");
    let before = fs::metadata(&index).unwrap().modified().unwrap();
    let again = run(&fixture, &["build", "//pkgs:repo"]);
    assert!(again.stderr.starts_with("nothing to do"), "{}", again.stderr);
    assert_eq!(fs::metadata(&index).unwrap().modified().unwrap(), before);

    // A file that was touched is written again.
    let package = repository.join("x86_64/base-1-r0.apk");
    let bytes = fs::read(&package).unwrap();
    fs::write(&package, "touched").unwrap();
    run(&fixture, &["build", "//pkgs:repo"]);
    assert_eq!(fs::read(&package).unwrap(), bytes);

    // Keys are listed, rotated and revoked; the old one goes along until it is revoked.
    assert_eq!(run(&fixture, &["key", "list"]).stdout.split('\t').next(), Some(name.as_str()));
    assert_eq!(fixture.wiz(&["key", "new"]).status, 2);
    let rotated = run(&fixture, &["key", "rotate"]).stdout;
    let rotated = Path::new(rotated.trim_end()).file_stem().unwrap().to_str().unwrap().to_owned();
    assert_ne!(rotated, name);
    assert_eq!(
        run(&fixture, &["build", "--json", "//pkgs:repo"]).stdout.matches("\"executed\":0").count(),
        1
    );
    assert_eq!(names(&repository.join("keys")).len(), 2);
    assert_eq!(fixture.wiz(&["key", "revoke", &rotated]).status, 2);
    run(&fixture, &["key", "revoke", &name]);
    run(&fixture, &["build", "//pkgs:repo"]);
    assert_eq!(names(&repository.join("keys")), [format!("{rotated}.rsa.pub")]);
    run(&fixture, &["repo", "check", "//pkgs:repo"]);
}

#[test]
fn keys_come_from_flag_environment_and_configuration_in_this_order() {
    let fixture = fixture_with_key();
    let (flag, variable) = (make_key(&fixture, "flag.rsa"), make_key(&fixture, "variable.rsa"));
    let signed_by = || names(&fixture.path("wiz-out/pkgs/repo/keys"));
    run(&fixture, &["build", "//pkgs:repo"]);
    assert_eq!(signed_by(), ["given.rsa.pub"]);
    let with_variable = |arguments: &[&str]| {
        let mut command = fixture.command(arguments);
        let ended = fixture.ended(command.env("WIZ_SIGNING_KEY", &variable).output().unwrap());
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    };
    with_variable(&["build", "//pkgs:repo"]);
    assert_eq!(signed_by(), ["variable.rsa.pub"]);
    with_variable(&["build", "--signing-key", flag.to_str().unwrap(), "//pkgs:repo"]);
    assert_eq!(signed_by(), ["flag.rsa.pub"]);
    run(&fixture, &["build", "//pkgs:repo"]);
    assert_eq!(signed_by(), ["given.rsa.pub"]);

    // Another key in the same place.
    let package = || fs::read(fixture.path("wiz-out/pkgs/repo/x86_64/base-1-r0.apk")).unwrap();
    let before = package();
    make_key(&fixture, "given.rsa");
    run(&fixture, &["build", "//pkgs:repo"]);
    assert_ne!(package(), before);
    assert!(!fixture.path("../.config/wiz/keys").exists(), "no key is made where one is given");
}

#[test]
fn two_users_share_every_action_and_only_signatures_differ() {
    let fixture = fixture_with_key();
    let other = make_key(&fixture, "other.rsa");
    let build = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&fixture, arguments).stdout).unwrap()
    };
    let mine = build(&["build", "--json", "//pkgs:repo", "-o", "mine"]);
    let other = other.to_str().unwrap();
    let theirs = build(&["build", "--json", "--signing-key", other, "//pkgs:repo", "-o", "theirs"]);
    assert_eq!(theirs["actions"]["executed"], 0);
    assert_eq!(mine["targets"][0]["outputs"][0]["digest"], theirs["targets"][0]["outputs"][0]["digest"]);
    let bytes = |folder: &str| fs::read(fixture.path(folder).join("x86_64/base-1-r0.apk")).unwrap();
    assert_ne!(bytes("mine"), bytes("theirs"));
    for (folder, keys) in [("mine", "mine/keys"), ("theirs", "theirs/keys")] {
        run(&fixture, &["repo", "check", folder, "--keys-dir", keys]);
    }
}

#[test]
fn keys_that_cannot_be_used_are_said_to_be() {
    let fixture = fixture_with_key();
    let exposed = make_key(&fixture, "exposed.rsa");
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o644)).unwrap();
    fixture.write("broken.rsa", "-----BEGIN PRIVATE KEY-----\nbm90aGluZw==\n-----END PRIVATE KEY-----\n");
    fs::set_permissions(fixture.path("broken.rsa"), fs::Permissions::from_mode(0o600)).unwrap();
    run(&fixture, &["build", "//pkgs:repo"]);
    let check = |key: &str, status, expected: Expect| {
        check_refused(&fixture, &["build", "--signing-key", key, "//pkgs:repo"], status, &expected);
    };
    check(
        "../exposed.rsa",
        2,
        expect![[r#"
            WIZ2071

              x the key `[FOLDER]/workspace/../exposed.rsa` has mode 0644: others than its owner can use it
              help: `chmod 600 [FOLDER]/workspace/../exposed.rsa`, and if others may have read it, `wiz key rotate`
        "#]],
    );
    check(
        "broken.rsa",
        2,
        expect![[r#"
            WIZ2070

              x the key `[FOLDER]/workspace/broken.rsa` cannot be used: `broken` is not an RSA private key in PEM
              help: PKCS#8 and PKCS#1 are read, encrypted keys are not
        "#]],
    );
    check(
        "none.rsa",
        2,
        expect![[r#"
            WIZ2072

              x there is no key at `[FOLDER]/workspace/none.rsa`
              help: `--signing-key`, `WIZ_SIGNING_KEY` or `signing_key` in config.toml names it; without them `wiz` makes one
        "#]],
    );
}

const PUBLISH: [&str; 4] = ["repo", "publish", "//pkgs:repo", "../public"];

/// Gives `base` its second version.
fn raise_base(fixture: &Fixture) {
    let first = "name = \"base\", version = \"1-r0\"";
    fixture.write("pkgs/BUILD.star", &BUILD.replace(first, "name = \"base\", version = \"2-r0\""));
}

#[test]
fn what_is_published_stays_and_what_must_not_be_published_is_refused() {
    let fixture = fixture_with_key();
    let ended = run(&fixture, &PUBLISH);
    assert_eq!(
        ended.stdout,
        "added\t../public/[ARCH]/base-1-r0.apk\nadded\t../public/[ARCH]/tool-1-r0.apk\n"
    );
    assert_eq!(run(&fixture, &PUBLISH).stdout, "");
    let public = fixture.path("../public");
    let seen = fixture.path("../seen.tar.gz");
    fs::copy(public.join("x86_64/APKINDEX.tar.gz"), &seen).unwrap();

    // A new version is added beside the old one.
    raise_base(&fixture);
    assert_eq!(run(&fixture, &PUBLISH).stdout, "added\t../public/[ARCH]/base-2-r0.apk\n");
    let all = ["APKINDEX.tar.gz", "base-1-r0.apk", "base-2-r0.apk", "tool-1-r0.apk"];
    assert_eq!(names(&public.join("x86_64")), all);
    run(&fixture, &["repo", "check", "../public", "--since", "../seen.tar.gz"]);

    // An older revision, and other content under a published name.
    fixture.write("pkgs/BUILD.star", BUILD);
    check_refused(
        &fixture,
        &PUBLISH,
        1,
        &expect![[r#"
            nothing to do for 5 actions  [TIME]
            WIZ2086

              x this repository is older than what is published: it has `base-1-r0`, and `base-2-r0` is published
              help: publish from a newer revision, or `--allow-older` if older versions are to be added
        "#]],
    );
    raise_base(&fixture);
    fixture.write("pkgs/tool.files/usr/bin/tool", "another tool\n");
    check_refused(
        &fixture,
        &PUBLISH,
        1,
        &expect![[r#"
            [3/4] //pkgs:tool apk  [TIME]
            [4/4] //pkgs:repo index  [TIME]
            2 of 5 actions executed  [TIME]
            WIZ2085

              x `tool-1-r0` is published with other content: `Q1p4ouxRYdq7LYpq6VceICd41JibI=`, not `Q10MfAUTbjoZRh2Dhk+FPL3feV+Nc=`
              help: raise its `release`; what is published stays as it is
        "#]],
    );
    assert_eq!(names(&public.join("x86_64")), all);
}

#[test]
fn what_was_changed_behind_a_repository_is_noticed() {
    let fixture = fixture_with_key();
    run(&fixture, &PUBLISH);
    let public = fixture.path("../public");
    let seen = fixture.path("../seen.tar.gz");
    fs::copy(public.join("x86_64/APKINDEX.tar.gz"), &seen).unwrap();
    raise_base(&fixture);
    run(&fixture, &PUBLISH);

    // An index that was published before, played back.
    fs::copy(&seen, public.join("x86_64/APKINDEX.tar.gz")).unwrap();
    check_refused(
        &fixture,
        &["repo", "check", "../public"],
        1,
        &expect![[r#"
        WIZ2095

          x `base-2-r0.apk` is there and the index does not list it: the index is older than its packages
          help: publish again, or remove the file if it was never published
    "#]],
    );

    // A damaged package, and a key that is not trusted.
    let package = public.join("x86_64/tool-1-r0.apk");
    let mut bytes = fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&package, bytes).unwrap();
    fs::remove_file(public.join("x86_64/base-2-r0.apk")).unwrap();
    check_refused(
        &fixture,
        &["repo", "check", "../public"],
        1,
        &expect![[r#"
            WIZ2083

              x the package `[FOLDER]/workspace/../public/[ARCH]/tool-1-r0.apk` cannot be read: cannot read the data member: corrupt gzip stream does not have a matching checksum
        "#]],
    );
    make_key(&fixture, "stranger.rsa");
    let mut stranger = fixture.command(&["repo", "check", "../public"]);
    let ended = fixture.ended(stranger.env("WIZ_SIGNING_KEY", "../stranger.rsa").output().unwrap());
    assert_eq!(ended.status, 1);
    let expected = expect![[r#"
        WIZ2082

          x `[FOLDER]/workspace/../public/[ARCH]/APKINDEX.tar.gz` is not trusted: signed with `given.rsa.pub`, which is not a trusted key
          help: give the folder of its public key with `--keys-dir`
    "#]];
    expected.assert_eq(&said(&fixture, &ended));
}

#[test]
fn what_is_no_repository_is_not_published_or_checked() {
    let fixture = fixture_with_key();
    check_refused(
        &fixture,
        &["repo", "publish", "//pkgs:base", "../public"],
        2,
        &expect![[r#"
            [1/2] //pkgs:base write (found.json)  [TIME]
            [2/2] //pkgs:base apk  [TIME]
            2 of 2 actions executed  [TIME]
            WIZ2079

              x `//pkgs:base` is no repository
              help: `repository(name = ..., packages = [...])` defines one
        "#]],
    );
    check_refused(
        &fixture,
        &["repo", "check", "pkgs"],
        2,
        &expect![[r#"
            WIZ2080

              x `[FOLDER]/workspace/pkgs` is no repository: no folder in it has an `APKINDEX.tar.gz`
        "#]],
    );
    check_refused(
        &fixture,
        &["repo", "check", "pkgs", "--keys-dir", "pkgs"],
        2,
        &expect![[r#"
            WIZ2078

              x `[FOLDER]/workspace/pkgs` has no public key
              help: their names end in `.rsa.pub`
        "#]],
    );
}

/// A server that ends with the test.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(fixture: &Fixture, folder: &str) -> Self {
        let mut command = fixture.command(&["repo", "serve", folder, "--listen", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { process, address: address.trim_end().trim_end_matches('/').to_owned() }
    }

    /// What curl gets: the status and headers it asks for in `format`, then the body.
    fn get(&self, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
        let format = "\n%{http_code} %{content_type} %{size_download} %header{content-range}";
        let url = format!("{}{path}", self.address);
        let ended = Command::new("curl")
            .args(["--silent", "--path-as-is", "--write-out", format])
            .args(arguments)
            .arg(url)
            .output()
            .unwrap();
        let place = ended.stdout.iter().rposition(|byte| *byte == b'\n').unwrap();
        let status = String::from_utf8(ended.stdout[place + 1..].to_vec()).unwrap();
        (status.trim_end().to_owned(), ended.stdout[..place].to_vec())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn curl_gets_what_is_in_a_repository_and_nothing_else() {
    let fixture = fixture_with_key();
    run(&fixture, &["repo", "publish", "//pkgs:repo", "../public"]);
    fixture.write("../secret", "secret");
    let server = Server::start(&fixture, "../public");
    let index = fs::read(fixture.path("../public/x86_64/APKINDEX.tar.gz")).unwrap();
    let package = fs::read(fixture.path("../public/x86_64/base-1-r0.apk")).unwrap();
    let size = package.len();

    let (status, body) = server.get("/x86_64/APKINDEX.tar.gz", &[]);
    assert_eq!((status, body), (format!("200 application/gzip {}", index.len()), index));
    let (status, body) = server.get("/x86_64/base-1-r0.apk", &[]);
    assert_eq!((status, &body), (format!("200 application/octet-stream {size}"), &package));
    assert!(server.get("/keys/given.rsa.pub", &[]).1.starts_with(b"-----BEGIN PUBLIC KEY-----"));

    // A download that was cut off goes on; a part that is not there is refused.
    let (status, body) = server.get("/x86_64/base-1-r0.apk", &["--range", "100-"]);
    let range = format!("206 application/octet-stream {} bytes 100-{}/{size}", size - 100, size - 1);
    assert_eq!((status, body.as_slice()), (range, &package[100..]));
    assert!(server.get("/x86_64/base-1-r0.apk", &["--range", "999999-"]).0.starts_with("416 "));

    // What a client has is not sent again.
    let head = String::from_utf8(server.get("/x86_64/APKINDEX.tar.gz", &["--head"]).1).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).unwrap();
        line.split_once(": ").unwrap().1.trim().to_owned()
    };
    assert_eq!(
        header("content-length"),
        fs::metadata(fixture.path("../public/x86_64/APKINDEX.tar.gz")).unwrap().len().to_string()
    );
    for known in [
        format!("If-None-Match: {}", header("etag")),
        format!("If-Modified-Since: {}", header("last-modified")),
    ] {
        assert!(
            server.get("/x86_64/APKINDEX.tar.gz", &["--header", &known]).0.starts_with("304 "),
            "{known}"
        );
    }

    for none in ["/", "/x86_64", "/none", "/.lock", "/../secret", "/x86_64/../../secret", "/%2e%2e/secret"] {
        assert!(server.get(none, &[]).0.starts_with("404 "), "{none}");
    }
    assert!(server.get("/keys/given.rsa.pub", &["--request", "DELETE"]).0.starts_with("405 "));
}
