//! What runs again after which change, with everything real.

use expect_test::{Expect, expect};
use wiz_graph::{Action, ActionKind, Argument, NativeAction, Param, Piece};
use wiz_testkit::fixture::{output, path, source};

use crate::workspace::{Workspace, run, with};

fn actions() -> Vec<Action> {
    vec![
        run("zlib", "cat <zlib.c> >out"),
        run("size", "count <:zlib> >out"),
        run("busybox", "cat <busybox.c> >out"),
        run("image", "cat <:size> <:busybox> >out"),
    ]
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("zlib.c", "abc");
    workspace.write("busybox.c", "def");
    workspace
}

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(workspace: &Workspace, actions: Vec<Action>, expected: Expect) {
    let built = workspace.build(actions, "image");
    let failure = if built.outcome.succeeded() { String::new() } else { built.failure() };
    expected.assert_eq(&format!("{}{failure}", built.ends));
}

#[test]
fn only_what_an_edit_reaches_is_made_again() {
    let workspace = workspace();
    check(
        &workspace,
        actions(),
        expect![[r#"
            //:busybox executed
            //:image executed
            //:size executed
            //:zlib executed
        "#]],
    );
    check(
        &workspace,
        actions(),
        expect![[r#"
            //:busybox local hit
            //:image local hit
            //:size local hit
            //:zlib local hit
        "#]],
    );
    workspace.write("busybox.c", "new");
    check(
        &workspace,
        actions(),
        expect![[r#"
            //:busybox executed
            //:image executed
            //:size local hit
            //:zlib local hit
        "#]],
    );
    workspace.write("zlib.c", "xyz");
    check(
        &workspace,
        actions(),
        expect![[r#"
            //:busybox local hit
            //:image local hit
            //:size cut off
            //:zlib executed
        "#]],
    );
    assert_eq!(workspace.build(actions(), "image").text(), "3new");
}

#[test]
fn what_is_in_no_key_changes_nothing() {
    let workspace = workspace();
    let _ = workspace.build(actions(), "image");
    workspace.write("README", "a new file");
    let limited = actions().into_iter().map(|action| {
        with(action, |run| {
            run.limits.seconds = Some(100);
            run.limits.memory = Some(1 << 30);
        })
    });
    check(
        &workspace,
        limited.collect(),
        expect![[r#"
            //:busybox local hit
            //:image local hit
            //:size local hit
            //:zlib local hit
        "#]],
    );
}

#[test]
fn the_text_of_an_output_stands_in_an_argument() {
    let workspace = workspace();
    let show = |action| {
        with(action, |run| {
            let words = run.arguments.len();
            run.arguments[words - 1] = Argument(vec![Piece::TextOf(output("size"))]);
        })
    };
    let mut actions = actions();
    actions.push(show(run("image2", "write /build/out/out text")));
    actions.push(run("both", "cat <:image> <:image2> >out"));
    assert_eq!(workspace.build(actions, "both").text(), "3def3");
}

#[test]
fn packers_and_texts_take_part() {
    let workspace = workspace();
    let file = |file: &str, what: (&str, Param)| {
        Param::Dict([("path".to_owned(), Param::String(file.to_owned())), (what.0.to_owned(), what.1)].into())
    };
    let mut text = run("text", "");
    text.kind = ActionKind::Write { text: "written".to_owned(), executable: false };
    let files = Param::List(vec![
        file("a/zlib.c", ("artifact", Param::Input(source("zlib.c")))),
        file("b", ("artifact", Param::Input(output("text")))),
    ]);
    let mut tree = crate::workspace::making(run("tree", ""), &[("out", wiz_graph::OutputKind::Tree)]);
    tree.kind = ActionKind::Native(NativeAction {
        kind: wiz_graph::native::NativeKind::Tree,
        params: [("files".to_owned(), files), ("tree".to_owned(), Param::Output(path("out")))].into(),
    });
    let list = run("image", "list <:tree> >out");
    let built = workspace.build(vec![text, tree, list], "image");
    assert!(built.outcome.succeeded(), "{}", built.failure());
    assert_eq!(built.text(), "a/\na/zlib.c plain 3\nb plain 7\n");
}

#[test]
fn a_source_tree_is_writable_and_stays_as_it_was() {
    let workspace = workspace();
    workspace.write("src/a", "1");
    let words = "write /build/src/b 22 , list /build/src >out";
    let action = with(run("image", words), |run| run.source = Some(source("src")));
    let built = workspace.build(vec![action], "image");
    assert!(built.outcome.succeeded(), "{}", built.failure());
    assert_eq!(built.text(), "a plain 1\nb plain 2\n");
    assert!(!workspace.path("src/b").exists());
}

#[test]
fn what_a_command_prints_can_be_an_output() {
    let workspace = workspace();
    let action = with(run("image", "print hello"), |run| run.log = Some(path("out")));
    assert_eq!(workspace.build(vec![action], "image").text(), "hello\n");
}

#[test]
fn a_command_finds_the_jobserver() {
    let workspace = workspace();
    let built = workspace.build(vec![run("image", "token >out")], "image");
    assert_eq!(built.text(), " -j --jobserver-auth=4,5: +");
}
