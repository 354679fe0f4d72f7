//! Which file goes where.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use wiz_graph::native::NativeKind;

use crate::native::testing::Bench;

const STAGING: &str = "
    usr/bin/tool* elf
    usr/include/z.h header
    usr/lib/libz.a archive
    usr/lib/libz.so -> libz.so.1
    usr/lib/libz.so.1 -> libz.so.1.3
    usr/lib/libz.so.1.3* elf
    usr/share/man/man1/tool.1 page
    var/empty/
";

fn check(parts: &Value, rest: bool, expected: &Expect) {
    let mut bench = Bench::new();
    let tree = bench.input_tree("staging", STAGING);
    let mut params = json!({ "tree": tree, "parts": parts });
    if rest {
        params["rest"] = json!({"$output": "rest"});
    }
    let text = match bench.run(NativeKind::Split, &params) {
        Ok(output) => format!("{}{}", bench.describe(&output.root), output.log),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&text);
}

fn part(name: &str, globs: &[&str]) -> Value {
    json!({ "name": name, "globs": globs, "tree": {"$output": name} })
}

#[test]
fn the_first_part_that_matches_wins_and_folders_follow() {
    let parts = json!([
        part("dev", &["usr/include", "usr/lib/*.so", "usr/lib/pkgconfig/**"]),
        part("static", &["usr/lib/*.a", "usr/include/**"]),
        part("doc", &["usr/share/man/**"]),
        part("var", &["var/empty"]),
    ]);
    check(
        &parts,
        true,
        &expect![[r#"
        dev/
        dev/usr/
        dev/usr/include/
        dev/usr/include/z.h header
        dev/usr/lib/
        dev/usr/lib/libz.so -> libz.so.1
        doc/
        doc/usr/
        doc/usr/share/
        doc/usr/share/man/
        doc/usr/share/man/man1/
        doc/usr/share/man/man1/tool.1 page
        rest/
        rest/usr/
        rest/usr/bin/
        rest/usr/bin/tool* elf
        rest/usr/lib/
        rest/usr/lib/libz.so.1 -> libz.so.1.3
        rest/usr/lib/libz.so.1.3* elf
        static/
        static/usr/
        static/usr/lib/
        static/usr/lib/libz.a archive
        var/
        var/var/
        var/var/empty/
        dev: 2 entries
        dev: nothing matches `usr/lib/pkgconfig/**`
        static: 1 entries
        static: nothing matches `usr/include/**`
        doc: 1 entries
        var: 1 entries
    "#]],
    );
}

#[test]
fn an_empty_part_is_refused_unless_it_may_be() {
    check(
        &json!([part("locales", &["usr/share/locale/**", "usr/lib/locale"])]),
        true,
        &expect![[r#"
        error: nothing belongs to the part `locales`: no file is matched by `usr/share/locale/**`, `usr/lib/locale`
        hint: remove the part, or give it globs of files that the build installs; what is left over is in `usr/bin`, `usr/include`, `usr/lib`, `usr/share/man/man1`, `var`
    "#]],
    );
    let mut optional = part("locales", &["usr/share/locale/**"]);
    optional["optional"] = true.into();
    check(
        &json!([optional, part("all", &["**"])]),
        true,
        &expect![[r#"
        all/
        all/usr/
        all/usr/bin/
        all/usr/bin/tool* elf
        all/usr/include/
        all/usr/include/z.h header
        all/usr/lib/
        all/usr/lib/libz.a archive
        all/usr/lib/libz.so -> libz.so.1
        all/usr/lib/libz.so.1 -> libz.so.1.3
        all/usr/lib/libz.so.1.3* elf
        all/usr/share/
        all/usr/share/man/
        all/usr/share/man/man1/
        all/usr/share/man/man1/tool.1 page
        all/var/
        all/var/empty/
        locales/
        rest/
        locales: 0 entries
        locales: nothing matches `usr/share/locale/**`
        all: 8 entries
    "#]],
    );
}

#[test]
fn without_a_rest_every_file_has_its_part() {
    check(
        &json!([part("lib", &["usr/lib", "usr/bin", "var"])]),
        false,
        &expect![[r#"
        error: no part takes `usr/include/z.h`, `usr/share/man/man1/tool.1`
    "#]],
    );
    check(
        &json!([part("usr", &["usr"]), part("var", &["var"])]),
        false,
        &expect![[r#"
        usr/
        usr/usr/
        usr/usr/bin/
        usr/usr/bin/tool* elf
        usr/usr/include/
        usr/usr/include/z.h header
        usr/usr/lib/
        usr/usr/lib/libz.a archive
        usr/usr/lib/libz.so -> libz.so.1
        usr/usr/lib/libz.so.1 -> libz.so.1.3
        usr/usr/lib/libz.so.1.3* elf
        usr/usr/share/
        usr/usr/share/man/
        usr/usr/share/man/man1/
        usr/usr/share/man/man1/tool.1 page
        var/
        var/var/
        var/var/empty/
        usr: 7 entries
        var: 1 entries
    "#]],
    );
}

/// A change here needs a new version of the kind.
#[test]
fn golden_split() {
    let mut bench = Bench::new();
    let tree = bench.input_tree("staging", STAGING);
    let params = json!({
        "tree": tree, "parts": [part("dev", &["usr/include", "usr/lib/*.so"])], "rest": {"$output": "main"},
    });
    let output = bench.run(NativeKind::Split, &params).unwrap();
    assert_eq!(NativeKind::Split.version(), 1);
    expect!["9440d2b61ccaa9d519755ccfdd52892e85c2f5a4cea241d10b0f2144681d4f23/156"]
        .assert_eq(&output.root.to_string());
}
