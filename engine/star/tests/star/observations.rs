//! What an analysis says it has read: while that is unchanged, so is the analysis.

use wiz_base::DigestFunction;
use wiz_star::unchanged;

use crate::written::Written;

const FILES: &str = r#"
# file: lib/rules.star
def _impl(ctx):
    return []
thing = rule(impl = _impl, attrs = {"srcs": attrs.list(attrs.source(), default = [])})
# file: a/BUILD.star
load("//lib:rules.star", "thing")
thing(name = "a", srcs = glob(["*.c"]))
# file: a/x.c
# file: b/unused.star
x = 1
"#;

fn still_valid_after(change: impl Fn(&mut Written)) -> bool {
    let mut written = Written::new(FILES);
    let analysis = written.analyze(&["//a"], 1);
    assert!(analysis.is_sound(), "{:?}", analysis.diagnostics);
    assert!(unchanged(&written, DigestFunction::Blake3, &analysis.files).unwrap());
    change(&mut written);
    unchanged(&written, DigestFunction::Blake3, &analysis.files).unwrap()
}

#[test]
fn what_was_read_is_watched() {
    for path in ["WORKSPACE.star", "lib/rules.star", "a/BUILD.star"] {
        assert!(!still_valid_after(|written| written.0.get_mut(path).unwrap().push('#')), "{path}");
        assert!(!still_valid_after(|written| drop(written.0.remove(path))), "{path}");
    }
    assert!(!still_valid_after(|written| drop(written.0.insert("a/y.c".to_owned(), String::new()))));
}

#[test]
fn what_was_not_read_is_not_watched() {
    assert!(still_valid_after(|written| drop(written.0.insert("b/unused.star".to_owned(), String::new()))));
    assert!(still_valid_after(|written| drop(written.0.insert("a/x.c".to_owned(), "changed".to_owned()))));
}
