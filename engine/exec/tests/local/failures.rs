//! How failures are told, and what is kept of them.

use std::fs::File;

use expect_test::{Expect, expect};
use wiz_base::Label;
use wiz_exec::failed;
use wiz_graph::{Action, OutputKind};
use wiz_scheduler::CancelToken;
use wiz_testkit::EventLog;
use wiz_testkit::fixture::{source, target};

use crate::workspace::{Workspace, making, run, with};

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check(action: Action, expected: Expect) {
    let workspace = Workspace::new();
    workspace.write("clash/usr/bin/tool", "another");
    expected.assert_eq(&workspace.build(vec![action], "x").failure());
}

#[test]
fn endings_are_told_apart() {
    check(
        run("x", "print first second , exit 3 , cat >out"),
        expect![[r#"
            [WIZ1001] the command exited with status 3
            | first
            | second
        "#]],
    );
    check(
        run("x", "kill 11 >out"),
        expect![[r#"
        [WIZ1002] the command was killed by signal 11 (segmentation fault)
    "#]],
    );
    check(
        with(run("x", "wait >out"), |run| run.limits.seconds = Some(1)),
        expect![[r#"
            [WIZ1003] the command took longer than its limit of 1 s
            hint: if it is right, give the action a longer `timeout`
        "#]],
    );
    check(
        with(run("x", "cat >out"), |run| run.arguments[0] = wiz_graph::Argument::text("/usr/bin/nothing")),
        expect![[r#"
            [WIZ1006] cannot start `/usr/bin/nothing` in the sandbox: No such file or directory (os error 2)
            hint: the path is looked up in the root: it, and the interpreter or loader it names, have to be in one of the root's trees
        "#]],
    );
}

#[test]
fn the_network_is_explained() {
    check(
        run("x", "connect >out"),
        expect![[r#"
            [WIZ1001] the command exited with status 1
            hint: actions have no network: declare what it fetches as a source
            | tool: connect: Network is unreachable
        "#]],
    );
}

#[test]
fn outputs_are_what_was_declared() {
    check(
        run("x", "write /build/out/other text"),
        expect![[r#"
            [WIZ1010] the action did not make what it declares:
            the file `out` is missing
            what it left in /build/out:
            `other`
            hint: have the action make it below /build/out, or declare what it really makes
        "#]],
    );
    check(
        run("x", "mkdir /build/out/out"),
        expect![[r#"
            [WIZ1010] the action did not make what it declares:
            `out` is a folder, not a file
            what it left in /build/out:
            `out`
            hint: have the action make it below /build/out, or declare what it really makes
        "#]],
    );
    check(
        run("x", "cat >out , mkdir /build/out/a , write /build/out/a/b text , write /build/out/c text"),
        expect![[r#"
            [WIZ1011] the action made what it does not declare:
            `a`
            `c`
            hint: declare them as outputs, or write them to /tmp
        "#]],
    );
}

#[test]
fn odd_modes_and_hard_links_are_told_with_the_line_to_add() {
    let tree = |words: &str| making(run("x", words), &[("out", OutputKind::Tree)]);
    check(
        tree("write /build/out/out/su text , chmod /build/out/out/su 4755"),
        expect![[r#"
            [WIZ1012] the output holds what is not declared:
            `/out/su` has the set-user-id bit
            hint: if it is meant, add to the action: modes = {"out/su": "4755"}
        "#]],
    );
    check(
        tree("write /build/out/out/a text , link /build/out/out/a /build/out/out/b"),
        expect![[r#"
            [WIZ1012] the output holds what is not declared:
            `/out/b` is a hard link to `/out/a`
            hint: make copies or symbolic links instead of hard links
        "#]],
    );
}

#[test]
fn declared_modes_are_accepted_in_either_spelling() {
    for written in ["out/su", "su"] {
        for root in [false, true] {
            let action = making(
                run("x", "write /build/out/out/su text , chmod /build/out/out/su 4711"),
                &[("out", OutputKind::Tree)],
            );
            let action = with(action, |run| {
                run.capture.root = root;
                run.capture.modes.insert(written.to_owned(), "4711".to_owned());
            });
            check(
                action,
                expect![[r#"
                no failure
            "#]],
            );
        }
    }
}

#[test]
fn parts_of_a_root_are_stored_canonically() {
    let words =
        "mkdir /build/out/out/bin , write /build/out/out/bin/a text , symlink /bin/a /build/out/out/b";
    let action = with(making(run("x", words), &[("out", OutputKind::Tree)]), |run| run.capture.root = true);
    let workspace = Workspace::new();
    let built = workspace.build(vec![action], "x");
    assert!(built.outcome.succeeded(), "{}", built.failure());
    let result = built.outcome.result(built.id).unwrap();
    let paths: Vec<_> = built
        .store
        .walk(&result.output_root)
        .map(|entry| match entry.unwrap() {
            (path, wiz_base::Node::Symlink(target)) => format!("{path} -> {target}"),
            (path, _) => path.to_string(),
        })
        .collect();
    assert_eq!(paths, ["out", "out/b -> usr/bin/a", "out/usr", "out/usr/bin", "out/usr/bin/a"]);
}

#[test]
fn trees_that_collide_name_their_owners() {
    check(
        with(run("x", "cat >out"), |run| run.root.push(source("clash"))),
        expect![[r#"
            [WIZ1020] the trees of the root cannot be stacked
            `/usr/bin/tool` is a file of `root` and a file of `clash`, which differ
            hint: leave one of them out of the root, or let only one of them own the path
        "#]],
    );
}

#[test]
fn a_missing_source_is_named() {
    check(
        run("x", "cat <nothing.c> >out"),
        expect![[r#"
        [WIZ1030] `nothing.c` does not exist in the workspace
    "#]],
    );
}

#[test]
fn a_failed_command_can_be_entered_as_it_left_its_sandbox() {
    let workspace = Workspace::new();
    let words = "print log , write /tmp/note text , write /build/out/half done , exit 1 , cat >out";
    let _ = workspace.build(vec![run("x", words)], "x");
    let kept = failed::load(&workspace.cache(), &target("x")).unwrap();
    assert_eq!(kept.action, "//:x make");
    assert_eq!(std::fs::read_to_string(kept.log()).unwrap(), "log\n");
    assert_eq!(failed::list(&workspace.cache()).len(), 1);
    let store = workspace.store();
    let words = ["/usr/bin/tool", "cat", "/tmp/note", "/build/out/half", "/build/out/both"];
    let spec = kept.spec(&store, words.map(str::to_owned).to_vec()).unwrap();
    let log = File::create(workspace.path("log")).unwrap();
    let cancel = wiz_sandbox::CancelToken::new().unwrap();
    let finished = wiz_sandbox::run(&spec, &log, &cancel).unwrap();
    assert_eq!(finished.ending, wiz_sandbox::Ending::Exited(0));
    assert_eq!(std::fs::read_to_string(spec.scratch.join("out/both")).unwrap(), "textdone");
}

#[test]
fn only_the_last_failure_of_a_target_is_kept_and_success_ends_it() {
    let workspace = Workspace::new();
    for status in [1, 2] {
        let _ = workspace.build(vec![run("x", &format!("exit {status} >out"))], "x");
    }
    let kept = failed::list(&workspace.cache());
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].message, "the command exited with status 2");
    let _ = workspace.build(vec![run("x", "cat >out")], "x");
    assert_eq!(failed::list(&workspace.cache()).len(), 0);
}

#[test]
fn a_running_command_is_cancelled() {
    let (workspace, cancel, events) = (Workspace::new(), CancelToken::new(), EventLog::default());
    let built = std::thread::scope(|scope| {
        let building =
            scope.spawn(|| workspace.build_until(vec![run("x", "wait >out")], "x", &cancel, &events));
        while events.started().is_empty() {
            std::thread::yield_now();
        }
        cancel.cancel();
        building.join().unwrap()
    });
    assert!(built.outcome.cancelled);
    assert_eq!(built.ends, "//:x stopped\n");
}

#[test]
fn labels_make_folder_names() {
    let workspace = Workspace::new();
    let mut action = run("x", "exit 1 >out");
    action.owner.label = Label::parse("//a/b:c=d@e", &wiz_base::RelPath::root()).unwrap();
    let owner = action.owner.clone();
    let graph = wiz_graph::ActionGraph::build([action]).unwrap();
    let (store, events) = (workspace.store(), EventLog::default());
    let executor = workspace.executor(&store);
    let parties = wiz_scheduler::Parties {
        executor: &executor,
        events: &events,
        clock: &wiz_testkit::StandingClock,
        history: executor.history(),
        cancel: &CancelToken::new(),
    };
    let ids: Vec<_> = graph.ids().collect();
    let _ = wiz_scheduler::build(&graph, &ids, &parties, &wiz_scheduler::Options::default());
    assert!(failed::load(&workspace.cache(), &owner).is_some());
}
