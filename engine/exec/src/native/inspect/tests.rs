//! What is reported of ELF files.

use expect_test::{expect, expect_file};
use serde_json::json;
use wiz_base::Node;
use wiz_graph::native::NativeKind;

use crate::native::testing::{Bench, elf};

#[test]
fn every_linked_file_is_reported() {
    let mut bench = Bench::new();
    let tree = bench.tree("usr/bin/script* #!/bin/sh\\n\nusr/lib/link -> libz.so.1");
    let mut truncated = elf::program(&[]);
    truncated.truncate(200);
    let files: [(&str, &[u8]); 5] = [
        ("usr/bin/tool", &elf::program(&["libz.so.1"])),
        ("usr/lib/libz.so.1", &elf::shared("libz.so.1", &["libc.so.6"])),
        ("usr/lib/crt1.o", &elf::object()),
        ("usr/lib/old", &elf::unprotected()),
        ("usr/lib/truncated", &truncated),
    ];
    let tree = bench.with_files(&tree, &files);
    let tree = bench.input("tree", Node::Directory(tree));
    let params = json!({ "tree": tree, "report": {"$output": "report.json"} });
    let output = bench.run(NativeKind::Inspect, &params).unwrap();
    expect_file!["report.json"].assert_eq(&bench.text(&output, "report.json"));
    expect![[r#"
        4 ELF files
        usr/lib/truncated: Invalid ELF program header size or alignment
    "#]]
    .assert_eq(&output.log);
    assert_eq!(NativeKind::Inspect.version(), 1);
    expect!["00a880a5f42fb06ce4e28e958ff56daabfdc9ff3e0b3fb3989be78faba0ffe14/86"]
        .assert_eq(&output.root.to_string());
}

/// The compiler of this machine is a foreign writer of what is read here; without
/// one there is nothing to compare with.
#[test]
fn what_a_compiler_writes_is_read() {
    let mut bench = Bench::new();
    let source =
        "#include <string.h>\nint main(int c, char **v) { char b[64]; strcpy(b, v[0]); return b[c]; }\n";
    let flags =
        ["-g", "-O2", "-fstack-protector-strong", "-fPIE", "-pie", "-Wl,-z,relro,-z,now", "-Wl,--build-id"];
    let Some(program) = elf::compiled(source, &flags) else { return };
    let tree = bench.tree("");
    let tree = bench.with_files(&tree, &[("usr/bin/tool", &program)]);
    let tree = bench.input("tree", Node::Directory(tree));
    let params = json!({ "tree": tree, "report": {"$output": "report.json"} });
    let output = bench.run(NativeKind::Inspect, &params).unwrap();
    let report: serde_json::Value = serde_json::from_str(&bench.text(&output, "report.json")).unwrap();
    let file = &report["files"][0];
    for (field, expected) in [
        ("/kind", json!("pie")),
        ("/stripped", json!(false)),
        ("/hardening/relro", json!(true)),
        ("/hardening/bind_now", json!(true)),
        ("/hardening/canary", json!(true)),
        ("/hardening/executable_stack", json!(false)),
        ("/needed", json!(["libc.so.6"])),
    ] {
        assert_eq!(file.pointer(field), Some(&expected), "{field} of {file:#}");
    }
    let unit = file["debug"]["units"].as_array().unwrap().iter().find(|unit| unit["name"] == "tool.c");
    let producer = unit.unwrap()["producer"].as_u64().unwrap();
    let producer = file["debug"]["producers"][usize::try_from(producer).unwrap()].as_str().unwrap();
    assert!(producer.contains("-fstack-protector-strong"), "{producer}");
    let sources = file["debug"]["sources"].to_string();
    assert!(sources.contains("\"/src/tool.c\""), "{sources}");
}
