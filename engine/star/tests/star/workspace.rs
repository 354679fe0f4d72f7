//! What WORKSPACE.star says, and what it means for targets.

use std::num::NonZeroUsize;

use expect_test::expect;
use wiz_base::{PlatformName, TargetPattern};
use wiz_star::{analyze, definitions, load_workspace};

use crate::written::{Written, host};

const FILES: &str = r#"
# file: WORKSPACE.star
workspace(
    name = "t",
    digest_function = "sha256",
    platforms = {
        "x86_64": platform(os = "linux", cpu = "x86_64"),
        "arm": platform(os = "linux", cpu = "aarch64"),
    },
    default_platform = "arm",
    execution_platform = "x86_64",
    toolchains = {"c": {"arm": "//tools:arm"}},
    mirrors = {"debian": ["https://mirror.example/debian"]},
    prelude = ["//lib/prelude.star"],
    signing = {"keys": ["a"]},
)
# file: lib/prelude.star
load(":rules.star", _thing = "thing", _tool = "tool")
thing = _thing
tool = _tool
_hidden = 1
# file: lib/rules.star
def _impl(ctx):
    facts = [ctx.platform.name, ctx.platform.cpu, ctx.execution_platform.name]
    ctx.actions.write("facts", " ".join(facts + [str(value) for value in [
        ctx.attrs.text,
        ctx.attrs.deps,
        ctx.attrs.compiler.label if ctx.attrs.compiler else None,
    ]]))
    return []
thing = rule(impl = _impl, doc = "A thing.", attrs = {
    "text": attrs.string(default = ""),
    "deps": attrs.dict(attrs.string(), attrs.dep(), default = {}),
    "host_tool": attrs.option(attrs.exec_dep(), default = None),
    "compiler": attrs.option(attrs.toolchain_dep("c")),
})
tool = rule(impl = lambda ctx: [], attrs = {})
# file: tools/BUILD.star
tool(name = "arm")
tool(name = "linker")
# file: a/BUILD.star
thing(
    name = "a",
    text = "on " + select({"cpu:aarch64": "arm", "x86_64": "x86", "DEFAULT": "?"}) + "!",
    deps = {"z": ":b"},
    host_tool = "//tools:linker",
    tags = ["slow"],
)
thing(name = "b", deps = select({"arm": {"l": "//tools:linker"}, "DEFAULT": {}}))
"#;

#[test]
fn fields_are_read() {
    let workspace = load_workspace(&Written::new(FILES), &host()).unwrap();
    expect![[r#"
        Workspace {
            name: "t",
            digest_function: Sha256,
            platforms: {
                PlatformName(
                    "arm",
                ): Platform {
                    name: PlatformName(
                        "arm",
                    ),
                    os: "linux",
                    cpu: "aarch64",
                },
                PlatformName(
                    "x86_64",
                ): Platform {
                    name: PlatformName(
                        "x86_64",
                    ),
                    os: "linux",
                    cpu: "x86_64",
                },
            },
            default_platform: PlatformName(
                "arm",
            ),
            execution_platform: PlatformName(
                "x86_64",
            ),
            toolchains: {
                "c": {
                    PlatformName(
                        "arm",
                    ): //tools:arm,
                },
            },
            mirrors: {
                "debian": [
                    "https://mirror.example/debian",
                ],
            },
            prelude: [
                "lib/prelude.star",
            ],
            other: {
                "signing": Dict(
                    [
                        (
                            "keys",
                            List(
                                [
                                    String(
                                        "a",
                                    ),
                                ],
                            ),
                        ),
                    ],
                ),
            },
        }
    "#]]
    .assert_debug_eq(&workspace);
}

#[test]
fn a_name_is_enough() {
    let workspace = load_workspace(&Written::new(""), &host()).unwrap();
    assert_eq!(workspace.execution(), &host());
    assert_eq!(workspace.default_platform, host().name);
}

#[test]
fn targets_are_configured_by_edge_and_platform() {
    let written = Written::new(FILES);
    let show = |platform: &str| {
        let workspace = written.workspace();
        let patterns = [TargetPattern::parse("//a:all").unwrap()];
        let platform = PlatformName::new(platform).unwrap();
        let analysis = analyze(&written, &workspace, &patterns, &platform, NonZeroUsize::MIN);
        let mut shown: Vec<_> = analysis.diagnostics.iter().map(ToString::to_string).collect();
        for target in analysis.targets.values() {
            let dependencies: Vec<_> = target.dependencies.iter().map(ToString::to_string).collect();
            shown.push(format!("{} needs [{}]", target.id, dependencies.join(", ")));
            shown.extend(
                target
                    .actions
                    .iter()
                    .map(|action| format!("  {}", serde_json::to_string(&action.kind).unwrap())),
            );
        }
        shown.join("\n")
    };
    expect![[r#"
        //a (arm) needs [//a:b (arm), //tools:arm (x86_64), //tools:linker (x86_64)]
          {"write":{"text":"arm aarch64 x86_64 on arm! {\"z\": <dependency //a:b>} //tools:arm","executable":false}}
        //a:b (arm) needs [//tools:arm (x86_64), //tools:linker (arm)]
          {"write":{"text":"arm aarch64 x86_64  {\"l\": <dependency //tools:linker>} //tools:arm","executable":false}}
        //tools:arm (x86_64) needs []
        //tools:linker (arm) needs []
        //tools:linker (x86_64) needs []"#]].assert_eq(&show("arm"));
    expect![[r#"
        //a (x86_64) needs [//a:b (x86_64), //tools:linker (x86_64)]
          {"write":{"text":"x86_64 x86_64 x86_64 on x86! {\"z\": <dependency //a:b>} None","executable":false}}
        //a:b (x86_64) needs []
          {"write":{"text":"x86_64 x86_64 x86_64  {} None","executable":false}}
        //tools:linker (x86_64) needs []"#]].assert_eq(&show("x86_64"));
    expect![[r#"
        [WIZ0406] there is no platform `riscv`
          hint: WORKSPACE.star declares `arm` or `x86_64`"#]]
    .assert_eq(&show("riscv"));
}

#[test]
fn definitions_are_listed_without_analysis() {
    let written = Written::new(FILES);
    let patterns = [TargetPattern::parse("//...").unwrap()];
    let found = definitions(&written, &written.workspace(), &patterns, NonZeroUsize::MIN);
    assert_eq!(found.diagnostics, []);
    let shown: Vec<_> = found
        .targets
        .iter()
        .map(|(label, definition)| {
            let place = definition.span.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{label} {} {:?} {place} {}", definition.rule, definition.tags, definition.doc)
        })
        .collect();
    expect![[r#"
        //a thing ["slow"] a/BUILD.star:1:1 A thing.
        //a:b thing [] a/BUILD.star:8:1 A thing.
        //tools:arm tool [] tools/BUILD.star:1:1 
        //tools:linker tool [] tools/BUILD.star:2:1 "#]]
    .assert_eq(&shown.join("\n"));
}
