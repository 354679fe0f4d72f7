//! `wiz build --rebuild`: what is reproducible comes out the same, and what is not is named.

use expect_test::expect;

use crate::fixture::{Fixture, LOAD};

fn workspace() -> Fixture {
    let base = "tool(name = \"base\", words = [\"dice\"])\n";
    let targets = r#"
tool(name = "same", deps = ["//b:base"], words = ["say", "one"])
tool(name = "dice", deps = [":same"], words = ["dice"])
"#;
    Fixture::new(&[("b/BUILD.star", &format!("{LOAD}{base}")), ("c/BUILD.star", &format!("{LOAD}{targets}"))])
}

#[test]
fn what_is_reproducible_comes_out_the_same() {
    let workspace = workspace();
    // Once what it needs is built, only the package's own actions are carried out again.
    for executed in ["2 of 2", "nothing to do for 2"] {
        let ended = workspace.wiz(&["build", "//c:same", "--rebuild"]);
        assert_eq!(ended.status, 0, "{ended}");
        assert!(ended.stderr.contains(executed), "{ended}");
        assert!(ended.stderr.contains("built again: all of 1 actions came out the same"), "{ended}");
    }
    let left: Vec<_> =
        std::fs::read_dir(workspace.cache()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("rebuild")), "{left:?}");
}

#[test]
fn what_is_not_is_named() {
    let workspace = workspace();
    assert_eq!(workspace.wiz(&["build", "//c:dice"]).status, 0);
    expect![[r#"
        status 1
        //c:dice	wiz-out/c/dice/dice.txt
        nothing to do for 3 actions  [TIME]
        [2/3] //c:same tool  [TIME]
        [3/3] //c:dice tool  [TIME]
        2 of 3 actions executed  [TIME]
        WIZ2031

          x `//c:dice ([ARCH])/dice.txt` came out differently: `dice.txt`
          help: clock, processors, order of files or the place they lie at are in it; diffoscope shows where
    "#]]
    .assert_eq(&workspace.wiz(&["build", "//c:dice", "--rebuild"]).to_string());
    // What was delivered stays as it was.
    assert_eq!(workspace.executed("//c:dice"), 0);
}
