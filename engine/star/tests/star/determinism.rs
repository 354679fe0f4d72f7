//! The number of threads changes nothing, and what was analysed can be stored.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use wiz_graph::AnalyzedTarget;
use wiz_star::Analysis;

use crate::written::Written;

const RULES: &str = r#"
Info = provider(fields = {"names": provider_field(list[str]), "out": provider_field(Artifact)})
def _impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output("out/" + ctx.label.name)
    ctx.actions.run(
        cmd_args("/bin/cat", [dep[Info].out for dep in ctx.attrs.deps], out.as_output()),
        root = [],
        env = ctx.attrs.env,
        category = "cat",
    )
    names = {name: None for dep in ctx.attrs.deps for name in dep[Info].names[:3]}
    return [DefaultInfo(default_output = out), Info(names = [ctx.label.name] + list(names), out = out)]
cat = rule(impl = _impl, attrs = {
    "deps": attrs.list(attrs.dep(providers = [Info]), default = []),
    "env": attrs.dict(attrs.string(), attrs.string(), default = {}),
})
"#;

/// A workspace of `folders` packages with `each` targets, target `t<i>` with the dependencies given.
fn generated(folders: usize, each: usize, dependencies: impl Fn(usize) -> Vec<usize>) -> Written {
    let label = |index: usize| format!("//p{}:t{index}", index / each);
    let mut files = BTreeMap::from([
        ("WORKSPACE.star".to_owned(), "workspace(name = \"generated\")\n".to_owned()),
        ("lib/rules.star".to_owned(), RULES.to_owned()),
    ]);
    for folder in 0..folders {
        let mut text = "load(\"//lib:rules.star\", \"cat\")\n".to_owned();
        for index in folder * each..(folder + 1) * each {
            let deps: Vec<_> = dependencies(index).into_iter().map(label).collect();
            writeln!(text, "cat(name = \"t{index}\", deps = {deps:?}, env = {{\"I\": \"{index}\"}})")
                .unwrap();
        }
        files.insert(format!("p{folder}/BUILD.star"), text);
    }
    Written(files)
}

fn stored(analysis: &Analysis) -> String {
    let targets: Vec<_> = analysis.targets.values().collect();
    format!("{}\n{:?}", serde_json::to_string(&targets).unwrap(), analysis.diagnostics)
}

#[test]
fn two_thousand_targets_are_the_same_on_one_thread_and_on_two() {
    let written = generated(20, 100, |index| (1..4).filter_map(|step| index.checked_sub(step * 7)).collect());
    let (one, two) = (written.analyze(&["//..."], 1), written.analyze(&["//..."], 2));
    assert_eq!(one.targets.len(), 2000);
    assert!(one.is_sound());
    assert!(stored(&one) == stored(&two));
    assert_eq!(one.files, two.files);
}

#[test]
fn an_analysed_target_can_be_stored_and_read_back() {
    let analysis = generated(1, 5, |index| (0..index).collect()).analyze(&["//..."], 1);
    for target in analysis.targets.values() {
        let text = serde_json::to_string(target).unwrap();
        assert_eq!(serde_json::from_str::<AnalyzedTarget>(&text).unwrap(), *target);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Circles, missing targets and all.
    #[test]
    fn any_graph_is_the_same_on_every_number_of_threads(
        edges in prop::collection::vec((0usize..24, 0usize..26), 0..60),
    ) {
        let dependencies = |index| {
            let mut needs: Vec<_> = edges.iter().filter(|edge| edge.0 == index).map(|edge| edge.1).collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        };
        let written = generated(4, 6, dependencies);
        let one = written.analyze(&["//..."], 1);
        let four = written.analyze(&["//..."], 4);
        prop_assert_eq!(stored(&one), stored(&four));
        prop_assert_eq!(one.is_sound(), one.targets.len() == 24);
    }
}
