//! What is no image, no reference, or no registry: said before anything is sent.

use std::fs;
use std::net::TcpListener;

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

fn workspace() -> Fixture {
    let targets = format!("{LOAD}\ntool(name = \"one\", words = [\"say\", \"one\"])\n");
    Fixture::new(&[("c/BUILD.star", &targets)])
}

#[test]
fn a_target_that_is_no_image() {
    let workspace = workspace();
    for arguments in [
        &["push", "//c:one", "127.0.0.1:1/x"][..],
        &["load", "//c:one", "--archive", "x.tar"],
        &["run", "//c:one", "--runner", "sandbox"],
    ] {
        let ended = workspace.wiz(arguments);
        assert!(ended.status == 2 && ended.stderr.contains("WIZ2400"), "{ended}");
    }
    assert!(!workspace.path("x.tar").exists());
}

#[test]
fn a_reference_that_is_none() {
    let workspace = workspace();
    expect![[r#"
        status 2
        WIZ2401

          x `base:1` names no image in a registry: it has no repository after the host
          help: references look like `registry.example/team/base:1.0`; the host is always named
    "#]]
    .assert_eq(&workspace.wiz(&["push", "//c:one", "base:1"]).to_string());
    let ended = workspace.wiz(&["pull", "team/base", "x"]);
    assert!(ended.status == 2 && ended.stderr.contains("it begins with no host"), "{ended}");
}

#[test]
fn a_registry_that_is_not_there() {
    let workspace = workspace();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = workspace.wiz(&["pull", &format!("{address}/base"), "x"]);
    assert!(ended.status == 3 && ended.stderr.contains("WIZ2402"), "{ended}");
    assert!(!workspace.path("x/index.json").exists());
}

#[test]
fn credentials_that_cannot_be_read() {
    let workspace = workspace();
    fs::create_dir_all(workspace.home().join(".docker")).unwrap();
    fs::write(workspace.home().join(".docker/config.json"), "auths").unwrap();
    let ended = workspace.wiz(&["pull", "127.0.0.1:1/base", "x"]);
    assert!(ended.status == 2 && ended.stderr.contains("WIZ2407"), "{ended}");
    assert!(ended.stderr.contains("config.json` is not as docker writes it"), "{ended}");
}
