//! Whole actions and providers of small workspaces.

use expect_test::{Expect, expect};

use crate::written::Written;

/// Compares the targets of package `a`, their providers and their actions.
fn check(files: &str, expected: Expect) {
    let analysis = Written::new(files).analyze(&["//..."], 2);
    assert_eq!(analysis.diagnostics, []);
    let mut shown = String::new();
    for target in analysis.targets.values().filter(|target| target.id.label.package().as_str() == "a") {
        shown.push_str(&format!("{} = {}\n", target.id, target.rule));
        for provider in target.providers.iter().filter(|provider| provider.name != "DefaultInfo") {
            shown.push_str(&format!("  {}\n", serde_json::to_string(&provider.fields).unwrap()));
        }
        for action in &target.actions {
            let outputs: Vec<_> =
                action.outputs.iter().map(|(path, kind)| format!("{path}: {kind:?}")).collect();
            shown.push_str(&format!("  {} -> {}\n", action.display_name(), outputs.join(", ")));
            let inputs: Vec<_> = action.inputs().into_iter().map(ToString::to_string).collect();
            shown.push_str(&format!("    reads {}\n", inputs.join(", ")));
            shown.push_str(&format!("    {}\n", serde_json::to_string(&action.kind).unwrap()));
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_command_names_its_inputs_and_outputs_once() {
    check(
        r#"
# file: r/rules.star
def _greeting_impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output("greeting.txt")
    log = ctx.actions.declare_output("log")
    ctx.actions.run(
        cmd_args("/bin/sh", ctx.attrs.script, ctx.attrs.text, out.as_output()),
        root = ctx.attrs._root[RootInfo],
        env = {"EPOCH": text_of(ctx.attrs.epoch), "WHO": cmd_args("a", "b")},
        hidden = ctx.attrs.extra,
        category = "greet",
        identifier = ctx.label.name,
        timeout = "5m",
        memory = "1G",
        log = log.as_output(),
        capture = "root",
        modes = {"usr/bin/su": "4755"},
    )
    return [DefaultInfo(default_output = out)]

greeting = rule(impl = _greeting_impl, doc = "Writes a greeting.", attrs = {
    "text": attrs.string(doc = "The greeting."),
    "script": attrs.source(),
    "epoch": attrs.source(),
    "extra": attrs.list(attrs.source(), default = []),
    "_root": attrs.dep(default = ":root"),
})

def _tree_impl(ctx):
    tree = ctx.actions.declare_output("tree", dir = True)
    ctx.actions.native("tree", params = {
        "files": [{"path": "etc/name", "text": ctx.label}],
        "tree": tree.as_output(),
    })
    return [DefaultInfo(default_output = tree), RootInfo(trees = [tree], env = {"LANG": "C", "WHO": "root"})]

tree = rule(impl = _tree_impl, attrs = {})
# file: r/BUILD.star
load(":rules.star", "tree")
tree(name = "root")
# file: a/BUILD.star
load("//r:rules.star", "greeting")
greeting(name = "hello", text = "hi", script = "greet.sh", epoch = "//r:root", extra = glob(["*.txt"]))
# file: a/greet.sh
# file: a/x.txt
"#,
        expect![[r#"
            //a:hello (x86_64) = greeting
              //a:hello greet (hello) -> greeting.txt: File, log: File
                reads a/greet.sh, a/x.txt, //r:root (x86_64)/tree
                {"run":{"arguments":[[{"text":"/bin/sh"}],[{"path":{"source":{"path":"a/greet.sh"}}}],[{"text":"hi"}],[{"output":"greeting.txt"}]],"environment":{"EPOCH":[{"text_of":{"output":{"target":{"label":"//r:root","platform":"x86_64"},"path":"tree","inner":""}}}],"LANG":[{"text":"C"}],"WHO":[{"text":"a b"}]},"root":[{"output":{"target":{"label":"//r:root","platform":"x86_64"},"path":"tree","inner":""}}],"source":null,"hidden":[{"source":{"path":"a/x.txt"}}],"platform":{"name":"x86_64","os":"linux","cpu":"x86_64"},"log":"log","capture":{"root":true,"modes":{"usr/bin/su":"4755"}},"user":null,"limits":{"seconds":300,"memory":1073741824,"cores":null}}}
        "#]],
    );
}

#[test]
fn arguments_are_written_in_every_style() {
    check(
        r#"
# file: r/rules.star
def _impl(ctx):
    out = ctx.actions.declare_output("out")
    file = ctx.actions.write("conf/file.txt", "text\n", executable = True)
    args = cmd_args("a", ["b", ("c",)], format = "<{}{}>")
    args.add(cmd_args(["x", file], prepend = "-I"), file.project("in/side"))
    args.add(cmd_args("l1", "l2", delimiter = ",", format = "{}!", hidden = out.as_output()))
    args.add(cmd_args(out.as_output(), format = "--out={}")).add(ctx.label)
    ctx.actions.run(args, root = [], category = "styles")
    return []
styles = rule(impl = _impl, attrs = {})
# file: a/BUILD.star
load("//r:rules.star", "styles")
styles(name = "a")
"#,
        expect![[r#"
            //a (x86_64) = styles
              //a write (conf/file.txt) -> conf/file.txt: File
                reads 
                {"write":{"text":"text\n","executable":true}}
              //a styles -> out: File
                reads //a (x86_64)/conf/file.txt, //a (x86_64)/conf/file.txt/in/side
                {"run":{"arguments":[[{"text":"<aa>"}],[{"text":"<bb>"}],[{"text":"<cc>"}],[{"text":"-I"}],[{"text":"x"}],[{"text":"-I"}],[{"path":{"output":{"target":{"label":"//a","platform":"x86_64"},"path":"conf/file.txt","inner":""}}}],[{"path":{"output":{"target":{"label":"//a","platform":"x86_64"},"path":"conf/file.txt","inner":"in/side"}}}],[{"text":"l1!,l2!"}],[{"text":"--out="},{"output":"out"}],[{"text":"//a"}]],"environment":{},"root":[],"source":null,"hidden":[],"platform":{"name":"x86_64","os":"linux","cpu":"x86_64"},"log":null,"capture":{"root":false,"modes":{}},"user":null,"limits":{"seconds":null,"memory":null,"cores":null}}}
        "#]],
    );
}

#[test]
fn fetches_and_packers() {
    check(
        r#"
# file: r/rules.star
def _impl(ctx):
    archive = ctx.actions.fetch(
        "a.tar.gz",
        urls = ["https://example.org/a.tar.gz", "debian:pool/a.tar.gz"],
        sha256 = "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        size = 12,
    )
    tree = ctx.actions.declare_output("tree", dir = True)
    epoch = ctx.actions.declare_output("epoch")
    ctx.actions.native("unpack", category = "unpack source", params = {
        "archives": [{"archive": archive, "strip": 1, "only": ("*.c",)}],
        "mode": struct(a = None, b = True),
        "stamp": text_of(archive),
        "tree": tree.as_output(),
        "nested": {"epoch": epoch.as_output()},
    })
    return [DefaultInfo(default_outputs = [tree], other_outputs = [epoch])]
fetched = rule(impl = _impl, attrs = {})
# file: a/BUILD.star
load("//r:rules.star", "fetched")
fetched(name = "a")
"#,
        expect![[r#"
            //a (x86_64) = fetched
              //a fetch (a.tar.gz) -> a.tar.gz: File
                reads 
                {"fetch":{"urls":["https://example.org/a.tar.gz","debian:pool/a.tar.gz"],"sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","size":12}}
              //a unpack source -> epoch: File, tree: Tree
                reads //a (x86_64)/a.tar.gz
                {"native":{"kind":"unpack","params":{"archives":{"list":[{"dict":{"archive":{"input":{"output":{"target":{"label":"//a","platform":"x86_64"},"path":"a.tar.gz","inner":""}}},"only":{"list":[{"string":"*.c"}]},"strip":{"int":1}}}]},"mode":{"dict":{"a":"none","b":{"bool":true}}},"nested":{"dict":{"epoch":{"output":"epoch"}}},"stamp":{"text_of":{"output":{"target":{"label":"//a","platform":"x86_64"},"path":"a.tar.gz","inner":""}}},"tree":{"output":"tree"}}}}
        "#]],
    );
}

#[test]
fn providers_hand_on_data_in_the_order_it_was_written() {
    check(
        r#"
# file: r/rules.star
Inner = provider(fields = {"x": provider_field(int, default = 1)})
Pair = record(left = int, right = str)
Info = provider(fields = {
    "data": provider_field(dict),
    "inner": provider_field(Inner),
    "line": provider_field(typing.Any, default = None),
    "other": provider_field(list[Label], default = []),
})

def _make_impl(ctx):
    line = cmd_args("-I", ctx.attrs.src, hidden = ctx.attrs.src)
    return [Info(
        data = {"z": 1, "a": [None, True, "t"], "s": struct(y = 1, b = 2), "r": Pair(left = 1, right = "r")},
        inner = Inner(),
        line = line,
        other = [ctx.label],
    )]
make = rule(impl = _make_impl, attrs = {"src": attrs.source()})

def _use_impl(ctx):
    info = ctx.attrs.dep[Info]
    out = ctx.actions.declare_output("out")
    ctx.actions.run(
        ["/bin/x", info.line, [key for key in info.data], info.data["s"].b, out.as_output()][:3] + [out.as_output()],
        root = [],
        category = "use",
    )
    return [Info(**(info.to_dict() | {"inner": Inner(x = 2)}))]
use = rule(impl = _use_impl, attrs = {"dep": attrs.dep(providers = [Info])})
# file: a/BUILD.star
load("//r:rules.star", "make", "use")
make(name = "b", src = "s.h")
use(name = "a", dep = ":b")
# file: a/s.h
"#,
        expect![[r#"
            //a (x86_64) = use
              {"data":{"dict":[["z",{"int":1}],["a",{"list":["none",{"bool":true},{"string":"t"}]}],["s",{"struct":[["y",{"int":1}],["b",{"int":2}]]}],["r",{"struct":[["left",{"int":1}],["right",{"string":"r"}]]}]]},"inner":{"provider":{"name":"Inner","module":"r/rules.star","fields":{"x":{"int":2}}}},"line":{"arguments":{"items":[[{"text":"-I"}],[{"path":{"source":{"path":"a/s.h"}}}]],"hidden":[{"source":{"path":"a/s.h"}}]}},"other":{"list":[{"label":"//a:b"}]}}
              //a use -> out: File
                reads a/s.h
                {"run":{"arguments":[[{"text":"/bin/x"}],[{"text":"-I"}],[{"path":{"source":{"path":"a/s.h"}}}],[{"text":"z"}],[{"text":"a"}],[{"text":"s"}],[{"text":"r"}],[{"output":"out"}]],"environment":{},"root":[],"source":null,"hidden":[{"source":{"path":"a/s.h"}}],"platform":{"name":"x86_64","os":"linux","cpu":"x86_64"},"log":null,"capture":{"root":false,"modes":{}},"user":null,"limits":{"seconds":null,"memory":null,"cores":null}}}
            //a:b (x86_64) = make
              {"data":{"dict":[["z",{"int":1}],["a",{"list":["none",{"bool":true},{"string":"t"}]}],["s",{"struct":[["y",{"int":1}],["b",{"int":2}]]}],["r",{"struct":[["left",{"int":1}],["right",{"string":"r"}]]}]]},"inner":{"provider":{"name":"Inner","module":"r/rules.star","fields":{"x":{"int":1}}}},"line":{"arguments":{"items":[[{"text":"-I"}],[{"path":{"source":{"path":"a/s.h"}}}]],"hidden":[{"source":{"path":"a/s.h"}}]}},"other":{"list":[{"label":"//a:b"}]}}
        "#]],
    );
}

#[test]
fn transitive_sets_are_walked_in_preorder() {
    check(
        r#"
# file: r/rules.star
Flags = transitive_set(
    args_projections = {"include": lambda value: ["-I", value]},
    json_projections = {"upper": lambda value: value.upper()},
)
Info = provider(fields = ["flags"])
Result = provider(fields = ["values", "upper"])
def _impl(ctx):
    flags = ctx.actions.tset(
        Flags,
        value = ctx.label.name,
        children = [dep[Info].flags for dep in ctx.attrs.deps],
    )
    out = ctx.actions.declare_output("out")
    ctx.actions.run(["/bin/x", flags.project_as_args("include"), out.as_output()], root = [], category = "use")
    return [Result(values = flags.traverse(), upper = flags.project_as_json("upper")), Info(flags = flags)] if ctx.attrs.top else [Info(flags = flags)]
flags = rule(impl = _impl, attrs = {"deps": attrs.list(attrs.dep(), default = []), "top": attrs.bool(default = False)})
# file: r/BUILD.star
load(":rules.star", "flags")
flags(name = "leaf")
flags(name = "left", deps = [":leaf"])
flags(name = "right", deps = [":leaf"])
# file: a/BUILD.star
load("//r:rules.star", "flags")
flags(name = "top", deps = ["//r:left", "//r:right"], top = True)
"#,
        expect![[r#"
            //a:top (x86_64) = flags
              {"upper":{"list":[{"string":"TOP"},{"string":"LEFT"},{"string":"LEAF"},{"string":"RIGHT"}]},"values":{"list":[{"string":"top"},{"string":"left"},{"string":"leaf"},{"string":"right"}]}}
              {"flags":{"set":[{"name":"Flags","module":"r/rules.star","value":{"string":"leaf"},"projections":{"include":{"arguments":{"items":[[{"text":"-I"}],[{"text":"leaf"}]],"hidden":[]}},"upper":{"string":"LEAF"}}},{"name":"Flags","module":"r/rules.star","value":{"string":"left"},"projections":{"include":{"arguments":{"items":[[{"text":"-I"}],[{"text":"left"}]],"hidden":[]}},"upper":{"string":"LEFT"}},"children":[0]},{"name":"Flags","module":"r/rules.star","value":{"string":"right"},"projections":{"include":{"arguments":{"items":[[{"text":"-I"}],[{"text":"right"}]],"hidden":[]}},"upper":{"string":"RIGHT"}},"children":[0]},{"name":"Flags","module":"r/rules.star","value":{"string":"top"},"projections":{"include":{"arguments":{"items":[[{"text":"-I"}],[{"text":"top"}]],"hidden":[]}},"upper":{"string":"TOP"}},"children":[1,2]}]}}
              //a:top use -> out: File
                reads 
                {"run":{"arguments":[[{"text":"/bin/x"}],[{"text":"-I"}],[{"text":"top"}],[{"text":"-I"}],[{"text":"left"}],[{"text":"-I"}],[{"text":"leaf"}],[{"text":"-I"}],[{"text":"right"}],[{"output":"out"}]],"environment":{},"root":[],"source":null,"hidden":[],"platform":{"name":"x86_64","os":"linux","cpu":"x86_64"},"log":null,"capture":{"root":false,"modes":{}},"user":null,"limits":{"seconds":null,"memory":null,"cores":null}}}
        "#]],
    );
}
