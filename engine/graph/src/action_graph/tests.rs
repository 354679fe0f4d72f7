//! Actions that form a graph, and actions that do not.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use wiz_base::{Label, PlatformName};

use super::*;
use crate::action::{ActionKind, NativeAction, OutputKind};
use crate::native::NativeKind;
use crate::value::Param;

/// `name: inputs` as an action of `//t` that makes `name`.
fn action(text: &str) -> Action {
    let (name, inputs) = text.split_once(':').unwrap();
    let owner = ConfiguredTarget {
        label: Label::parse("//t", &RelPath::root()).unwrap(),
        platform: PlatformName::new("x86_64").unwrap(),
    };
    let input = |input: &str| {
        let path = RelPath::new(input).unwrap();
        let output = Artifact::Output { target: owner.clone(), path: path.clone(), inner: RelPath::root() };
        let artifact = if input.starts_with("src") { Artifact::Source { path } } else { output };
        (input.to_owned(), Param::Input(artifact))
    };
    Action {
        owner: owner.clone(),
        category: "make".to_owned(),
        identifier: Some(name.to_owned()),
        outputs: BTreeMap::from([(RelPath::new(name).unwrap(), OutputKind::File)]),
        kind: ActionKind::Native(NativeAction {
            kind: NativeKind::Tree,
            params: inputs.split_whitespace().map(input).collect(),
        }),
    }
}

fn check(actions: &[&str], expected: Expect) {
    let shown = match ActionGraph::build(actions.iter().map(|text| action(text))) {
        Err(error) => error.to_string(),
        Ok(graph) => {
            let names = |ids: Vec<ActionId>| {
                let names = ids.iter().filter_map(|id| graph.action(*id).identifier.clone());
                names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
            };
            let line = |id: ActionId| {
                let after = names(graph.dependants(id).collect());
                let closure = names(graph.closure([id]).into_iter().collect());
                format!("{}: then {after}; needs {closure}\n", names(vec![id]))
            };
            graph.ids().map(line).collect()
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn edges_run_from_producer_to_reader() {
    check(
        &["c: a b", "a: src/x", "b: a"],
        expect![[r#"
            c: then ; needs a b c
            a: then b c; needs a
            b: then c; needs a b
        "#]],
    );
}

#[test]
fn what_is_no_graph_is_refused() {
    check(&["a: b", "b: a"], expect!["`//t make (b)` depends on its own output"]);
    check(&["a: b"], expect!["`//t make (a)` reads `//t (x86_64)/b`, which no action makes"]);
    check(
        &["a:", "a: src"],
        expect!["output `a` of `//t (x86_64)` is made by both `//t make (a)` and `//t make (a)`"],
    );
}
