//! What `wiz why` answers: the change, told apart from what followed, without any log.

use expect_test::{Expect, expect};

use crate::fixture::{Fixture, LOAD};

const CHAIN: &str = r#"
tool(name = "first", srcs = ["a.txt"])
tool(name = "second", deps = [":first"], words = ["say", "two"])
tool(name = "last", deps = [":second"])
"#;

fn definition(targets: &str) -> String {
    format!("{LOAD}{targets}")
}

/// A workspace whose `//c:last` has been built.
fn built() -> Fixture {
    let fixture = Fixture::new(&[("c/BUILD.star", &definition(CHAIN)), ("c/a.txt", "a\n")]);
    let _ = fixture.events("//c:last");
    fixture
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(fixture: &Fixture, expected: Expect) {
    expected.assert_eq(&fixture.wiz(&["why", "//c:last"]).to_string());
}

#[test]
fn what_was_built_once() {
    check(
        &built(),
        expect![[r#"
        status 0
        //c:last was built for the first time as far as the cache knows
        //c:last tool
          no other result of it is in the cache
    "#]],
    );
}

#[test]
fn an_edited_source_before_and_after_it_is_built() {
    let fixture = built();
    fixture.write("c/a.txt", "changed\n");
    check(
        &fixture,
        expect![[r#"
        status 0
        //c:last will be built again because of 1 change
        //c:first tool
          source c/a.txt: file 81c4b7f7e054 of 2 bytes -> file cbeb7950aa32 of 8 bytes
        what followed:
          //c:second tool: reads //c:first ([ARCH])/first.txt, made by //c:first tool
          //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
        not built yet: `wiz build //c:last` builds it
    "#]],
    );
    let _ = fixture.events("//c:last");
    check(
        &fixture,
        expect![[r#"
        status 0
        //c:last was built again because of 1 change
        //c:first tool
          source c/a.txt: file 81c4b7f7e054 of 2 bytes -> file cbeb7950aa32 of 8 bytes
        what followed:
          //c:second tool: reads //c:first ([ARCH])/first.txt, made by //c:first tool
          //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
    "#]],
    );
}

#[test]
fn an_edited_flag() {
    let fixture = built();
    fixture.write("c/BUILD.star", &definition(&CHAIN.replace("two", "zwei")));
    let _ = fixture.events("//c:last");
    check(
        &fixture,
        expect![[r#"
        status 0
        //c:last was built again because of 1 change
        //c:second tool
          argument 6: `two` -> `zwei`
        what followed:
          //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
    "#]],
    );
}

#[test]
fn one_change_among_several_builds() {
    let fixture = built();
    fixture.write("c/a.txt", "changed\n");
    let _ = fixture.events("//c:last");
    fixture.write("c/a.txt", "a\n");
    fixture.write("c/BUILD.star", &definition(&CHAIN.replace("two", "zwei")));
    let _ = fixture.events("//c:last");
    check(
        &fixture,
        expect![[r#"
            status 0
            //c:last was built again because of 1 change
            //c:second tool
              argument 6: `two` -> `zwei`
            what followed:
              //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
        "#]],
    );
}

#[test]
fn a_change_taken_back() {
    let fixture = built();
    fixture.write("c/a.txt", "changed\n");
    let _ = fixture.events("//c:last");
    fixture.write("c/a.txt", "a\n");
    let _ = fixture.events("//c:last");
    check(
        &fixture,
        expect![[r#"
        status 0
        //c:last is as it was before 1 change
        //c:first tool
          source c/a.txt: file cbeb7950aa32 of 8 bytes -> file 81c4b7f7e054 of 2 bytes
        what followed:
          //c:second tool: reads //c:first ([ARCH])/first.txt, made by //c:first tool
          //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
    "#]],
    );
}

#[test]
fn a_file_in_a_folder() {
    let extra = "folder(name = \"extra\", src = \"more\")\ntool(name = \"last\", trees = [\":extra\"])\n";
    let files = [
        ("c/BUILD.star", definition(extra)),
        ("c/more/share/x", "1\n".to_owned()),
        ("c/more/y", "2\n".to_owned()),
    ];
    let fixture = Fixture::new(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let _ = fixture.events("//c:last");
    fixture.write("c/more/share/x", "changed\n");
    fixture.write("c/more/share/z", "new\n");
    let _ = fixture.events("//c:last");
    check(
        &fixture,
        expect![[r#"
        status 0
        //c:last was built again because of 1 change
        //c:last tool
          source c/more: folder 3593de167eba of 154 bytes -> folder b78a7819993e of 155 bytes
            share/x
            share/z (new)
    "#]],
    );
}

#[test]
fn a_result_that_came_from_elsewhere() {
    let fixture = built();
    let other = Fixture::new(&[("c/BUILD.star", &definition(CHAIN)), ("c/a.txt", "other\n")]);
    let folder = fixture.cache();
    let mut command = other.command(&["why", "//c:last"]);
    command.env("WIZ_CACHE_DIR", folder);
    expect![[r#"
        status 0
        //c:last will be built again because of 1 change
        //c:first tool
          source c/a.txt: file 81c4b7f7e054 of 2 bytes -> file c0d6c8281a38 of 6 bytes
        what followed:
          //c:second tool: reads //c:first ([ARCH])/first.txt, made by //c:first tool
          //c:last tool: reads //c:second ([ARCH])/second.txt, made by //c:second tool
        not built yet: `wiz build //c:last` builds it
    "#]]
    .assert_eq(&other.run(&mut command).to_string());
}

#[test]
fn as_json() {
    let fixture = built();
    fixture.write("c/a.txt", "changed\n");
    let ended = fixture.wiz(&["why", "--json", "//c:last"]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json["built"], false);
    let causes: Vec<_> =
        json["actions"].as_array().unwrap().iter().filter(|action| action["causes"][0].is_object()).collect();
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0]["action"], "//c:first tool");
    assert_eq!(causes[0]["causes"][0]["name"], "c/a.txt");
    assert_eq!(causes[0]["causes"][0]["part"], "input");
    assert_eq!(causes[0]["compared"]["with"], "earlier");
}
