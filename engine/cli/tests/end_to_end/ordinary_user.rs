//! What an ordinary user builds is what root builds.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

/// Somebody who is nobody in particular.
const USER: u32 = 54_321;

const DEFINITION: &str = r#"
tool(name = "first", srcs = ["a.txt"], words = ["say", "one"])
tool(name = "last", deps = [":first"], words = ["say", "two"])
"#;

fn fixture() -> Fixture {
    Fixture::new(&[("c/BUILD.star", &format!("{LOAD}{DEFINITION}")), ("c/a.txt", "a\n")])
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives everything below a folder to the user.
fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(USER), Some(USER)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path()));
    }
}

/// `wiz` as an ordinary user who owns the workspace: another one where the tests run as root.
/// The binary is copied to where that user can get at it.
fn as_user(fixture: &Fixture, arguments: &[&str]) -> Command {
    let mut command = fixture.command(arguments);
    if !is_root() {
        return command;
    }
    let home = fixture.home();
    let wiz = home.join("wiz");
    if !wiz.exists() {
        fs::copy(command.get_program(), &wiz).unwrap();
        fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
        give(home);
    }
    let mut other = Command::new(wiz);
    other.args(command.get_args()).current_dir(fixture.path("")).env_clear().uid(USER).gid(USER);
    other.env("HOME", home).env("WIZ_CACHE_DIR", fixture.cache());
    command = other;
    command
}

#[test]
fn the_same_digest_as_root() {
    let (own, users) = (fixture(), fixture());
    let (digest, text) = own.built("//c:last", &[]);
    assert_eq!(text, "a\none\ntwo\n");
    let ended = users.run(&mut as_user(&users, &["build", "--json", "//c:last"]));
    assert_eq!(ended.status, 0, "{ended}");
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["targets"][0]["outputs"][0]["digest"], digest.as_str());
    assert_eq!(json["actions"]["executed"], 2);
    assert_eq!(fs::read_to_string(users.path("wiz-out/c/last/last.txt")).unwrap(), text);
    if is_root() {
        let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).unwrap());
        assert_eq!(owner(&users.cache().join("v1-blake3")), USER);
    }
}

#[test]
fn a_cache_of_somebody_else() {
    let fixture = fixture();
    let mut command = as_user(&fixture, &["build", "//c:last"]);
    fs::create_dir(fixture.cache()).unwrap();
    if is_root() {
        chown(fixture.cache(), Some(0), Some(0)).unwrap();
    } else {
        fs::set_permissions(fixture.cache(), fs::Permissions::from_mode(0o555)).unwrap();
    }
    expect![[r#"
        status 3
        WIZ2010

          x the cache folder `[FOLDER]/cache/v1-blake3` cannot be written: Permission denied (os error 13)
          help: make it writable, or name another with `WIZ_CACHE_DIR` or `--cache-dir`
    "#]]
    .assert_eq(&fixture.run(&mut command).to_string());
}

#[test]
fn a_failure_can_be_entered() {
    let fixture = fixture();
    fixture.write("c/BUILD.star", &format!("{LOAD}tool(name = \"x\", words = [\"exit\", \"3\"])\n"));
    assert_eq!(fixture.run(&mut as_user(&fixture, &["build", "//c:x"])).status, 1);
    let shell = ["shell", "//c:x", "--failed", "--", "/usr/bin/tool", "say", "inside"];
    let entered = fixture.run(&mut as_user(&fixture, &shell));
    assert_eq!((entered.status, entered.stdout.as_str()), (0, "inside\n"), "{}", entered.stderr);
}
